// Findings as a table or as JSON, a line that sums up, and an exit code for scripts.
// tools/inspect/: see verify.hpp; what is checked is in storage/verify.hpp.
#include "tools/inspect/verify.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "storage/verify.hpp"
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

using storage::Finding;
using storage::VerifyReport;

// What is beyond is counted, not kept: a directory may be damaged in every block.
constexpr std::size_t kMaxFindings = 10'000;

struct VerifyChoice {
  std::string topic;
  std::string data;
  std::string server;  ///< only to say that it is not taken
  bool json = false;
  bool quiet = false;
};

/// A verification that has come to its end, or been stopped.
struct Outcome {
  VerifyReport report;
  std::vector<Finding> findings;
  std::chrono::milliseconds took{0};
};

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f %s", unit > 0 && value < 10 ? 1 : 0, value,
                kUnits.at(unit));
  return text.data();
}

bool is_damage(const Finding& finding) { return finding.weight == Finding::Weight::damage; }

// ---- for people ----

std::string offsets_text(OffsetRange offsets) {
  if (offsets.empty()) return {};
  const auto first = std::to_string(offsets.first.value);
  return offsets.count() == 1 ? first : first + "–" + std::to_string(offsets.end.value - 1);
}

std::string finding_text(const Finding& finding) {
  std::string out = finding.what;
  // RocksDB's own words may have the place in them already.
  if (!finding.where.empty() && out.find(finding.where) == std::string::npos)
    out += " (" + finding.where + ")";
  if (!finding.around.empty()) out += "; " + finding.around;
  return printable(out);
}

std::string table_of(const std::vector<Finding>& findings) {
  static const std::vector<TextColumn> kColumns{{"WEIGHT"}, {"TOPIC"}, {"EVENTS"}, {"FINDING"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& finding : findings) {
    const auto text = finding_text(finding);
    rows.push_back({is_damage(finding) ? "damage" : "note",
                    finding.topic.empty() ? "-" : printable(finding.topic),
                    offsets_text(finding.offsets),
                    is_damage(finding) ? paint(STDOUT_FILENO, Colour::red, text) : text});
  }
  return text_table(STDOUT_FILENO, kColumns, rows);
}

std::string read_text(const VerifyReport& report) {
  std::string out = counted(report.topics, "topic", "topics") + ", " +
                    counted(report.events, "event", "events") + " in " +
                    counted(report.batches, "batch", "batches");
  if (report.producers > 0) out += ", " + counted(report.producers, "producer", "producers");
  if (report.keys > 0) out += ", " + counted(report.keys, "key", "keys");
  if (report.states > 0) out += ", " + counted(report.states, "state", "states");
  if (report.cursors > 0) out += ", " + counted(report.cursors, "cursor", "cursors");
  return out;
}

std::string verdict_of(const VerifyReport& report) {
  if (!report.intact())
    return paint(STDOUT_FILENO, Colour::red,
                 "damaged: " + counted(report.damages, "finding", "findings"));
  if (report.stopped) return paint(STDOUT_FILENO, Colour::yellow, "stopped, no damage so far");
  return paint(STDOUT_FILENO, Colour::green, "intact");
}

std::string summary_of(const Outcome& outcome) {
  const auto& report = outcome.report;
  std::string out = verdict_of(report);
  if (report.notes > 0) out += ", " + counted(report.notes, "note", "notes");
  out += "; read: " + read_text(report);
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.1f",
                static_cast<double>(outcome.took.count()) / 1000);
  out += "; " + bytes_text(report.bytes) + " in " + seconds.data() + " s";
  if (report.unclaimed_bytes > 0)
    out += "; " + bytes_text(report.unclaimed_bytes) +
           " are trimmed or deleted and not yet given back";
  return out + "\n";
}

int print_text(const Outcome& outcome) {
  std::string out;
  if (!outcome.findings.empty()) out += table_of(outcome.findings);
  const auto all = outcome.report.damages + outcome.report.notes;
  if (all > outcome.findings.size())
    out += "… and " + grouped(all - outcome.findings.size()) + " more\n";
  return print_out(out + summary_of(outcome));
}

// ---- for scripts ----

json::object object_of(const Finding& finding) {
  json::object out;
  out["weight"] = is_damage(finding) ? "damage" : "note";
  // What comes of damaged files need not be UTF-8, which JSON must be.
  if (!finding.topic.empty()) out["topic"] = printable(finding.topic);
  if (!finding.offsets.empty()) {
    out["first"] = finding.offsets.first.value;
    out["last"] = finding.offsets.end.value - 1;
  }
  out["what"] = printable(finding.what);
  if (!finding.where.empty()) out["where"] = printable(finding.where);
  if (!finding.around.empty()) out["around"] = printable(finding.around);
  return out;
}

int print_json(const Outcome& outcome) {
  const auto& report = outcome.report;
  json::object out;
  out["intact"] = report.intact();
  out["complete"] = !report.stopped;
  out["topics"] = report.topics;
  out["batches"] = report.batches;
  out["events"] = report.events;
  out["bytes"] = report.bytes;
  out["producers"] = report.producers;
  out["keys"] = report.keys;
  out["states"] = report.states;
  out["cursors"] = report.cursors;
  out["damages"] = report.damages;
  out["notes"] = report.notes;
  out["unclaimed_bytes"] = report.unclaimed_bytes;
  out["milliseconds"] = outcome.took.count();
  json::array findings;
  for (const auto& finding : outcome.findings) findings.push_back(object_of(finding));
  out["findings"] = std::move(findings);
  return print_out(json::serialize(out) + "\n");
}

// ---- the command ----

int verify(const VerifyChoice& choice) {
  catch_interrupts();
  Outcome outcome;
  ProgressBar bar("verifying", 0);
  const auto start = std::chrono::steady_clock::now();
  storage::VerifyOptions options;
  options.topic = choice.topic;
  options.finding = [&](const Finding& finding) {
    if (outcome.findings.size() < kMaxFindings) outcome.findings.push_back(finding);
  };
  options.progress = [&](const storage::VerifyProgress& progress) {
    if (!choice.quiet) {
      bar.set_total(progress.total);
      bar.at(progress.bytes, progress.topic);
    }
    return !interrupted();
  };
  auto report = storage::verify_store(choice.data, options);
  bar.clear();
  if (!report) return tools::report(failure_of(report.error()));
  outcome.report = *report;
  outcome.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  int printed = kOk;
  if (!choice.quiet) printed = choice.json ? print_json(outcome) : print_text(outcome);
  if (!report->intact()) return kDamaged;
  return report->stopped ? kIncomplete : printed;
}

void check_choice(const VerifyChoice& choice) {
  if (!choice.server.empty())
    throw CLI::ValidationError("--server",
                               "verify reads the files where they are, on the broker's machine, "
                               "also while it runs: give its data directory with --data");
  if (choice.data.empty())
    throw CLI::ValidationError("--data", "say which data directory: --data DIR");
}

constexpr const char* kVerifyFooter = R"(
Everything is read and checked: RocksDB's checksums and those of every batch, that offsets are
without holes and epochs those of the topic's history, producers, keys, states and cursors against
the log. Nothing is written, and a broker may run on the files meanwhile. A note is worth knowing
and harms nothing.

Examples:
  tidemark verify --data /var/lib/tidemark
  tidemark verify orders --data /var/lib/tidemark --json
  tidemark verify --data /backups/monday --quiet || echo damaged
)";

}  // namespace

void add_verify(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("verify", "Read all of a log and say what is damaged");
  const auto choice = std::make_shared<VerifyChoice>();
  command->add_option("TOPIC", choice->topic, "Only this topic, and what it has inherited");
  command->add_option("--data", choice->data, "The data directory, or a backup")->type_name("DIR");
  // In no help: it is there to be answered with a reason.
  command->add_option("--server", choice->server)->group("");
  command->add_flag("--json", choice->json, "Print one JSON object");
  command->add_flag("--quiet,-q", choice->quiet, "Print nothing; the exit code says it");
  command->footer(std::string(kVerifyFooter) + "\n" + kExitCodes);
  command->callback([choice, &run] {
    check_choice(*choice);
    run = [choice] { return verify(*choice); };
  });
}

}  // namespace tidemark::tools
