// Blocking sockets and as much of HTTP as these need.
// tests/e2e/: see http_peers.hpp.
#include "tests/e2e/http_peers.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

// Between two tries, so that a broker that is away is not asked in a circle.
constexpr std::chrono::milliseconds kPause{20};

class Connection {
 public:
  explicit Connection(HttpScene& scene) {
    error_code error;
    socket_.connect({asio::ip::address_v4::loopback(), scene.port}, error);
    open_ = !error;
    if (open_) ++scene.connections;
  }
  explicit operator bool() const { return open_; }

  /// Nothing if the connection ends first.
  std::optional<http::response<http::string_body>> ask(http::request<http::string_body> request) {
    error_code error;
    request.set(http::field::host, "127.0.0.1");
    request.prepare_payload();
    http::write(socket_, request, error);
    http::response<http::string_body> answer;
    if (!error) http::read(socket_, buffer_, answer, error);
    if (error || !answer.keep_alive()) open_ = false;
    if (error) return std::nullopt;
    return answer;
  }

  void send(const std::string& text) {
    error_code ignored;
    asio::write(socket_, asio::buffer(text), ignored);
  }
  /// Up to and without the next line feed; nothing at the end.
  std::optional<std::string> line() {
    error_code error;
    const auto size = asio::read_until(socket_, asio::dynamic_buffer(text_), '\n', error);
    if (error) return std::nullopt;
    auto out = text_.substr(0, size - 1);
    text_.erase(0, size);
    return out;
  }

 private:
  asio::io_context io_;
  tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
  std::string text_;
  bool open_ = false;
};

void add_array(Seen& seen, const std::string& text) {
  error_code error;
  const auto value = boost::json::parse(text, error);
  if (error || !value.is_array()) return seen.wrong("no array: " + text.substr(0, 100));
  for (const auto& event : value.as_array()) seen.add(boost::json::serialize(event));
}

// What an EventSource keeps between its connections.
struct EventSource {
  std::string id;
  std::string retry;
  std::string name;
  std::string data;

  void take(const std::string& line, Seen& seen) {
    if (line.empty()) return dispatch(seen);
    const auto colon = line.find(':');
    const auto field = line.substr(0, colon);
    auto value = colon == std::string::npos ? std::string() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "id") id = value;
    if (field == "retry") retry = value;
    if (field == "event") name = value;
    if (field == "data") data += value + '\n';
  }

 private:
  void dispatch(Seen& seen) {
    if (name == "data") add_array(seen, data);
    if (name == "gap") seen.wrong("a gap: " + data);
    name.clear();
    data.clear();
  }
};

// One connection to its end.
void stream_once(HttpScene& scene, EventSource& source, Seen& seen) {
  Connection connection(scene);
  if (!connection) return;
  std::string request =
      "GET /v1/stream/" + scene.path + "?offset=-1&live=sse HTTP/1.1\r\n" + "Host: 127.0.0.1\r\n";
  if (!source.id.empty()) request += "Last-Event-ID: " + source.id + "\r\n";
  connection.send(request + "\r\n");
  const auto status = connection.line();
  if (!status || status->find(" 503 ") != std::string::npos) return;  // it is just stopping
  if (status->find(" 200 ") == std::string::npos) return seen.wrong(*status);
  bool told = false;
  for (auto line = connection.line(); line; line = connection.line()) {
    source.take(line->ends_with('\r') ? line->substr(0, line->size() - 1) : *line, seen);
    told = line->starts_with("retry:") || (told && line->empty());
  }
  // What was dispatched counts; an event cut off is sent again.
  source.name.clear();
  source.data.clear();
  const std::lock_guard lock(scene.mutex);
  if (told) scene.told_ms.push_back(std::stoull(source.retry));
}

}  // namespace

// ---- Seen ----

void Seen::add(std::string event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  ++count_;
}

void Seen::wrong(std::string what) {
  const std::lock_guard lock(mutex_);
  faults_ += std::move(what) + '\n';
}

std::vector<std::string> Seen::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::string Seen::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

// ---- the three of them ----

void follow_events(HttpScene& scene, Seen& seen) {
  EventSource source;
  while (!scene.over) {
    stream_once(scene, source, seen);
    // The time it is told is for many; one alone is back sooner, and so misses none of the stops.
    std::this_thread::sleep_for(kPause);
  }
}

void follow_polls(HttpScene& scene, Seen& seen) {
  std::string offset = "-1";
  while (!scene.over) {
    Connection connection(scene);
    while (connection) {
      auto answer = connection.ask(
          {http::verb::get, "/v1/stream/" + scene.path + "?live=long-poll&offset=" + offset, 11});
      if (!answer) break;
      const auto status = answer->result_int();
      if (status == 200 && !answer->body().empty()) add_array(seen, answer->body());
      if (status == 200 || status == 204) {
        offset = std::string(answer->at("Stream-Next-Offset"));
      } else if (status != 503) {
        seen.wrong("a poll was answered " + std::to_string(status) + ": " + answer->body());
      }
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::uint64_t append_events(HttpScene& scene, const std::string& name) {
  std::uint64_t acknowledged = 0;
  while (!scene.enough) {
    Connection connection(scene);
    while (connection && !scene.enough) {
      http::request<http::string_body> request{http::verb::post, "/v1/stream/" + scene.path, 11};
      request.set(http::field::content_type, "application/json");
      request.set("Producer-Id", name);
      request.set("Producer-Epoch", "0");
      request.set("Producer-Seq", std::to_string(acknowledged));
      request.body() = R"({"by":")" + name + R"(","n":)" + std::to_string(acknowledged) + '}';
      const auto answer = connection.ask(std::move(request));
      if (!answer) break;  // perhaps appended: the same again says so
      if (answer->result_int() < 300) ++acknowledged;
    }
    if (!scene.enough) std::this_thread::sleep_for(kPause);
  }
  return acknowledged;
}

}  // namespace tidemark::test
