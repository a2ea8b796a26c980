// The three below it, and what they share.
// tools/: see token.hpp.
#include "tools/token.hpp"

#include <string>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>

#include "broker/access/topic_pattern.hpp"
#include "tools/exit_code.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
A token is a JWT that says who a client is and what it may do; the broker checks its signature with
the keys of its configuration. An API key is for servers; the broker knows its hash. Keys and tokens
are secrets: they are read from files or stdin, never from the command line.

Examples:
  tidemark token key --algorithm ES256 --file tidemark-key --kid 2026
  tidemark token make --key tidemark-key --kid 2026 --sub ada --subscribe 'rooms/*' > ada.token
  tidemark token explain ada.token --key tidemark-key.pub
  tidemark token key --name orders-server --publish 'orders/**')";

std::string pattern_fault(const std::string& text) {
  const auto parsed = broker::TopicPatterns::parse({text});
  const auto* fault = std::get_if<broker::PatternFault>(&parsed);
  return fault == nullptr ? "" : fault->text;
}

}  // namespace

void add_grants(CLI::App& command, broker::Grants& grants) {
  const auto add = [&](const char* name, std::vector<std::string>& into, const char* help) {
    command.add_option(name, into, help)
        ->type_name("PATTERN")
        ->expected(1)
        ->take_all()
        ->check(pattern_fault);
  };
  add("--publish", grants.publish,
      "May publish to topics that fit: 'a/*', 'a/**', '!a/b' takes away; may be repeated");
  add("--subscribe", grants.subscribe, "May read and follow them");
  add("--manage", grants.manage, "May change and delete them; '**' also operates the broker");
}

void add_token(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("token", "Make tokens and keys, and explain tokens");
  command->require_subcommand(1);
  command->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  add_token_make(*command, run);
  add_token_explain(*command, run);
  add_token_key(*command, run);
}

}  // namespace tidemark::tools
