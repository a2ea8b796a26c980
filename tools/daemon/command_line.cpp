// The daemon's command line: see command_line.hpp.
// tools/daemon/: CLI11 knows the flags by name; their values are texts until config has read them.
#include "tools/daemon/command_line.hpp"

#include <map>
#include <string>
#include <string_view>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "broker/config/option_table.hpp"
#include "tools/daemon/exit_codes.hpp"

namespace tidemark::tools {
namespace {

using namespace broker::config;  // NOLINT(google-build-using-namespace): this is its front end

constexpr const char* kFooter = R"(
Every option may also stand in the file of --config (as [max] connections = 1000) or in the
environment (as TIDEMARK_MAX_CONNECTIONS=1000). A flag wins over the environment, the environment
over the file. Keys of access have no flags: they are in the file.

Topic defaults apply to topics created without settings; the first pattern that fits wins:
  --topic-defaults 'logs/**=durability:buffered,max_age:7d,max_bytes:1GiB,content_type:text/plain'
  * stands for characters of one segment, ** for any number of segments.

Signals: SIGTERM and SIGINT stop in order, a second one at once. SIGHUP reads the configuration
again and applies what needs no restart. SIGUSR1 logs one level more, SIGUSR2 one less.

Exit codes: 0 stopped as asked, 1 other failure, 2 wrong usage or configuration, 3 the data
directory cannot be used, 4 the address cannot be listened on.)";

std::string type_name(const Option& option) {
  switch (option.kind) {
    case Kind::path:
      return option.key == "data" || option.key == "backups" ? "DIR" : "FILE";
    case Kind::address:
      return "ADDR:PORT";
    case Kind::count:
      return "N";
    case Kind::bytes:
      return "SIZE";
    case Kind::time:
      return "TIME";
    case Kind::choice: {
      std::string all;
      for (const auto& choice : option.choices) all += (all.empty() ? "" : "|") + choice;
      return all;
    }
    case Kind::text:
    case Kind::texts:
    case Kind::flag:
      break;
  }
  return "TEXT";
}

std::string group_of(std::string_view table) {
  return table.empty() ? "Options" : "[" + std::string(table) + "]";
}

/// Takes one value each time it is given.
CLI::Option* repeatable(CLI::Option* option) {
  return option->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false)
      ->take_all();
}

CLI::Option* declare(CLI::App& app, const Option& option) {
  if (option.kind == Kind::flag) {
    return app.add_flag(option.flag())->description(option.help)->group(group_of(option.table()));
  }
  auto* const out = app.add_option(option.flag())
                        ->description(option.help)
                        ->type_name(type_name(option))
                        ->group(group_of(option.table()));
  if (option.kind == Kind::texts)
    return repeatable(out)->description(option.help + "; may be repeated");
  if (!option.standard.front().empty()) out->default_str(option.standard.front());
  return out->expected(1);
}

/// Whatever the table has, by key.
std::map<std::string, CLI::Option*> declare_table(CLI::App& app) {
  std::map<std::string, CLI::Option*> out;
  for (const auto& option : options()) out[option.key] = declare(app, option);
  for (const auto& section : sections()) {
    if (section.line.empty()) continue;
    out[section.key] = repeatable(app.add_option(section.flag())
                                      ->description(section.help + "; may be repeated")
                                      ->type_name("PATTERN=…")
                                      ->group(group_of({})));
  }
  return out;
}

Variables environment() {
  Variables out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CLI::App app("A persistent log broker for broadcast events: topics in, WebSocket and HTTP out.",
               "tidemarkd");
  CommandLine out;
  app.add_option("--config", out.inputs.file,
                 "Configuration file (TOML), or TIDEMARK_CONFIG; none without either")
      ->envname("TIDEMARK_CONFIG")
      ->type_name("FILE");
  app.add_flag("--check", out.check,
               "Read the configuration and the files it names, say \"ok\" or what is wrong, start "
               "nothing");
  app.add_flag("--print-config", out.print_config,
               "Print what is in force, as a configuration file, and where each value is from");
  app.add_flag("--accept-data-loss", out.accept_data_loss,
               "Start although the log is known to have lost events; every topic gets a new epoch "
               "and its readers are told");
  app.add_flag("--test-echo", out.test_echo,
               "Serve a WebSocket at /v1/echo that sends every message back, to anybody, for a "
               "conformance suite to be pointed at; never in production")
      ->envname("TIDEMARK_TEST_ECHO");
  app.footer(kFooter);
  const auto declared = declare_table(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? daemon_exit::kDone : daemon_exit::kUsage;
  }
  out.inputs.environment = environment();
  for (const auto& [key, option] : declared) {
    if (option->count() > 0) out.inputs.flags.emplace_back(key, option->results());
  }
  return out;
}

}  // namespace tidemark::tools
