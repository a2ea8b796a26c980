// A connection of the scripted broker, and the topics it reads.
// tests/client/: between the sources of FakeBroker alone.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/beast/websocket/stream.hpp>

#include "protocol/client/signal.hpp"
#include "tests/client/fake_broker.hpp"

namespace tidemark::test {

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
  std::vector<State> state;      ///< its parts
  std::map<std::string, Producer> producers;

  [[nodiscard]] Offset head() const { return {events.size()}; }
};

/// One of a topic, for a connection.
struct FakeBroker::Reader {
  Position position;
  bool caught_up = false;
  Offset told;              ///< of the last event sent, or what was said in its place
  std::deque<State> parts;  ///< of a state, still to be sent
  OnGap on_gap = OnGap::earliest;
  Filter filter;
  std::string pattern;  ///< it follows the topic for this one; empty: on its own
};

struct FakeBroker::Connection : std::enable_shared_from_this<Connection> {
  Connection(FakeBroker& owner, Socket socket)
      : broker(owner), stream(std::move(socket)), wake(stream.get_executor()) {}

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> shake_hands();
  void close(Errc reason) {
    close_code = info(reason).close_code;
    close_reason = info(reason).name;
    wake.raise();
  }
  boost::asio::awaitable<void> write();
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
  boost::beast::websocket::stream<Socket> stream;
  client::Signal wake;
  std::deque<std::string> replies;
  std::map<std::string, Reader> readers;
  std::map<std::string, Subscribe> patterns;
  bool dropped = false;
  std::uint16_t close_code = 0;
  std::string close_reason = "as ordered";
};

}  // namespace tidemark::test
