// What is asked of the broker, and what its answers mean.
// tools/: see broker_http.hpp.
#include "tools/broker_http.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>

#include "protocol/client/endpoint.hpp"
#include "protocol/suggestion.hpp"
#include "tools/http_exchange.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using error_code = boost::system::error_code;

namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:4437";
constexpr std::size_t kMostSuggestions = 5'000;
constexpr std::size_t kMostToken = std::size_t{64} << 10;
constexpr std::size_t kMostLargeBody = std::size_t{1} << 30;

std::string trimmed(std::string text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.erase(text.find_last_not_of(kBlanks) + 1);
  text.erase(0, text.find_first_not_of(kBlanks));
  return text;
}

/// What a file holds, but for blanks around it; empty if it can't be read or is no token's length.
std::string token_in(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kMostToken + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text.size() > kMostToken ? std::string() : trimmed(std::move(text));
}

void check_trust(const BrokerChoice& broker) {
  try {
    const client::Trust trust(trust_of(broker));
  } catch (const std::invalid_argument& error) {
    throw CLI::ValidationError("--ca-file", error.what());
  }
}

/// The broker's own words are problem details (RFC 9457); another server's may be anything.
HttpFailure refused_by(const HttpAnswer& answer) {
  HttpFailure out{
      .exit = kRefused, .text = "the broker answered " + std::to_string(answer.status), .code = {}};
  const auto text = [&](const char* name) -> std::string {
    const auto* value = answer.body.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string().c_str()) : "";
  };
  out.code = text("code");
  if (const auto detail = text("detail"); !detail.empty()) out.text = detail;
  if (answer.status == 401) out.text += kWhoAreYou;
  return out;
}

json::object object_in(const std::string& text) {
  error_code ignored;
  auto value = json::parse(text, ignored);
  return value.is_object() ? std::move(value.get_object()) : json::object();
}

}  // namespace

void add_broker_options(CLI::App& command, BrokerChoice& broker) {
  // Not CLI11's envname(): a wrong variable would then be an error of every subcommand, --help too.
  const char* variable = std::getenv("TIDEMARK_SERVER");
  broker.server = variable != nullptr && *variable != '\0' ? variable : kDefaultServer;
  command
      .add_option(
          "--server", broker.server,
          "The broker, http://HOST:PORT, with TLS https://HOST:PORT; also from TIDEMARK_SERVER")
      ->type_name("URL")
      ->capture_default_str();
  command
      .add_option(
          "--token-file", broker.token_file,
          "Holds the token or API key that says who you are; without it TIDEMARK_TOKEN does")
      ->type_name("FILE");
  const char* authority = std::getenv("TIDEMARK_CA_FILE");
  if (authority != nullptr) broker.ca_file = authority;
  command
      .add_option("--ca-file", broker.ca_file,
                  "Certificates of who vouches for the broker, instead of those the system trusts; "
                  "also from TIDEMARK_CA_FILE")
      ->type_name("FILE");
}

client::TrustOptions trust_of(const BrokerChoice& broker) { return {.ca_file = broker.ca_file}; }

void check_broker(const BrokerChoice& broker) {
  const auto endpoint = client::parse_endpoint(broker.server);
  if (!endpoint) {
    throw CLI::ValidationError(
        "--server", "not a broker's URL (http://HOST:PORT or https://HOST:PORT): " + broker.server);
  }
  if (endpoint->tls) check_trust(broker);
  // What is wrong with it is said, never what it is.
  const bool in_file = !broker.token_file.empty();
  const char* const name = in_file ? "--token-file" : "TIDEMARK_TOKEN";
  const auto token = client::current(credential_of(broker));
  if (in_file && token.empty()) {
    throw CLI::ValidationError(name, "there is no token to be read in " + broker.token_file);
  }
  if (!client::can_be_shown(token)) {
    throw CLI::ValidationError(name, "holds something that is no token and no API key");
  }
}

client::Credential credential_of(const BrokerChoice& broker) {
  if (!broker.token_file.empty()) {
    return [file = broker.token_file] { return token_in(file); };
  }
  const char* const variable = std::getenv("TIDEMARK_TOKEN");
  const auto token = trimmed(variable == nullptr ? "" : variable);
  return token.empty() ? client::Credential() : client::Credential(token);
}

std::optional<HttpFailure> ask_broker(const BrokerChoice& broker, const HttpAsk& ask,
                                      HttpAnswer& answer) {
  const auto endpoint = client::parse_endpoint(broker.server);
  if (!endpoint) return HttpFailure{kUsage, "not a broker's URL: " + broker.server, {}};
  HttpExchange exchange{.endpoint = *endpoint, .trust = trust_of(broker)};
  exchange.patience = ask.patience;
  if (ask.large) exchange.most_body = kMostLargeBody;
  auto& request = exchange.request;
  request.method_string(ask.method);
  request.target(ask.target);
  request.version(11);
  request.set(http::field::host, endpoint->authority());
  request.set(http::field::user_agent, "tidemark");
  const auto token = client::current(credential_of(broker));
  if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  request.keep_alive(false);
  if (!ask.body.empty()) request.set(http::field::content_type, ask.content_type);
  for (const auto& [name, value] : ask.fields) request.set(name, value);
  request.body() = ask.body;
  request.prepare_payload();

  perform(exchange);
  if (!exchange.failure.empty()) return HttpFailure{kUnreachable, exchange.failure, {}};
  auto& response = exchange.response;
  const auto field = [&](const char* name) { return std::string(response[name]); };
  answer.status = response.result_int();
  answer.content_type = field("Content-Type");
  answer.next_offset = field("Stream-Next-Offset");
  answer.text = std::move(response.body());
  // What is large is no object of ours, unless it says what went wrong.
  if (!ask.large || answer.status >= 400) answer.body = object_in(answer.text);
  if (answer.status >= 400) return refused_by(answer);
  return std::nullopt;
}

std::optional<HttpFailure> ask_broker(const BrokerChoice& broker, std::string_view method,
                                      const std::string& target, const std::string& body,
                                      HttpAnswer& answer) {
  return ask_broker(
      broker, HttpAsk{.method = std::string(method), .target = target, .body = body, .fields = {}},
      answer);
}

int report(const HttpFailure& failure) {
  // Without a code nobody has answered.
  const bool silent = failure.exit == kUnreachable && failure.code.empty();
  complain(failure.text + (silent ? "; is tidemarkd running there?" : ""));
  return failure.exit;
}

int report(const HttpFailure& failure, const BrokerChoice& broker, const std::string& topic) {
  if (failure.code != "unknown_topic") return report(failure);
  complain(unknown_topic_text(broker, topic));
  return kRefused;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0x0FU];
    }
  }
  return out;
}

std::optional<HttpFailure> for_each_topic(const BrokerChoice& broker, const std::string& prefix,
                                          const std::function<bool(const json::object&)>& visit) {
  std::string after;
  for (;;) {
    HttpAnswer answer;
    // Names need no escaping in a query: their characters are unreserved, and '/' is allowed there.
    const std::string target = "/v1/topics?limit=1000&prefix=" + prefix +
                               (after.empty() ? std::string() : "&after=" + after);
    if (auto failure = ask_broker(broker, "GET", target, {}, answer)) return failure;
    const auto* topics = answer.body.if_contains("topics");
    if (topics == nullptr || !topics->is_array()) {
      return HttpFailure{kFailed, "the answer holds no topics; is this a Tidemark broker?", {}};
    }
    for (const auto& topic : topics->get_array()) {
      if (topic.is_object() && !visit(topic.get_object())) return std::nullopt;
    }
    const auto* next = answer.body.if_contains("next");
    if (next == nullptr || !next->is_string()) return std::nullopt;
    after = next->get_string().c_str();
  }
}

std::vector<std::string> some_topic_names(const BrokerChoice& broker) {
  std::vector<std::string> out;
  const auto failure = for_each_topic(broker, {}, [&out](const json::object& topic) {
    const auto* name = topic.if_contains("name");
    if (name != nullptr && name->is_string()) out.emplace_back(name->get_string().c_str());
    return out.size() < kMostSuggestions;
  });
  return failure ? std::vector<std::string>() : out;
}

std::string unknown_topic_text(const BrokerChoice& broker, const std::string& topic) {
  const auto names = some_topic_names(broker);
  auto text = "there is no topic " + topic + did_you_mean(topic, names);
  if (names.empty()) text += "; there is none at all yet";
  return text;
}

}  // namespace tidemark::tools
