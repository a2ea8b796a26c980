// `tidemark token make`: claims from options, signed with a key from a file.
// tools/: see token.hpp.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "broker/access/claims.hpp"
#include "broker/access/signing_key.hpp"
#include "tools/exit_code.hpp"
#include "tools/secret_file.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"
#include "tools/token.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
The key is a file as `tidemark token key --algorithm` makes it: PEM, a JWK, or the bytes of a secret
(--algorithm HS256); - is stdin. The token is printed and nothing else.

Example:
  tidemark token make --key tidemark-key --sub ada --expires 1h --subscribe 'rooms/*')";

struct MakeOptions {
  std::string key;
  std::string algorithm;
  std::string key_id;
  std::string subject;
  std::string issuer;
  std::string token_id;
  std::vector<std::string> audience;
  std::string expires = "1h";
  broker::Grants grants;
  bool json = false;
};

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object rights_of(const broker::Grants& grants) {
  json::object out;
  if (!grants.publish.empty()) out["publish"] = array_of(grants.publish);
  if (!grants.subscribe.empty()) out["subscribe"] = array_of(grants.subscribe);
  if (!grants.manage.empty()) out["manage"] = array_of(grants.manage);
  return out;
}

json::object claims_of(const MakeOptions& options) {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  json::object out;
  if (!options.subject.empty()) out["sub"] = options.subject;
  if (!options.issuer.empty()) out["iss"] = options.issuer;
  if (options.audience.size() == 1) out["aud"] = options.audience.front();
  if (options.audience.size() > 1) out["aud"] = array_of(options.audience);
  if (!options.token_id.empty()) out["jti"] = options.token_id;
  out["iat"] = now;
  out["exp"] = now + *parse_duration_ms(options.expires) / 1000;
  out["tidemark"] = rights_of(options.grants);
  return out;
}

std::string header_of(const MakeOptions& options, const broker::SigningKey& key) {
  json::object out{{"alg", broker::name_of(key.algorithm())}, {"typ", "JWT"}};
  const auto& id = options.key_id.empty() ? key.id() : options.key_id;
  if (!id.empty()) out["kid"] = id;
  return json::serialize(out);
}

int make_token(const MakeOptions& options) {
  const auto file = read_secret(options.key);
  if (!file) return kFailed;
  const auto read = broker::SigningKey::read(*file, options.algorithm);
  if (const auto* fault = std::get_if<broker::KeyFault>(&read)) {
    complain(options.key + " " + fault->text);
    return kFailed;
  }
  const auto& key = std::get<broker::SigningKey>(read);
  const auto claims = claims_of(options);
  const auto text = json::serialize(claims);
  // What the broker would refuse is not worth making.
  const auto readable = broker::read_claims(text);
  if (const auto* fault = std::get_if<broker::TokenFault>(&readable)) {
    complain(fault->text);
    return kUsage;
  }
  const auto token = key.token(header_of(options, key), text);
  const auto out =
      options.json ? json::serialize(json::object{{"token", token}, {"claims", claims}}) : token;
  return write_all(STDOUT_FILENO, out + "\n") ? kOk : kFailed;
}

std::string lifetime_fault(const std::string& text) {
  const auto ms = parse_duration_ms(text);
  return ms && *ms >= 1000 ? "" : "not a time like 30m, 1h or 7d: " + text;
}

void declare(CLI::App& command, MakeOptions& options) {
  command.add_option("--key", options.key, "The private key or secret; - is stdin")
      ->required()
      ->type_name("FILE");
  command.add_option("--algorithm", options.algorithm, "Only needed for a secret")
      ->check(CLI::IsMember({"HS256", "RS256", "ES256", "EdDSA"}));
  command.add_option("--kid", options.key_id, "The id of the key in the broker's configuration")
      ->type_name("ID");
  command.add_option("--sub", options.subject, "Who it is")->type_name("NAME");
  command.add_option("--expires", options.expires, "How long it is good for")
      ->type_name("TIME")
      ->capture_default_str()
      ->check(lifetime_fault);
  add_grants(command, options.grants);
  command.add_option("--aud", options.audience, "Whom it is for; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command.add_option("--iss", options.issuer, "Who made it")->type_name("NAME");
  command.add_option("--jti", options.token_id, "Its own id, by which it can be revoked")
      ->type_name("ID");
  command.add_flag("--json", options.json, "Print token and claims as JSON");
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

}  // namespace

void add_token_make(CLI::App& token, std::function<int()>& run) {
  auto* command = token.add_subcommand("make", "Make a token");
  const auto options = std::make_shared<MakeOptions>();
  declare(*command, *options);
  command->callback([options, &run] { run = [options] { return make_token(*options); }; });
}

}  // namespace tidemark::tools
