// One thread for all connections: its log, its orders, its answers.
// tests/client/: see fake_broker.hpp.
#include "tests/client/fake_broker.hpp"

#include <future>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "protocol/topic_pattern.hpp"
#include "tests/client/fake_connection.hpp"

namespace tidemark::test {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

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
    for (const auto& connection : connections_) {
      for (const auto& [pattern, request] : connection->patterns) {
        if (matches_topic(pattern, topic)) follow(*connection, topic, request, true);
      }
    }
    return 0;
  });
}

void FakeBroker::append(const std::string& topic, const std::string& data, const std::string& key) {
  on_thread([&] {
    topics_.at(topic).events.push_back({.data = data, .key = key});
    wake_all();
    return 0;
  });
}

void FakeBroker::trim(const std::string& topic, std::uint64_t keep) {
  on_thread([&] { return topics_.at(topic).earliest = keep; });
}

void FakeBroker::set_state(const std::string& topic, std::vector<State> parts) {
  on_thread([&] {
    topics_.at(topic).state = std::move(parts);
    return 0;
  });
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
std::vector<Acknowledge> FakeBroker::acknowledgements() {
  return on_thread([&] { return acknowledgements_; });
}
std::vector<Unsubscribe> FakeBroker::unsubscribes() {
  return on_thread([&] { return unsubscribes_; });
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
    if (!subscription->pattern.empty()) return follow_pattern(connection, *subscription);
    subscribe(connection, *subscription);
  } else if (const auto* leave = std::get_if<Unsubscribe>(&message)) {
    unsubscribes_.push_back(*leave);
    unsubscribe(connection, *leave);
  } else if (const auto* ack = std::get_if<Acknowledge>(&message)) {
    acknowledge(connection, *ack);
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
  const auto refuse = [&](Errc code, std::optional<Gap> gap) {
    connection.queue(
        Failure{.id = request.id, .code = code, .topic = request.topic, .gap = std::move(gap)});
  };
  const auto at = topics_.find(request.topic);
  if (at == topics_.end()) return refuse(Errc::unknown_topic, std::nullopt);
  const auto reader = connection.readers.find(request.topic);
  if (reader != connection.readers.end() && !reader->second.pattern.empty()) {
    return refuse(Errc::already_subscribed, std::nullopt);
  }
  const auto* after = std::get_if<StartAfter>(&request.start);
  const auto gap = after == nullptr ? std::nullopt : gap_of(at->second, *after);
  if (gap && request.on_gap == OnGap::fail) {
    return refuse(gap->cause == GapCause::ahead   ? Errc::position_ahead
                  : gap->cause == GapCause::epoch ? Errc::wrong_epoch
                                                  : Errc::position_trimmed,
                  gap);
  }
  follow(connection, request.topic, request, false);
}

void FakeBroker::give_state(const Topic& topic, Reader& reader) {
  TIDEMARK_ENSURE(!topic.state.empty(), "a test that wants a state says what it is");
  reader.parts = {topic.state.begin(), topic.state.end()};
  reader.position = topic.state.front().position;
}

/// Where a request begins in a topic. `later`: the topic was created after it.
void FakeBroker::begin(const Topic& topic, const std::string& name, const Subscribe& request,
                       bool later, Reader& reader) {
  reader.position = {topic.epoch, topic.head()};
  if (request.positions) {
    for (const auto& [known, position] : *request.positions) {
      if (known != name) continue;
      reader.position = position;
      return;
    }
  }
  if (request.state) return give_state(topic, reader);
  const bool earliest = std::holds_alternative<StartEarliest>(request.start);
  if (earliest || later || request.positions) reader.position.offset = {topic.earliest - 1};
  if (const auto* after = std::get_if<StartAfter>(&request.start); after && !later) {
    reader.position = after->position;
    if (reader.position.epoch.value == 0) reader.position.epoch = topic.epoch;
  }
}

void FakeBroker::follow(Connection& connection, const std::string& name, const Subscribe& request,
                        bool later) {
  const Topic& topic = topics_.at(name);
  if (!request.pattern.empty() && refuse_topic) {
    if (const auto code = refuse_topic(name)) {
      return connection.queue(Failure{.id = 0, .code = *code, .topic = name});
    }
  }
  Reader reader;
  reader.on_gap = request.on_gap;
  reader.filter = request.filter;
  reader.pattern = request.pattern;
  begin(topic, name, request, later, reader);
  reader.told = reader.position.offset;
  connection.queue(Subscribed{.id = request.pattern.empty() ? request.id : 0,
                              .topic = name,
                              .position = reader.position,
                              .head = topic.head(),
                              .earliest = {topic.earliest},
                              .content_type = topic.content_type});
  connection.readers[name] = std::move(reader);
}

void FakeBroker::follow_pattern(Connection& connection, const Subscribe& request) {
  connection.queue(Following{.id = request.id, .pattern = request.pattern});
  connection.patterns[request.pattern] = request;
  for (const auto& [name, topic] : topics_) {
    if (!matches_topic(request.pattern, name)) continue;
    if (connection.readers.contains(name)) {
      connection.queue(Failure{.id = 0, .code = Errc::already_subscribed, .topic = name});
    } else {
      follow(connection, name, request, false);
    }
  }
  for (const auto& [name, position] : request.positions.value_or(std::vector<TopicPosition>())) {
    if (topics_.contains(name)) continue;
    connection.queue(
        Unsubscribed{.id = 0, .topic = name, .pattern = {}, .reason = Errc::topic_deleted});
  }
}

void FakeBroker::unsubscribe(Connection& connection, const Unsubscribe& request) {
  connection.readers.erase(request.topic);
  if (connection.patterns.erase(request.pattern) > 0) {
    std::erase_if(connection.readers,
                  [&](const auto& reader) { return reader.second.pattern == request.pattern; });
  }
  connection.queue(Unsubscribed{
      .id = request.id, .topic = request.topic, .pattern = request.pattern, .reason = {}});
}

void FakeBroker::acknowledge(Connection& connection, const Acknowledge& request) {
  const Fault fault = on_acknowledge ? on_acknowledge(request, acknowledgements_.size()) : Fault{};
  acknowledgements_.push_back(request);
  if (fault.kind == Fault::Kind::drop_before) return connection.drop();
  if (fault.kind == Fault::Kind::ignore) return;
  if (fault.kind == Fault::Kind::refuse) {
    return connection.queue(Failure{.id = request.id, .code = fault.code, .topic = request.topic});
  }
  Position& kept = cursors_[{request.topic, request.cursor}];
  kept = std::max(kept, request.position);
  if (fault.kind == Fault::Kind::drop_after) return connection.drop();
  connection.queue(Acknowledged{
      .id = request.id, .topic = request.topic, .cursor = request.cursor, .position = kept});
}

}  // namespace tidemark::test
