// One coroutine reading and one writing per connection.
// tests/client/: see fake_connection.hpp.
#include "tests/client/fake_connection.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace tidemark::test {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using client::kNoThrow;
using tcp = asio::ip::tcp;

namespace {

/// By keys alone.
bool passes(const Filter& filter, const NewEvent& event) {
  return filter.keys.empty() || std::ranges::find(filter.keys, event.key) != filter.keys.end();
}

}  // namespace

/// Reads the upgrade and answers it; false if it is refused.
asio::awaitable<bool> FakeBroker::Connection::shake_hands() {
  namespace http = beast::http;
  beast::flat_buffer buffer;
  http::request<http::string_body> upgrade;
  auto got = co_await http::async_read(stream.next_layer(), buffer, upgrade, kNoThrow);
  if (std::get<0>(got)) co_return false;
  std::string shown(upgrade[http::field::authorization]);
  if (shown.starts_with("Bearer ")) shown.erase(0, 7);
  broker.upgrades_.push_back(shown);
  const auto refusal = broker.admit ? broker.admit(shown) : std::nullopt;
  if (!refusal) {
    auto accepted = co_await stream.async_accept(upgrade, kNoThrow);
    co_return !std::get<0>(accepted);
  }
  http::response<http::string_body> answer(http::int_to_status(info(*refusal).http_status), 11);
  answer.body() = R"({"type":"about:blank","code":")" + std::string(info(*refusal).name) + "\"}";
  answer.prepare_payload();
  auto sent = co_await http::async_write(stream.next_layer(), answer, kNoThrow);
  static_cast<void>(sent);
  co_return false;
}

asio::awaitable<void> FakeBroker::Connection::run() {
  const auto self = shared_from_this();
  boost::system::error_code ignored;
  stream.next_layer().set_option(tcp::no_delay(true), ignored);
  stream.binary(broker.form_ == WireForm::binary);
  stream.read_message_max(std::size_t{64} << 20);
  stream.set_option(websocket::stream_base::decorator([form = broker.form_](auto& response) {
    response.set(beast::http::field::sec_websocket_protocol, std::string(subprotocol(form)));
  }));
  // From here on, not from the handshake's end: a client may know of that before we do, and what is
  // ordered of every connection then is meant for this one too.
  broker.connections_.insert(self);
  const bool open = co_await shake_hands();
  const auto nth = broker.accepted_++;
  if (!open || (broker.drop_connection && broker.drop_connection(nth))) {
    broker.connections_.erase(self);
    co_return drop();
  }
  asio::co_spawn(broker.io_, write(), asio::detached);
  beast::flat_buffer buffer;
  while (!dropped) {
    buffer.clear();
    auto got = co_await stream.async_read(buffer, kNoThrow);
    if (std::get<0>(got)) break;
    const auto bytes = buffer.cdata();
    auto message = decode_client(
        broker.form_, std::string_view(static_cast<const char*>(bytes.data()), bytes.size()));
    TIDEMARK_ENSURE(message.has_value(), "the client sends what can be read");
    broker.handle(*this, *message);
  }
  broker.connections_.erase(self);
  drop();
}

asio::awaitable<void> FakeBroker::Connection::write() {
  const auto self = shared_from_this();
  while (!dropped) {
    std::string out;
    bool event = false;
    bool part = false;
    if (!replies.empty()) {
      out = std::move(replies.front());
      replies.pop_front();
    } else if (close_code != 0) {
      const websocket::close_reason ordered(static_cast<websocket::close_code>(close_code),
                                            close_reason);
      co_await stream.async_close(ordered, kNoThrow);
      co_return drop();
    } else if (auto message = next()) {
      event = std::holds_alternative<Event>(*message);
      part = std::holds_alternative<State>(*message);
      encode(broker.form_, *message, Payload::text, out);
    } else {
      co_await wake.wait();
      continue;
    }
    auto sent = co_await stream.async_write(asio::buffer(out), kNoThrow);
    if (std::get<0>(sent)) co_return;
    if (part && broker.drop_after_part && broker.drop_after_part(broker.parts_sent_++)) {
      co_return drop();
    }
    if (!event) continue;
    const auto nth = broker.events_sent_++;
    if (broker.drop_after_event && broker.drop_after_event(nth)) co_return drop();
  }
}

std::optional<ServerMessage> FakeBroker::Connection::next() {
  for (auto& [name, reader] : readers) {
    if (auto message = next_of(name, reader)) return message;
  }
  return std::nullopt;
}

// State, then gap, then epoch, then events, then caught up: the order PROTOCOL.md promises.
std::optional<ServerMessage> FakeBroker::Connection::next_of(const std::string& name,
                                                             Reader& reader) {
  const Topic& topic = broker.topics_.at(name);
  Position& at = reader.position;
  if (!reader.parts.empty()) {
    State part = std::move(reader.parts.front());
    reader.parts.pop_front();
    return part;
  }
  if (auto gap = broker.gap_of(topic, {at})) {
    at = {topic.epoch, {gap->earliest.value - 1}};
    reader.caught_up = false;
    if (reader.on_gap == OnGap::state) broker.give_state(topic, reader);
    reader.told = at.offset;
    return GapNotice{.topic = name, .gap = *gap};
  }
  if (at.epoch != topic.epoch && at.offset.next().value >= topic.epoch_first) {
    at.epoch = topic.epoch;
    return EpochNotice{.topic = name, .epoch = topic.epoch, .first = {topic.epoch_first}};
  }
  while (at.offset < topic.head()) {
    const NewEvent& stored = topic.events[at.offset.value];
    at.offset = at.offset.next();
    if (!passes(reader.filter, stored)) continue;
    reader.told = at.offset;
    std::optional<Event> event = Event{.topic = name,
                                       .offset = at.offset,
                                       .time = {1'700'000'000'000},
                                       .key = stored.key,
                                       .headers = stored.headers,
                                       .data = stored.data};
    if (broker.change_event) event = broker.change_event(std::move(*event));
    if (event) return *event;
  }
  if (reader.told < at.offset) {
    reader.told = at.offset;
    if (!reader.filter.empty()) return Advanced{.topic = name, .offset = at.offset};
  }
  if (reader.caught_up) return std::nullopt;
  reader.caught_up = true;
  return CaughtUp{.topic = name, .offset = at.offset};
}

}  // namespace tidemark::test
