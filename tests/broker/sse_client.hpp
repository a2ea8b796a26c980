// An event stream's reader, as a browser is one.
// tests/: for the tests of broker/sse_session.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {

/// An event as the HTML standard has it read.
struct SseEvent {
  std::string name;
  std::string data;
  std::string id;  ///< the last one so far
};

/// Interprets a stream as "9.2.6 Interpreting an event stream" of the HTML standard says.
class SseClient {
 public:
  SseClient(std::uint16_t port, std::string_view path, std::string_view headers = {},
            int receive_buffer = 0)
      : raw(port, receive_buffer) {
    raw.send(http_request("GET /v1/stream/" + std::string(path), {}, headers));
    head = raw.read_until("\r\n\r\n");
  }

  /// The next event; nullopt at the end of the stream.
  std::optional<SseEvent> next() {
    SseEvent event;
    bool any = false;
    while (const auto text = line()) {
      if (text->empty()) {
        if (!any) continue;
        if (event.data.ends_with('\n')) event.data.pop_back();
        event.id = last_id;
        if (event.name.empty()) event.name = "message";
        return event;
      }
      any = take(*text, event) || any;
    }
    return std::nullopt;
  }
  SseEvent expect(std::string_view name) {
    auto event = next();
    if (!event) throw std::runtime_error("the stream has ended");
    EXPECT_EQ(event->name, name) << event->data;
    return *event;
  }
  /// The next control event's data.
  boost::json::value control() { return boost::json::parse(expect("control").data); }
  /// Data events up to the control event that says that there is no more yet.
  std::vector<SseEvent> until_up_to_date() {
    std::vector<SseEvent> events;
    while (true) {
      auto event = next();
      if (!event) throw std::runtime_error("the stream has ended");
      if (event->name != "control") {
        events.push_back(*event);
      } else if (boost::json::parse(event->data).as_object().contains("upToDate")) {
        return events;
      }
    }
  }

  RawClient raw;
  std::string head;
  std::string last_id;
  std::string retry;

 private:
  std::optional<std::string> line() {
    while (raw.in.find('\n') == std::string::npos) {
      if (!raw.fill()) return std::nullopt;
    }
    const auto end = raw.in.find('\n');
    std::string text = raw.in.substr(0, end);
    raw.in.erase(0, end + 1);
    return text;
  }
  /// True if the line has data.
  bool take(const std::string& text, SseEvent& event) {
    const auto colon = text.find(':');
    const auto field = text.substr(0, colon);
    auto value = colon == std::string::npos ? std::string() : text.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") event.name = value;
    if (field == "id") last_id = value;
    if (field == "retry") retry = value;
    if (field != "data") return false;
    event.data += value + '\n';
    return true;
  }
};

}  // namespace tidemark::broker
