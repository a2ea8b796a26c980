// Figures of a broker or of files, as a page or as an object.
// tools/inspect/: see stats.hpp.
#include "tools/inspect/stats.hpp"

#include <memory>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tools/broker_http.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/pager.hpp"
#include "tools/inspect/source.hpp"
#include "tools/inspect/stats_text.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
A level holds files that are merged into the next one in time: many files at level 0, or much to be
compacted, say that writing is faster than that. Write amplification is what the disk has to take
for each byte that is published. Times of commits are those publishers wait for; the quantiles are
estimated from the bars. What is counted begins with the broker's start; from files alone (--data)
only sizes and levels are known.

Examples:
  tidemark stats
  tidemark stats --data /var/lib/tidemark
  tidemark stats --json | jq .write_amplification)";

struct StatsOptions {
  SourceChoice source;
  bool no_pager = false;
  bool json = false;
};

int fail(const StatsOptions& options, const HttpFailure& failure) {
  if (options.source.data.empty()) return report(failure);
  complain(failure.text);
  return failure.exit;
}

int print_text(const StatsOptions& options, const json::object& stats) {
  {
    const Pager pager(!options.no_pager);
    // Whoever leaves the pager early has seen enough.
    const auto text = stats_text(stats, STDOUT_FILENO, terminal_width(STDOUT_FILENO));
    if (const int printed = print_out(text); printed != kOk) return printed;
  }
  if (!stats.contains("commits")) {
    note(
        "times of commits, write amplification and rates of hits are known to a running broker "
        "only: --server");
  }
  return kOk;
}

int print_stats(const StatsOptions& options) {
  const auto source = Source::open(options.source);
  if (!source) return fail(options, source.error());
  json::object stats;
  if (const auto failure = (*source)->stats(stats)) return fail(options, *failure);
  if (!options.json) return print_text(options, stats);
  return print_json(stats);
}

}  // namespace

void add_stats(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("stats", "Draw sizes, levels, caches and times of commits");
  const auto options = std::make_shared<StatsOptions>();
  command->add_flag("--json", options->json, "Print the figures as JSON");
  add_pager_option(*command, options->no_pager);
  add_source_options(*command, options->source);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  command->callback([options, &run] {
    check_source(options->source);
    run = [options] { return print_stats(*options); };
  });
}

}  // namespace tidemark::tools
