// The command line: finds the subcommand and runs it.
// tools/: each subcommand is a unit of its own.
#include <algorithm>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "protocol/suggestion.hpp"
#include "tools/bench_command.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspect/backup.hpp"
#include "tools/inspect/describe.hpp"
#include "tools/inspect/diff.hpp"
#include "tools/inspect/repair.hpp"
#include "tools/inspect/show.hpp"
#include "tools/inspect/stats.hpp"
#include "tools/inspect/topics.hpp"
#include "tools/inspect/verify.hpp"
#include "tools/pub.hpp"
#include "tools/state.hpp"
#include "tools/tail.hpp"
#include "tools/terminal.hpp"
#include "tools/token.hpp"
#include "tools/topic_changes.hpp"
#include "tools/transfer/export_command.hpp"
#include "tools/transfer/import_command.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
Every subcommand has its own --help with examples. --server or TIDEMARK_SERVER say where the broker
is; http://127.0.0.1:4437 without them. Colours are for terminals only; NO_COLOR turns them off.)";

std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> out;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.push_back(command->get_name());
  }
  return out;
}

/// The mistyped subcommand, if that is what is wrong.
std::string wrong_subcommand(const CLI::App& app, const std::vector<std::string>& arguments) {
  const auto names = names_of(app);
  const auto word = std::ranges::find_if(
      arguments, [](const std::string& argument) { return !argument.starts_with('-'); });
  if (word == arguments.end() || std::ranges::find(names, *word) != names.end()) return {};
  return "there is no subcommand " + printable(*word) + did_you_mean(*word, names);
}

int usage(const CLI::App& app, const CLI::ParseError& error,
          const std::vector<std::string>& arguments) {
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  const auto wrong = wrong_subcommand(app, arguments);
  complain(wrong.empty() ? error.what() : wrong);
  const auto chosen = app.get_subcommands();
  const std::string who = chosen.empty() ? "tidemark" : "tidemark " + chosen.front()->get_name();
  note(who + " --help says more");
  return kUsage;
}

int main_of(const std::vector<std::string>& arguments) {
  CLI::App app("Tidemark: publish events, follow them, come back and miss nothing.", "tidemark");
  app.require_subcommand(1);
  app.set_version_flag("--version", "tidemark " TIDEMARK_VERSION);
  app.footer(std::string(kFooter) + "\n\n" + kExitCodes);
  std::function<int()> run;
  add_pub(app, run);
  add_tail(app, run);
  add_topics(app, run);
  add_describe(app, run);
  add_show(app, run);
  add_diff(app, run);
  add_create(app, run);
  add_set(app, run);
  add_trim(app, run);
  add_delete(app, run);
  add_state(app, run);
  add_cursors(app, run);
  add_unread(app, run);
  add_stats(app, run);
  add_verify(app, run);
  add_export(app, run);
  add_import(app, run);
  add_backup(app, run);
  add_restore(app, run);
  add_repair(app, run);
  add_token(app, run);
  add_bench(app, run);
  try {
    // CLI11 takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return usage(app, error, arguments);
  }
  return run();
}

}  // namespace
}  // namespace tidemark::tools

int main(int argc, char** argv) {
  using namespace tidemark::tools;  // NOLINT(google-build-using-namespace): a program of its own
  try {
    return main_of({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    complain(error.what());
    return kFailed;
  }
}
