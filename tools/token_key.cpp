// `tidemark token key`: API keys, keys that sign tokens, and the lines of configuration for them.
// tools/: see token.hpp.
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "broker/access/api_keys.hpp"
#include "broker/access/printable.hpp"
#include "broker/access/signing_key.hpp"
#include "protocol/json_text.hpp"
#include "tools/exit_code.hpp"
#include "tools/secret_file.hpp"
#include "tools/terminal.hpp"
#include "tools/token.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
Without --algorithm an API key for a server: it is printed once, or written to --file (mode 0600),
and the lines for the broker's configuration have its hash. With --algorithm a key that tokens are
signed with: the private key or secret goes to --file (mode 0600), the public key to the same name
with .pub, which is what the broker gets. Nothing is ever overwritten.

Examples:
  tidemark token key --name orders-server --publish 'orders/**'
  tidemark token key --algorithm ES256 --file tidemark-key --kid 2026)";

struct KeyOptions {
  std::string name = "server";
  std::string file;
  std::string algorithm;
  std::string key_id;
  broker::Grants grants;
  bool json = false;
};

/// TOML's basic strings escape what JSON's do, and alike.
std::string toml(const std::string& text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string toml_list(std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return {};
  std::string items;
  for (const auto& text : texts) items += (items.empty() ? "" : ", ") + toml(text);
  return std::string(name) + " = [" + items + "]\n";
}

int print(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kOk : kFailed; }

int make_api_key(const KeyOptions& options) {
  const auto key = broker::make_api_key();
  const auto hash = broker::api_key_hash(key);
  if (!options.file.empty() && !write_new_file(options.file, key + "\n", 0600)) return kFailed;
  if (options.json) {
    json::object out{{"name", options.name}, {"hash", hash}};
    if (options.file.empty()) out["key"] = key;
    if (!options.file.empty()) out["file"] = options.file;
    return print(json::serialize(out) + "\n");
  }
  const std::string where =
      options.file.empty()
          ? "# The key, shown this once; give it to the server as a secret:\n" + key + "\n"
          : "# The key is in " + options.file + "; give it to the server as a secret.\n";
  return print(where + "\n# For the broker's configuration:\n[[access.api-keys]]\nname = " +
               toml(options.name) + "\nhash = " + toml(hash) + "\n" +
               toml_list("publish", options.grants.publish) +
               toml_list("subscribe", options.grants.subscribe) +
               toml_list("manage", options.grants.manage));
}

int make_signing_key(const KeyOptions& options) {
  const auto algorithm = *broker::algorithm_named(options.algorithm);
  const auto key = broker::SigningKey::generate(algorithm);
  const bool secret = algorithm == broker::Algorithm::hs256;
  if (!write_new_file(options.file, key.private_text(), 0600)) return kFailed;
  const auto for_broker = secret ? options.file : options.file + ".pub";
  if (!secret && !write_new_file(for_broker, key.public_text(), 0644)) return kFailed;
  const auto path = std::filesystem::absolute(for_broker).string();
  if (options.json) {
    json::object out{
        {"algorithm", options.algorithm}, {"file", options.file}, {"broker_file", path}};
    if (!secret) out["jwk"] = json::parse(key.public_jwk_text(options.key_id));
    return print(json::serialize(out) + "\n");
  }
  std::string out = "# The " + std::string(secret ? "secret" : "private key") + " is in " +
                    options.file + "; whoever has it makes tokens.\n\n" +
                    "# For the broker's configuration:\n[[access.token-keys]]\n";
  if (!options.key_id.empty()) out += "id = " + toml(options.key_id) + "\n";
  out += "algorithm = " + toml(options.algorithm) + "\nfile = " + toml(path) + "\n";
  if (!secret)
    out += "\n# The same for a JWK set:\n# " + key.public_jwk_text(options.key_id) + "\n";
  return print(out);
}

std::string name_fault(const std::string& text) {
  const bool good = !text.empty() && text.size() <= 128 && broker::is_printable(text);
  return good ? "" : "not a printable name of 1 to 128 bytes";
}

void declare(CLI::App& command, KeyOptions& options) {
  command.add_option("--file", options.file, "Write the secret there instead of printing it")
      ->type_name("FILE");
  auto* algorithm = command
                        .add_option("--algorithm", options.algorithm,
                                    "Make a key that signs tokens: HS256, RS256, ES256, EdDSA")
                        ->check(CLI::IsMember({"HS256", "RS256", "ES256", "EdDSA"}));
  command.add_option("--kid", options.key_id, "Its id, for tokens to name it")
      ->type_name("ID")
      ->needs(algorithm)
      ->check(name_fault);
  command.add_option("--name", options.name, "Whose API key it is")
      ->type_name("NAME")
      ->capture_default_str()
      ->excludes(algorithm)
      ->check(name_fault);
  add_grants(command, options.grants);
  command.add_flag("--json", options.json, "Print it as JSON");
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

}  // namespace

void add_token_key(CLI::App& token, std::function<int()>& run) {
  auto* command = token.add_subcommand("key", "Make an API key, or a key that signs tokens");
  const auto options = std::make_shared<KeyOptions>();
  declare(*command, *options);
  command->callback([options, &run] {
    if (!options->algorithm.empty() && options->file.empty()) {
      throw CLI::ValidationError("--algorithm", "needs --file: a key that signs is not printed");
    }
    run = [options] {
      return options->algorithm.empty() ? make_api_key(*options) : make_signing_key(*options);
    };
  });
}

}  // namespace tidemark::tools
