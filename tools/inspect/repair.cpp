// What was salvaged and what was lost, as a table or as JSON, and an exit code for scripts.
// tools/inspect/: see repair.hpp; how it is done is in storage/repair.hpp.
#include "tools/inspect/repair.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "storage/repair.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/progress_bar.hpp"
#include "tools/inspect/store_failure.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/interrupt.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

using storage::Loss;
using storage::RepairReport;

// What is beyond is counted, not kept: a directory may be damaged in every block.
constexpr std::size_t kMaxLosses = 10'000;

struct RepairChoice {
  std::string from;
  std::string to;
  bool json = false;
};

struct Outcome {
  RepairReport report;
  std::vector<Loss> losses;
  std::uint64_t lost = 0;  ///< losses, kept or not
};

// ---- for people ----

std::string offsets_text(OffsetRange offsets) {
  if (offsets.empty()) return {};
  const auto first = std::to_string(offsets.first.value);
  return offsets.count() == 1 ? first : first + "–" + std::to_string(offsets.end.value - 1);
}

std::string table_of(const std::vector<Loss>& losses) {
  static const std::vector<TextColumn> kColumns{{"TOPIC"}, {"EVENTS"}, {"LOST"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& loss : losses)
    rows.push_back({loss.topic.empty() ? "-" : printable(loss.topic), offsets_text(loss.offsets),
                    paint(STDOUT_FILENO, Colour::red, printable(loss.what))});
  return text_table(STDOUT_FILENO, kColumns, rows);
}

std::string verdict_of(const Outcome& outcome) {
  if (outcome.lost == 0) return paint(STDOUT_FILENO, Colour::green, "nothing is lost");
  std::string out = counted(outcome.lost, "loss", "losses");
  if (outcome.report.lost_events > 0)
    out += ", " + counted(outcome.report.lost_events, "event", "events") + " known to be lost";
  return paint(STDOUT_FILENO, Colour::red, out);
}

int print_text(const RepairChoice& choice, const Outcome& outcome) {
  const auto& report = outcome.report;
  std::string out;
  if (!outcome.losses.empty()) out += table_of(outcome.losses);
  if (outcome.lost > outcome.losses.size())
    out += "… and " + grouped(outcome.lost - outcome.losses.size()) + " more\n";
  out += verdict_of(outcome) + "; salvaged: " + counted(report.topics, "topic", "topics") + ", " +
         counted(report.events, "event", "events") + "; " + report.way + "\n";
  const int printed = print_out(out);
  note(printable(choice.to) +
       " is a data directory like any other; its topics go on under new epochs, so that clients "
       "are told");
  return printed;
}

// ---- for scripts ----

json::object object_of(const Loss& loss) {
  json::object out;
  // What comes of damaged files need not be UTF-8, which JSON must be.
  if (!loss.topic.empty()) out["topic"] = printable(loss.topic);
  if (!loss.offsets.empty()) {
    out["first"] = loss.offsets.first.value;
    out["last"] = loss.offsets.end.value - 1;
  }
  out["what"] = printable(loss.what);
  return out;
}

int print_json(const RepairChoice& choice, const Outcome& outcome) {
  const auto& report = outcome.report;
  json::object out;
  out["from"] = printable(choice.from);
  out["to"] = printable(choice.to);
  out["way"] = report.way;
  out["topics"] = report.topics;
  out["events"] = report.events;
  out["lost_events"] = report.lost_events;
  out["lost"] = outcome.lost;
  json::array losses;
  for (const auto& loss : outcome.losses) losses.push_back(object_of(loss));
  out["losses"] = std::move(losses);
  return print_out(json::serialize(out) + "\n");
}

// ---- the command ----

int repair(const RepairChoice& choice) {
  catch_interrupts();
  Outcome outcome;
  ProgressBar bar("repairing", 0);
  storage::RepairOptions options;
  options.loss = [&](const Loss& loss) {
    ++outcome.lost;
    if (outcome.losses.size() < kMaxLosses) outcome.losses.push_back(loss);
  };
  options.progress = [&](const storage::RepairProgress& progress) {
    bar.set_total(progress.total);
    bar.at(progress.bytes, progress.step);
    return !interrupted();
  };
  auto report = storage::repair_store(choice.from, choice.to, options);
  bar.clear();
  if (!report) return tools::report(failure_of(report.error()));
  outcome.report = std::move(*report);
  const int printed = choice.json ? print_json(choice, outcome) : print_text(choice, outcome);
  return outcome.lost > 0 ? kDamaged : printed;
}

constexpr const char* kRepairFooter = R"(
The damaged directory is only read, and no broker may be using it. What is intact goes into the new
one with its names, settings, offsets, epochs and times. Events behind a hole, and what comes next in
each topic, get new epochs: a client that claims more than there is learns of it, and no offset is
given twice. Topics whose metadata is lost are called recovered/ and a number. What is lost is
listed, and the exit code is 6 if anything is. Start the broker with --data NEW then.

Examples:
  tidemark verify --data /var/lib/tidemark
  tidemark repair /var/lib/tidemark /var/lib/tidemark.new
  tidemark repair /mnt/copy /srv/salvaged --json > losses.json
)";

}  // namespace

void add_repair(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("repair", "Salvage a damaged data directory into a new one");
  const auto choice = std::make_shared<RepairChoice>();
  command->add_option("DAMAGED", choice->from, "The damaged data directory; it stays as it is")
      ->required();
  command->add_option("NEW", choice->to, "The new one; must not exist, or be empty")->required();
  command->add_flag("--json", choice->json, "Print one JSON object");
  command->footer(std::string(kRepairFooter) + "\n" + kExitCodes);
  command->callback([choice, &run] { run = [choice] { return repair(*choice); }; });
}

}  // namespace tidemark::tools
