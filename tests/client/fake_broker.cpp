// One thread, one coroutine reading and one writing per connection.
// tests/client/: see fake_broker.hpp.
#include "tests/client/fake_broker.hpp"

#include <deque>
#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "protocol/client/signal.hpp"

namespace tidemark::test {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using client::kNoThrow;
using tcp = asio::ip::tcp;

struct FakeBroker::Topic {
  struct Producer {
    std::uint64_t epoch = 0;
    std::map<std::uint64_t, OffsetRange> sequences;
  };
  Epoch epoch;
  std::uint64_t epoch_first = 1;
  std::uint64_t earliest = 1;
  std::string content_type;
  std::vector<NewEvent> events;  ///< from offset 1
  std::map<std::string, Producer> producers;

  [[nodiscard]] Offset head() const { return {events.size()}; }
};

struct FakeBroker::Connection : std::enable_shared_from_this<Connection> {
  struct Reader {
    Position position;
    bool caught_up = false;
  };

  Connection(FakeBroker& owner, Socket socket)
      : broker(owner), stream(std::move(socket)), wake(stream.get_executor()) {}

  asio::awaitable<void> run();
  asio::awaitable<bool> shake_hands();
  void close(Errc reason) {
    close_code = info(reason).close_code;
    close_reason = info(reason).name;
    wake.raise();
  }
  asio::awaitable<void> write();
  std::optional<ServerMessage> next();
  std::optional<ServerMessage> next_of(const std::string& name, Reader& reader);
  void queue(const ServerMessage& message) {
    std::string bytes;
    encode(broker.form_, message, Payload::bytes, bytes);
    queue_bytes(std::move(bytes));
  }
  void queue_bytes(std::string bytes) {
    replies.push_back(std::move(bytes));
    wake.raise();
  }
  void drop() {
    dropped = true;
    boost::system::error_code ignored;
    stream.next_layer().close(ignored);
    wake.raise();
  }

  FakeBroker& broker;
  websocket::stream<Socket> stream;
  client::Signal wake;
  std::deque<std::string> replies;
  std::map<std::string, Reader> readers;
  bool dropped = false;
  std::uint16_t close_code = 0;
  std::string close_reason = "as ordered";
};

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
      encode(broker.form_, *message, Payload::text, out);
    } else {
      co_await wake.wait();
      continue;
    }
    auto sent = co_await stream.async_write(asio::buffer(out), kNoThrow);
    if (std::get<0>(sent)) co_return;
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

// Gap, then epoch, then events, then caught up: the order PROTOCOL.md promises.
std::optional<ServerMessage> FakeBroker::Connection::next_of(const std::string& name,
                                                             Reader& reader) {
  const Topic& topic = broker.topics_.at(name);
  Position& at = reader.position;
  if (auto gap = broker.gap_of(topic, {at})) {
    at = {topic.epoch, {gap->earliest.value - 1}};
    reader.caught_up = false;
    return GapNotice{.topic = name, .gap = *gap};
  }
  if (at.epoch != topic.epoch && at.offset.next().value >= topic.epoch_first) {
    at.epoch = topic.epoch;
    return EpochNotice{.topic = name, .epoch = topic.epoch, .first = {topic.epoch_first}};
  }
  while (at.offset < topic.head()) {
    const NewEvent& stored = topic.events[at.offset.value];
    at.offset = at.offset.next();
    std::optional<Event> event = Event{.topic = name,
                                       .offset = at.offset,
                                       .time = {1'700'000'000'000},
                                       .key = stored.key,
                                       .headers = stored.headers,
                                       .data = stored.data};
    if (broker.change_event) event = broker.change_event(std::move(*event));
    if (event) return *event;
  }
  if (reader.caught_up) return std::nullopt;
  reader.caught_up = true;
  return CaughtUp{.topic = name, .offset = at.offset};
}

std::optional<Gap> FakeBroker::gap_of(const Topic& topic, const StartAfter& start) const {
  const auto [epoch, offset] = start.position;
  Gap gap{.lost = {offset.next(), {topic.earliest}},
          .cause = GapCause::trimmed,
          .epoch = topic.epoch,
          .earliest = {topic.earliest},
          .head = topic.head()};
  if (epoch.value != 0 && epoch != topic.epoch && offset.value >= topic.epoch_first) {
    gap.cause = GapCause::epoch;
    gap.lost = {{topic.epoch_first}, offset.next()};
    return gap;
  }
  if (offset > topic.head()) {
    gap.cause = GapCause::ahead;
    gap.lost = {topic.head().next(), offset.next()};
    return gap;
  }
  if (offset.next().value < topic.earliest) return gap;
  return std::nullopt;
}

template <class F>
auto FakeBroker::on_thread(F f) {
  std::promise<decltype(f())> result;
  asio::post(io_, [&] { result.set_value(f()); });
  return result.get_future().get();
}

FakeBroker::FakeBroker(WireForm form, std::uint16_t port)
    : form_(form), acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), port)) {
  port_ = acceptor_.local_endpoint().port();
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

FakeBroker::~FakeBroker() {
  on_thread([this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (const auto& connection : connections_) connection->drop();
    return 0;
  });
  thread_.join();
}

void FakeBroker::accept() {
  acceptor_.async_accept([this](boost::system::error_code error, Socket socket) {
    if (error) return;
    const auto connection = std::make_shared<Connection>(*this, std::move(socket));
    asio::co_spawn(io_, connection->run(), asio::detached);
    accept();
  });
}

void FakeBroker::wake_all() {
  for (const auto& connection : connections_) connection->wake.raise();
}

// ---- the log ----

void FakeBroker::create(const std::string& topic, std::string content_type) {
  on_thread([&] {
    topics_[topic].content_type = std::move(content_type);
    topics_[topic].epoch = {next_epoch_++};
    return 0;
  });
}

void FakeBroker::append(const std::string& topic, const std::string& data) {
  on_thread([&] {
    topics_.at(topic).events.push_back({.data = data});
    wake_all();
    return 0;
  });
}

void FakeBroker::trim(const std::string& topic, std::uint64_t keep) {
  on_thread([&] { return topics_.at(topic).earliest = keep; });
}

void FakeBroker::remove(const std::string& topic) {
  on_thread([&] {
    topics_.erase(topic);
    for (const auto& connection : connections_) {
      if (connection->readers.erase(topic) > 0) {
        connection->queue(Unsubscribed{.topic = topic, .reason = Errc::topic_deleted});
      }
    }
    return 0;
  });
}

void FakeBroker::new_epoch(const std::string& name) {
  on_thread([&] {
    Topic& topic = topics_.at(name);
    topic.epoch = {next_epoch_++};
    topic.epoch_first = topic.head().next().value;
    wake_all();
    return 0;
  });
}

std::vector<std::string> FakeBroker::log(const std::string& topic) {
  return on_thread([&] {
    std::vector<std::string> out;
    for (const auto& event : topics_[topic].events) out.push_back(event.data);
    return out;
  });
}

// ---- faults ----

void FakeBroker::send(const ServerMessage& message) {
  on_thread([&] {
    for (const auto& connection : connections_) connection->queue(message);
    return 0;
  });
}

void FakeBroker::send_bytes(const std::string& bytes) {
  on_thread([&] {
    for (const auto& connection : connections_) connection->queue_bytes(bytes);
    return 0;
  });
}

void FakeBroker::say_goodbye(std::uint32_t reconnect_after_ms) {
  on_thread([&] {
    for (const auto& connection : connections_) {
      connection->queue(Goodbye{.reconnect_after_ms = reconnect_after_ms});
      connection->close_code = 1012;
    }
    return 0;
  });
}

void FakeBroker::drop_all() {
  on_thread([&] {
    for (const auto& connection : connections_) connection->drop();
    return 0;
  });
}

void FakeBroker::close_all(Errc reason) {
  on_thread([&] {
    for (const auto& connection : connections_) connection->close(reason);
    return 0;
  });
}

std::vector<std::string> FakeBroker::upgrades() {
  return on_thread([&] { return upgrades_; });
}
std::vector<std::string> FakeBroker::auths() {
  return on_thread([&] { return auths_; });
}
std::uint64_t FakeBroker::connections() {
  return on_thread([&] { return accepted_; });
}
std::uint64_t FakeBroker::events_sent() {
  return on_thread([&] { return events_sent_; });
}
std::vector<Publish> FakeBroker::publishes() {
  return on_thread([&] { return publishes_; });
}
std::vector<Subscribe> FakeBroker::subscribes() {
  return on_thread([&] { return subscribes_; });
}
std::uint64_t FakeBroker::pings() {
  return on_thread([&] { return pings_; });
}

// ---- requests ----

void FakeBroker::handle(Connection& connection, const ClientMessage& message) {
  if (const auto* request = std::get_if<Publish>(&message)) {
    const Fault fault = on_publish ? on_publish(*request, publishes_.size()) : Fault{};
    publishes_.push_back(*request);
    if (fault.kind == Fault::Kind::drop_before) return connection.drop();
    if (fault.kind == Fault::Kind::ignore) return;
    if (fault.kind == Fault::Kind::close) {
      connection.close_code = fault.close_code;
      return connection.wake.raise();
    }
    const ServerMessage answer = publish(*request, fault);
    if (fault.kind == Fault::Kind::drop_after) return connection.drop();
    connection.queue(answer);
  } else if (const auto* subscription = std::get_if<Subscribe>(&message)) {
    subscribes_.push_back(*subscription);
    subscribe(connection, *subscription);
  } else if (const auto* leave = std::get_if<Unsubscribe>(&message)) {
    connection.readers.erase(leave->topic);
    connection.queue(Unsubscribed{.id = leave->id, .topic = leave->topic});
  } else if (const auto* credential = std::get_if<Authenticate>(&message)) {
    authenticate(connection, *credential);
  } else {
    ++pings_;
    if (answer_pings && !answer_pings()) return;
    connection.queue(Pong{.id = std::get<Ping>(message).id});
  }
}

void FakeBroker::authenticate(Connection& connection, const Authenticate& message) {
  auths_.push_back(message.token);
  const auto refusal = admit ? admit(message.token) : std::nullopt;
  if (!refusal) return connection.queue(Authenticated{.id = message.id, .subject = "ada"});
  connection.queue(Failure{.id = message.id, .code = *refusal});
  connection.close(*refusal);
}

ServerMessage FakeBroker::publish(const Publish& request, const Fault& fault) {
  if (fault.kind == Fault::Kind::refuse) {
    return Failure{.id = request.id, .code = fault.code, .text = "as ordered"};
  }
  return append_checked(request);
}

ServerMessage FakeBroker::append_checked(const Publish& request) {
  if (topics_.count(request.topic) == 0) {
    topics_[request.topic].epoch = {next_epoch_++};
    topics_[request.topic].content_type =
        request.content_type.empty() ? "application/json" : request.content_type;
  }
  Topic& topic = topics_.at(request.topic);
  Topic::Producer* producer = nullptr;
  if (request.producer) {
    const auto& stamp = *request.producer;
    producer = &topic.producers[stamp.id];
    if (stamp.epoch < producer->epoch) {
      return Failure{.id = request.id, .code = Errc::producer_fenced};
    }
    if (stamp.epoch > producer->epoch) *producer = {.epoch = stamp.epoch, .sequences = {}};
    if (const auto old = producer->sequences.find(stamp.sequence);
        old != producer->sequences.end()) {
      return Published{request.id, request.topic, topic.epoch, old->second, true};
    }
    if (stamp.sequence != producer->sequences.size()) {
      return Failure{.id = request.id,
                     .code = Errc::sequence_gap,
                     .expected_sequence = producer->sequences.size()};
    }
  }
  if (request.expected_last && *request.expected_last != topic.head()) {
    return Failure{.id = request.id, .code = Errc::offset_mismatch, .head = topic.head()};
  }
  const Offset first = topic.head().next();
  for (NewEvent event : request.events) {
    if (!settle_payload(event.data, event.form, payload_of(topic.content_type))) {
      return Failure{.id = request.id, .code = Errc::invalid_payload};
    }
    topic.events.push_back(std::move(event));
  }
  const OffsetRange offsets{first, topic.head().next()};
  if (producer != nullptr) producer->sequences[request.producer->sequence] = offsets;
  wake_all();
  return Published{request.id, request.topic, topic.epoch, offsets, false};
}

void FakeBroker::subscribe(Connection& connection, const Subscribe& request) {
  const auto at = topics_.find(request.topic);
  if (at == topics_.end()) {
    return connection.queue(
        Failure{.id = request.id, .code = Errc::unknown_topic, .topic = request.topic});
  }
  const Topic& topic = at->second;
  Position position{topic.epoch, topic.head()};
  if (const auto* after = std::get_if<StartAfter>(&request.start)) {
    position = after->position;
    if (position.epoch.value == 0) position.epoch = topic.epoch;
    if (const auto gap = gap_of(topic, *after); gap && request.on_gap == OnGap::fail) {
      return connection.queue(Failure{.id = request.id,
                                      .code = gap->cause == GapCause::ahead ? Errc::position_ahead
                                              : gap->cause == GapCause::epoch
                                                  ? Errc::wrong_epoch
                                                  : Errc::position_trimmed,
                                      .topic = request.topic,
                                      .gap = gap});
    }
  } else if (std::holds_alternative<StartEarliest>(request.start)) {
    position.offset = {topic.earliest - 1};
  }
  connection.queue(Subscribed{.id = request.id,
                              .topic = request.topic,
                              .position = position,
                              .head = topic.head(),
                              .earliest = {topic.earliest},
                              .content_type = topic.content_type});
  connection.readers[request.topic] = {position, false};
}

}  // namespace tidemark::test
