// What is exported, where it goes, and what is said of it in the end.
// tools/transfer/: see export_command.hpp; the reading is in export_log and export_broker.
#include "tools/transfer/export_command.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "storage/log_queries.hpp"
#include "tools/inspect/progress_bar.hpp"
#include "tools/inspect/source.hpp"
#include "tools/inspect/store_failure.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/interrupt.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/transfer/export_broker.hpp"
#include "tools/transfer/export_file.hpp"
#include "tools/transfer/export_log.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
An export has events with their offsets, times, epochs, keys and headers, the topics' settings,
producers and cursors, and from files also the newest event of each key and the stored state.
tidemark import makes the same topics of it. What can't be read is told, and is a gap in the export.

Examples:
  tidemark export orders --data /var/lib/tidemark | jq -c 'select(.type == "event")'
  tidemark export --all --format binary -o all.tmx
  tidemark export --all --format binary -o all.tmx --resume)";

// More topics than this are not asked one by one how large they are, only to draw a bar.
constexpr std::size_t kMostAsked = 10'000;

struct ExportOptions {
  SourceChoice source;
  std::vector<std::string> topics;
  bool all = false;
  std::string output;  ///< empty: stdout
  std::string format;  ///< empty: ndjson, or what there is of the file
  bool resume = false;
  bool json = false;
};

std::string reason(int error) { return std::generic_category().message(error); }

// ---- what ----

/// What is to be exported.
struct Plan {
  std::vector<std::string> names;     ///< in order
  std::uint64_t bytes = 0;            ///< about; 0: not known
  std::optional<HttpFailure> damage;  ///< why there may be more topics
};

Failure all_names(Source& source, Plan& plan) {
  if (auto* log = source.log()) {
    const auto listed = log->list({}, [&](const storage::TopicMeta& meta) {
      if (!meta.gone) plan.names.push_back(meta.name);
      return !interrupted();
    });
    if (!listed) plan.damage = failure_of(listed.errc(), "listing the topics");
    return std::nullopt;
  }
  return source.topics({}, [&](const json::object& topic) {
    plan.names.push_back(text_of(topic, "name"));
    plan.bytes += number_of(topic, "bytes");
    return !interrupted();
  });
}

// Before anything is written: all of them have to be there.
Failure given_names(Source& source, const std::vector<std::string>& topics, Plan& plan) {
  for (const auto& name : topics) {
    json::object topic;
    auto failure = source.topic(name, topic);
    // Damage is what an export goes around.
    if (failure && failure->exit != kDamaged) return failure;
    plan.names.push_back(name);
    plan.bytes += number_of(topic, "bytes");
  }
  return std::nullopt;
}

std::uint64_t bytes_of(storage::Log& log, const std::vector<std::string>& names) {
  if (names.size() > kMostAsked) return log.held_bytes();
  std::uint64_t bytes = 0;
  for (const auto& name : names) {
    const auto parsed = TopicName::parse(name);
    if (!parsed || interrupted()) continue;
    const auto loaded = log.load(*parsed);
    if (!loaded || !*loaded) continue;
    if (const auto stored = storage::stored_bytes(log, **loaded)) bytes += *stored;
  }
  return bytes;
}

Failure make_plan(Source& source, const ExportOptions& options, Plan& plan) {
  auto failure = options.all ? all_names(source, plan) : given_names(source, options.topics, plan);
  if (failure) return failure;
  std::ranges::sort(plan.names);
  const auto [first, last] = std::ranges::unique(plan.names);
  plan.names.erase(first, last);
  return std::nullopt;
}

// ---- where to ----

bool lies_within(const std::filesystem::path& file, const std::filesystem::path& directory) {
  std::error_code error;
  const auto outer = std::filesystem::canonical(directory, error);
  if (error) return false;
  const auto inner = std::filesystem::weakly_canonical(file, error);
  if (error) return false;
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

/// Where it goes, with what is there already.
struct Target {
  std::optional<ExportFile> file;  ///< unset: stdout
  ExportSoFar so_far;
  [[nodiscard]] int fd() const { return file ? file->fd() : STDOUT_FILENO; }
};

// Whether what is in the file was made of these topics; says so if not. Of all topics some may
// have come and gone since.
bool fits(const ExportSoFar& so_far, const Plan& plan, const ExportOptions& options) {
  if (!options.format.empty() && so_far.form &&
      (options.format == "binary") != (*so_far.form == ExportForm::binary)) {
    complain(printable(options.output) + " is of the other --format");
    return false;
  }
  const auto& have = so_far.topics;
  const bool begins =
      have.size() <= plan.names.size() && std::equal(have.begin(), have.end(), plan.names.begin());
  if (options.all || begins) return true;
  complain(printable(options.output) + " is an export of other topics");
  return false;
}

std::optional<int> continue_file(const ExportOptions& options, const Plan& plan, Target& target) {
  ProgressBar progress("reading what there is", target.file->size());
  auto so_far = read_so_far(*target.file, progress);
  progress.clear();
  if (!so_far && interrupted()) return kIncomplete;
  if (!so_far) {
    complain(printable(options.output) + " can't be gone on with: " + so_far.error().text);
    return so_far.error().kind == ExportFault::Kind::damaged ? kDamaged : kFailed;
  }
  target.so_far = std::move(*so_far);
  if (!fits(target.so_far, plan, options)) return kFailed;
  if (target.so_far.complete()) {
    note(printable(options.output) + " is complete");
    return kOk;
  }
  if (target.file->cut(target.so_far.whole_bytes)) return std::nullopt;
  complain("cannot write " + printable(options.output) + ": " + reason(errno));
  return kFailed;
}

// An exit code if there is nothing more to do.
std::optional<int> open_target(const ExportOptions& options, const Plan& plan, Target& target) {
  if (options.output.empty()) return std::nullopt;
  const auto refuse = [](const std::string& why) {
    complain(why);
    return std::optional<int>(kFailed);
  };
  if (options.resume) {
    auto opened = ExportFile::reopen(options.output);
    if (!opened) return refuse(opened.error());
    if (*opened) {
      target.file.emplace(std::move(**opened));
      return continue_file(options, plan, target);
    }
  }
  auto created = ExportFile::create(options.output);
  if (!created) return refuse(created.error());
  target.file.emplace(std::move(*created));
  return std::nullopt;
}

ExportForm form_of(const ExportOptions& options, const ExportSoFar& so_far) {
  if (so_far.form) return *so_far.form;
  return options.format == "binary" ? ExportForm::binary : ExportForm::ndjson;
}

// ---- the work ----

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::unique_ptr<ExportOrigin> origin_of(Source& source, ExportOutput& output) {
  if (auto* log = source.log()) return std::make_unique<LogExport>(*log, output);
  return std::make_unique<BrokerExport>(source, output);
}

// The topic that was cut off, in the history that it has now.
Failure finish_topic(ExportOrigin& origin, const ExportOrder& place) {
  const auto& begun = *place.topic();
  const auto described = origin.describe(begun.name);
  if (!described) return described.error();
  if (!*described || !goes_on_from(**described, begun)) {
    const std::string what = *described ? " has another history now" : " is gone";
    return HttpFailure{.exit = kRefused,
                       .text = "the topic " + printable(begun.name) + what +
                               " than when the export began; it has to be exported anew",
                       .code = {}};
  }
  return origin.write(begun, &place);
}

Failure export_topic(ExportOrigin& origin, ExportOutput& output, const std::string& name) {
  const auto described = origin.describe(name);
  if (!described && described.error().exit == kDamaged) {
    output.damage("the topic " + printable(name) + " can't be read: " + described.error().text);
    return std::nullopt;
  }
  if (!described) return described.error();
  if (!*described) {
    output.notice("the topic " + printable(name) + " is gone meanwhile");
    return std::nullopt;
  }
  return origin.write(**described, nullptr);
}

Failure write_all_topics(Source& source, const Plan& plan, const ExportOrder& so_far,
                         ExportOutput& output) {
  const auto origin = origin_of(source, output);
  std::string last;
  if (so_far.part() == ExportOrder::Part::nothing) {
    static_cast<void>(output.put(ExportHead{.time = now()}));
  } else if (so_far.topic()) {
    last = so_far.topic()->name;
    output.resume(so_far.items(), &*so_far.topic());
    if (auto failure = finish_topic(*origin, so_far)) return failure;
  } else {
    output.resume(so_far.items(), nullptr);
  }
  for (const auto& name : plan.names) {
    if (name <= last) continue;
    if (!output.go_on()) return std::nullopt;
    if (auto failure = export_topic(*origin, output, name)) return failure;
  }
  if (!output.go_on()) return std::nullopt;
  if (plan.damage) output.damage("not all topics can be listed: " + plan.damage->text);
  const auto& counts = output.counts();
  static_cast<void>(output.put(ExportEnd{.topics = counts.topics, .events = counts.events}));
  return std::nullopt;
}

// ---- in the end ----

std::string goes_on(const ExportOptions& options) {
  return options.output.empty() ? std::string() : "; --resume goes on with it";
}

int say_stop(const ExportOptions& options, const ExportOutput& output) {
  const std::string where = options.output.empty() ? "to stdout" : printable(options.output);
  switch (output.stop()) {
    case ExportStop::none:
      return kOk;
    case ExportStop::nobody_reads:  // as it should be: | head
      return kIncomplete;
    case ExportStop::interrupted:
      warn("interrupted, the export is incomplete" + goes_on(options));
      return kIncomplete;
    case ExportStop::no_space:
      complain("there is no space left to write " + where + " (" + reason(output.error()) +
               "); what is written stays" + goes_on(options));
      return kFailed;
    case ExportStop::failed:
      complain("cannot write " + where + ": " + reason(output.error()) + goes_on(options));
      return kFailed;
  }
  return kFailed;
}

void say_done(const ExportOptions& options, const ExportOutput& output) {
  const auto& counts = output.counts();
  if (options.json) {
    const json::object said{{"file", options.output},  {"topics", counts.topics},
                            {"events", counts.events}, {"lost", counts.lost},
                            {"bytes", counts.bytes},   {"damaged", output.damages() > 0}};
    static_cast<void>(write_all(STDOUT_FILENO, json::serialize(said) + "\n"));
    return;
  }
  std::string said = "exported " + counted(counts.events, "event") + " of " +
                     counted(counts.topics, "topic") + ", " + counted(counts.bytes, "byte");
  if (counts.lost > 0) said += "; " + grouped(counts.lost) + " events are gaps";
  note(said);
}

int finish(const ExportOptions& options, const Target& target, ExportOutput& output) {
  const bool written = output.flush();
  if (!written || output.stop() != ExportStop::none) return say_stop(options, output);
  if (target.file && !target.file->sync()) {
    complain("cannot write " + printable(options.output) + ": " + reason(errno));
    return kFailed;
  }
  say_done(options, output);
  if (output.damages() == 0) return kOk;
  complain("damage was found, and what could not be read is missing; tidemark verify says more");
  return kDamaged;
}

int run_export(const ExportOptions& options, Source& source) {
  Plan plan;
  if (const auto failure = make_plan(source, options, plan)) return report(*failure);
  Target target;
  if (const auto done = open_target(options, plan, target)) return *done;

  std::optional<ProgressBar> progress;
  if (is_terminal(STDERR_FILENO) && (target.file || !is_terminal(STDOUT_FILENO))) {
    if (auto* log = source.log()) plan.bytes = bytes_of(*log, plan.names);
    progress.emplace("exporting", plan.bytes);
  }
  const auto& so_far = target.so_far;
  const ExportCounts before{.topics = so_far.order.topics(),
                            .events = so_far.order.events(),
                            .lost = so_far.lost,
                            .bytes = so_far.whole_bytes};
  ExportOutput output(target.fd(), form_of(options, so_far), before,
                      progress ? &*progress : nullptr);
  const auto failure = write_all_topics(source, plan, so_far.order, output);
  if (progress) progress->clear();
  if (!failure) return finish(options, target, output);
  // What is whole of it stays, to be gone on with.
  static_cast<void>(output.flush());
  const int exit = report(*failure);
  if (target.file && failure->exit != kRefused) note("the export is incomplete" + goes_on(options));
  return exit;
}

int export_topics(const ExportOptions& options) {
  if (options.output.empty() && options.format == "binary" && is_terminal(STDOUT_FILENO)) {
    complain("the binary form is not for terminals; -o FILE, or a pipe, takes it");
    return kUsage;
  }
  if (!options.output.empty() && !options.source.data.empty() &&
      lies_within(options.output, options.source.data)) {
    complain("an export is not written into the data directory itself");
    return kUsage;
  }
  catch_interrupts();
  const auto source = Source::open(options.source);
  if (!source) return report(source.error());
  return run_export(options, **source);
}

void check(const ExportOptions& options) {
  check_source(options.source);
  if (options.all != options.topics.empty())
    throw CLI::ValidationError("TOPIC", "either topics are named, or --all");
  for (const auto& name : options.topics) {
    const auto topic = TopicName::parse(name);
    if (!topic) throw CLI::ValidationError("TOPIC", topic.error().message());
  }
  if (options.resume && options.output.empty())
    throw CLI::ValidationError("--resume", "needs the file, --output");
  if (options.json && options.output.empty())
    throw CLI::ValidationError("--json", "needs --output, since the export itself is on stdout");
}

}  // namespace

void add_export(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("export", "Write topics with their whole history to a file");
  const auto options = std::make_shared<ExportOptions>();
  command->add_option("TOPIC", options->topics, "Which topics");
  command->add_flag("--all", options->all, "All topics");
  command->add_option("-o,--output", options->output, "Write to this file, which must not exist")
      ->type_name("FILE");
  command
      ->add_option("--format", options->format,
                   "ndjson, an object a line (the default), or binary, which is smaller and faster")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"ndjson", "binary"}));
  command->add_flag("--resume", options->resume, "Go on with a file that was cut off");
  command->add_flag("--json", options->json, "Print what was exported as JSON; needs --output");
  add_source_options(*command, options->source);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check(*options);
    run = [options] { return export_topics(*options); };
  });
}

}  // namespace tidemark::tools
