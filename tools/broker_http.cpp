// One connection per request; these are rare.
// tools/: see broker_http.hpp.
#include "tools/broker_http.hpp"

#include <chrono>
#include <cstdlib>
#include <exception>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>

#include "protocol/client/endpoint.hpp"
#include "protocol/client/signal.hpp"
#include "protocol/suggestion.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using client::kNoThrow;
using error_code = boost::system::error_code;

namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:4437";
constexpr std::chrono::seconds kPatience{15};
constexpr std::size_t kMostBody = std::size_t{64} << 20;
constexpr std::size_t kMostSuggestions = 5'000;

struct Exchange {
  client::Endpoint endpoint;
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  error_code error;
  bool connected = false;
};

asio::awaitable<error_code> connect(Exchange& exchange, beast::tcp_stream& stream) {
  asio::ip::tcp::resolver resolver(stream.get_executor());
  auto resolved =
      co_await resolver.async_resolve(exchange.endpoint.host, exchange.endpoint.port, kNoThrow);
  auto& [resolve_error, addresses] = resolved;
  if (resolve_error) co_return resolve_error;
  auto connected = co_await stream.async_connect(addresses, kNoThrow);
  co_return std::get<0>(connected);
}

asio::awaitable<void> perform(Exchange& exchange) {
  const auto executor = co_await asio::this_coro::executor;
  beast::tcp_stream stream(executor);
  stream.expires_after(kPatience);
  exchange.error = co_await connect(exchange, stream);
  if (exchange.error) co_return;
  exchange.connected = true;
  auto sent = co_await http::async_write(stream, exchange.request, kNoThrow);
  exchange.error = std::get<0>(sent);
  if (exchange.error) co_return;
  beast::flat_buffer buffer;
  exchange.parser.body_limit(kMostBody);
  auto got = co_await http::async_read(stream, buffer, exchange.parser, kNoThrow);
  exchange.error = std::get<0>(got);
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
  return out;
}

}  // namespace

void add_server_option(CLI::App& command, std::string& server) {
  // Not CLI11's envname(): a wrong variable would then be an error of every subcommand, --help too.
  const char* variable = std::getenv("TIDEMARK_SERVER");
  server = variable != nullptr && *variable != '\0' ? variable : kDefaultServer;
  command
      .add_option("--server", server,
                  "The broker, http://HOST:PORT or ws://HOST:PORT; also from TIDEMARK_SERVER")
      ->type_name("URL")
      ->capture_default_str();
}

void check_server(const std::string& server) {
  if (client::parse_endpoint(server)) return;
  throw CLI::ValidationError("--server",
                             "not a broker's URL (http://HOST:PORT or ws://HOST:PORT): " + server);
}

std::optional<HttpFailure> ask_broker(const std::string& server, std::string_view method,
                                      const std::string& target, const std::string& body,
                                      HttpAnswer& answer) {
  const auto endpoint = client::parse_endpoint(server);
  if (!endpoint) return HttpFailure{kUsage, "not a broker's URL: " + server, {}};
  Exchange exchange{.endpoint = *endpoint};
  auto& request = exchange.request;
  request.method_string(beast::string_view(method.data(), method.size()));
  request.target(target);
  request.version(11);
  request.set(http::field::host, endpoint->authority());
  request.set(http::field::user_agent, "tidemark");
  request.keep_alive(false);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();

  asio::io_context io;
  asio::co_spawn(io, perform(exchange), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  io.run();
  if (exchange.error) {
    const std::string what = exchange.connected ? "no answer from " : "cannot connect to ";
    return HttpFailure{
        kUnreachable, what + endpoint->authority() + ": " + exchange.error.message(), {}};
  }
  answer.status = exchange.parser.get().result_int();
  error_code ignored;
  auto value = json::parse(exchange.parser.get().body(), ignored);
  answer.body = value.is_object() ? std::move(value.get_object()) : json::object();
  if (answer.status >= 400) return refused_by(answer);
  return std::nullopt;
}

std::optional<HttpFailure> for_each_topic(const std::string& server, const std::string& prefix,
                                          const std::function<bool(const json::object&)>& visit) {
  std::string after;
  for (;;) {
    HttpAnswer answer;
    // Names need no escaping in a query: their characters are unreserved, and '/' is allowed there.
    const std::string target = "/v1/topics?limit=1000&prefix=" + prefix +
                               (after.empty() ? std::string() : "&after=" + after);
    if (auto failure = ask_broker(server, "GET", target, {}, answer)) return failure;
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

std::vector<std::string> some_topic_names(const std::string& server) {
  std::vector<std::string> out;
  const auto failure = for_each_topic(server, {}, [&out](const json::object& topic) {
    const auto* name = topic.if_contains("name");
    if (name != nullptr && name->is_string()) out.emplace_back(name->get_string().c_str());
    return out.size() < kMostSuggestions;
  });
  return failure ? std::vector<std::string>() : out;
}

std::string unknown_topic_text(const std::string& server, const std::string& topic) {
  const auto names = some_topic_names(server);
  auto text = "there is no topic " + topic + did_you_mean(topic, names);
  if (names.empty()) text += "; there is none at all yet";
  return text;
}

}  // namespace tidemark::tools
