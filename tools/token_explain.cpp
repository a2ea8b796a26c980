// `tidemark token explain`: what a token permits, until when, and what is wrong with it.
// tools/: see token.hpp; the judgement is token_report's.
#include <chrono>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "broker/access/api_keys.hpp"
#include "broker/access/key_file.hpp"
#include "tools/exit_code.hpp"
#include "tools/secret_file.hpp"
#include "tools/terminal.hpp"
#include "tools/token.hpp"
#include "tools/token_report.hpp"

namespace tidemark::tools {
namespace {

constexpr const char* kFooter = R"(
Exits with 0 if nothing is wrong with the token as far as it was checked, with 1 if a broker would
refuse it. Without --key the signature is not checked: then anybody may have written it.

Examples:
  tidemark token explain ada.token --key tidemark-key.pub
  pbpaste | tidemark token explain)";

struct ExplainOptions {
  std::string file = "-";
  std::string key;
  std::string issuer;
  std::vector<std::string> audience;
  bool json = false;
};

/// Without what surrounds a token where people copy it from.
std::string bare(std::string text) {
  const auto blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && blank(text.back())) text.pop_back();
  const auto first = text.find_first_not_of(" \n\r\t");
  text.erase(0, first == std::string::npos ? text.size() : first);
  if (text.starts_with("Bearer ")) text.erase(0, 7);
  return text;
}

Timestamp now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

int explain(const ExplainOptions& options) {
  if (options.file == "-" && is_terminal(STDIN_FILENO)) note("reading the token from the terminal");
  const auto read = read_secret(options.file);
  if (!read) return kFailed;
  TokenQuestion question{.token = bare(*read),
                         .key = {},
                         .issuer = options.issuer,
                         .audience = options.audience,
                         .now = now()};
  if (broker::is_api_key(question.token)) {
    const auto text = "an API key, known to a broker by hash = \"" +
                      broker::api_key_hash(question.token) + "\"\n";
    return write_all(STDOUT_FILENO, text) ? kOk : kFailed;
  }
  if (!options.key.empty()) {
    question.key = read_secret(options.key);
    if (!question.key) return kFailed;
  }
  const auto report = examine(question);
  const auto text = options.json ? report_json(report) + "\n" : report_text(report, question.now);
  if (!write_all(STDOUT_FILENO, text)) return kFailed;
  return report.faults.empty() ? kOk : kFailed;
}

void declare(CLI::App& command, ExplainOptions& options) {
  command.add_option("FILE", options.file, "Where the token is; without it stdin");
  command.add_option("--key", options.key, "Check the signature with this key (public or secret)")
      ->type_name("FILE");
  command.add_option("--iss", options.issuer, "The issuer the broker demands")->type_name("NAME");
  command.add_option("--aud", options.audience, "The audience it demands; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command.add_flag("--json", options.json, "Print it as JSON");
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

}  // namespace

void add_token_explain(CLI::App& token, std::function<int()>& run) {
  auto* command = token.add_subcommand("explain", "Say what a token means");
  const auto options = std::make_shared<ExplainOptions>();
  declare(*command, *options);
  command->callback([options, &run] {
    if (options->file == "-" && options->key == "-") {
      throw CLI::ValidationError("--key", "token and key can't both come from stdin");
    }
    run = [options] { return explain(*options); };
  });
}

}  // namespace tidemark::tools
