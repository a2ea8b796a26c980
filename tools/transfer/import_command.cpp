// Which file goes into which directory, and what is said of it in the end.
// tools/transfer/: see import_command.hpp; the importing is in importer and topic_import.
#include "tools/transfer/import_command.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/suggestion.hpp"
#include "storage/rocks_store.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/progress_bar.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/interrupt.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"
#include "tools/transfer/export_reader.hpp"
#include "tools/transfer/import_target.hpp"
#include "tools/transfer/importer.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

using Did = ImportedTopic::Did;

constexpr const char* kFooter = R"(
Topics that are not there are made as they were: offsets, epochs, times, keys, producers, cursors
and state. One that is there and is the beginning of the file's gets what it lacks, so an import
that was cut off goes on when it is repeated. One with another history is refused; with --new-epoch
its events are appended, under a new epoch, with new offsets, each time they are imported. Behind
events that are missing in the file a new epoch begins. Clients of the log the file was made of may
have seen more than is in it: a topic opens a new epoch when a broker first publishes to it, and
whoever is ahead is told. No broker may be using the directory.

Examples:
  tidemark import all.tmx --data /srv/tidemark --dry-run
  tidemark import all.tmx --data /srv/tidemark
  tidemark export orders --data old | tidemark import - --data new
  tidemark import all.tmx --data /srv/tidemark --topic orders --as orders/2025)";

constexpr std::size_t kPiece = std::size_t{256} << 10;
// What is beyond is counted, not kept.
constexpr std::size_t kMostKept = 10'000;

struct ImportOptions {
  std::string file;
  std::string data;
  ImportWishes wishes;
  bool dry_run = false;
  bool json = false;
};

std::string reason() { return std::generic_category().message(errno); }

// ---- the file ----

/// What is read; closed with it, but for stdin.
class Input {
 public:
  explicit Input(const std::string& file)
      : fd_(file == "-" ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Input() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// 0: not known.
  [[nodiscard]] std::uint64_t size() const {
    struct stat status = {};
    const bool file = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
    return file ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
  /// As ExportReader::Input; a signal ends it.
  [[nodiscard]] std::optional<std::string> piece() const {
    std::string piece(kPiece, '\0');
    ssize_t got = 0;
    do {
      if (interrupted()) return std::nullopt;
      got = ::read(fd_, piece.data(), piece.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return std::nullopt;
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }

 private:
  const int fd_;
};

// ---- what has come of it ----

struct Outcome {
  std::vector<ImportedTopic> kept;
  std::uint64_t topics = 0;   ///< that are in the log as the file has them, or would be
  std::uint64_t written = 0;  ///< of them, those that something was written of
  std::uint64_t refused = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  bool complete = false;
};

/// Takes topics as they are through, and tells at once what somebody has to look at.
class Report {
 public:
  explicit Report(ProgressBar& bar) : bar_(bar) {}

  void take(const ImportedTopic& topic) {
    const std::string name = printable(topic.name);
    if (topic.did == Did::refused) {
      ++outcome_.refused;
      bar_.clear();
      complain(name + ": " + printable(topic.why));
    } else {
      ++outcome_.topics;
      if (topic.did != Did::unchanged) ++outcome_.written;
    }
    for (const auto& note : topic.notes) {
      bar_.clear();
      warn(name + ": " + printable(note));
    }
    outcome_.events += topic.events;
    outcome_.lost += topic.lost;
    if (outcome_.kept.size() < kMostKept) outcome_.kept.push_back(topic);
  }
  [[nodiscard]] Outcome& outcome() { return outcome_; }

 private:
  ProgressBar& bar_;
  Outcome outcome_;
};

int print_json(const ImportOptions& options, const Outcome& outcome) {
  json::array topics;
  for (const auto& topic : outcome.kept) {
    json::object said{{"topic", topic.name},
                      {"did", to_string(topic.did)},
                      {"events", topic.events},
                      {"lost", topic.lost}};
    if (topic.name != topic.topic) said["from"] = topic.topic;
    if (!topic.why.empty()) said["why"] = topic.why;
    topics.push_back(std::move(said));
  }
  const json::object out{{"file", printable(options.file)},
                         {"data", printable(options.data)},
                         {"dry_run", options.dry_run},
                         {"complete", outcome.complete},
                         {"topics", std::move(topics)},
                         {"events", outcome.events},
                         {"lost", outcome.lost},
                         {"refused", outcome.refused}};
  return print_out(json::serialize(out) + "\n");
}

int print_text(const ImportOptions& options, const Outcome& outcome) {
  static const std::vector<TextColumn> kColumns{{"TOPIC"}, {"EVENTS", true}, {"WHAT"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& topic : outcome.kept)
    rows.push_back(
        {printable(topic.name), grouped(topic.events), std::string(to_string(topic.did))});
  std::string out = rows.empty() ? std::string() : text_table(STDOUT_FILENO, kColumns, rows);
  const std::uint64_t all = outcome.topics + outcome.refused;
  if (all > rows.size()) out += "… and " + counted(all - rows.size(), "more topic") + "\n";
  if (outcome.written == 0 && outcome.refused == 0) {
    out += outcome.topics == 0 ? "there is nothing to import\n"
                               : "everything is there already, nothing is to be done\n";
  } else {
    out += std::string(options.dry_run ? "would import " : "imported ") +
           counted(outcome.events, "event") + " of " + counted(outcome.written, "topic") + "\n";
  }
  return print_out(out);
}

// ---- the work ----

/// The log that is open, with its writer.
struct Target {
  std::unique_ptr<storage::Log> log;
  std::unique_ptr<HistoryWriter> writer;
};

boost::system::result<ImportPlace, HttpFailure> open_target(const ImportOptions& options,
                                                            Target& target) {
  auto log = options.dry_run ? open_to_try(options.data) : open_to_import(options.data);
  if (!log) return std::move(log.error());
  target.log = std::move(*log);
  if (!options.dry_run) target.writer = std::make_unique<HistoryWriter>(*target.log);
  return ImportPlace{.log = target.log.get(), .writer = target.writer.get()};
}

int say_fault(const ImportOptions& options, const ExportFault& fault) {
  using Kind = ExportFault::Kind;
  const auto add = [&](const char* what) {
    if (!options.dry_run) note(what);
  };
  complain((options.file == "-" ? "stdin" : printable(options.file)) + ": " +
           printable(fault.text));
  switch (fault.kind) {
    case Kind::cut:
      add("what is whole of it is imported; import the whole file again to go on");
      return kIncomplete;
    case Kind::damaged:
      add("what is before the damage is imported");
      return kDamaged;
    case Kind::newer:
    case Kind::foreign:
    case Kind::unread:
      return kFailed;
  }
  return kFailed;
}

/// An exit code if it did not come to the file's end; said already.
std::optional<int> take_all(ExportReader& reader, Importer& importer, const ImportOptions& options,
                            ProgressBar& bar) {
  for (;;) {
    auto item = reader.next();
    if (item && *item && !interrupted()) {
      bar.at(reader.whole_bytes(), importer.topic());
      const auto failure = importer.take(std::move(**item));
      if (!failure) continue;
      bar.clear();
      static_cast<void>(importer.stop());  // of what is told already
      return report(*failure);
    }
    bar.clear();
    if (item && !*item) return std::nullopt;
    if (const auto failure = importer.stop()) return report(*failure);
    if (!interrupted()) return say_fault(options, item.error());
    warn("interrupted; import it again to go on");
    return kIncomplete;
  }
}

int judge(const ImportOptions& options, const Importer& importer, const Outcome& outcome) {
  const auto missing = importer.missing();
  for (const auto& name : missing)
    complain("the file has no topic " + name + did_you_mean(name, importer.names()));
  if (!missing.empty() || outcome.refused > 0) return kRefused;
  if (outcome.lost == 0) return kOk;
  complain(counted(outcome.lost, "event") + " of the file " +
           (options.dry_run ? "would be missing" : "are missing") + ": they are gaps in it");
  return kDamaged;
}

int import_from(const ImportOptions& options, const Input& input) {
  auto reader = ExportReader::open([&] { return input.piece(); });
  if (!reader && interrupted()) return kIncomplete;
  if (!reader) return say_fault(options, reader.error());
  ProgressBar bar(options.dry_run ? "checking" : "importing", input.size());
  Report told(bar);
  Target target;
  Importer importer(
      options.wishes, [&] { return open_target(options, target); },
      [&](const ImportedTopic& topic) { told.take(topic); });
  const auto ended = take_all(**reader, importer, options, bar);
  bar.clear();
  auto& outcome = told.outcome();
  outcome.complete = importer.complete();
  int printed = kOk;
  if (options.json) {
    printed = print_json(options, outcome);
  } else if (!ended || !outcome.kept.empty()) {
    printed = print_text(options, outcome);
  }
  const int code = ended ? *ended : judge(options, importer, outcome);
  return code == kOk ? printed : code;
}

int import_topics(const ImportOptions& options) {
  catch_interrupts();
  const Input input(options.file);
  if (!input.is_open()) {
    complain("cannot open " + printable(options.file) + ": " + reason());
    return kFailed;
  }
  if (options.dry_run && storage::writer_of(options.data))
    note("a broker uses " + printable(options.data) + "; it has to be stopped for the import");
  return import_from(options, input);
}

void check(const ImportOptions& options) {
  const auto check_name = [](const char* option, const std::string& name) {
    const auto topic = TopicName::parse(name);
    if (!topic) throw CLI::ValidationError(option, topic.error().message());
  };
  const auto& wishes = options.wishes;
  for (const auto& name : wishes.topics) check_name("--topic", name);
  if (wishes.as.empty()) return;
  check_name("--as", wishes.as);
  if (wishes.topics.size() != 1)
    throw CLI::ValidationError("--as", "needs the topic it is for, one --topic");
}

}  // namespace

void add_import(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("import", "Put exported topics into a data directory");
  const auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "What tidemark export has written; - is stdin")
      ->required();
  command
      ->add_option("--data", options->data,
                   "The data directory; it is made if there is none, and no broker may be using it")
      ->type_name("DIR")
      ->required();
  command
      ->add_option("--topic", options->wishes.topics,
                   "Only this topic; may be given more than once")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command->add_option("--as", options->wishes.as, "Call the topic so; needs one --topic")
      ->type_name("NAME");
  command->add_flag("--new-epoch", options->wishes.new_epoch,
                    "Append the events of topics that are there with another history");
  command->add_flag("--dry-run", options->dry_run, "Read and check everything, write nothing");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check(*options);
    run = [options] { return import_topics(*options); };
  });
}

}  // namespace tidemark::tools
