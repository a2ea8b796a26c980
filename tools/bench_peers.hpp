// Who publishes and who follows in a measurement, and what they check.
// tools/: part of `tidemark bench`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/bench_broker.hpp"
#include "tools/bench_histogram.hpp"
#include "tools/bench_websocket.hpp"

namespace tidemark::tools::bench {

/// Wrong deliveries: counted, and the first ones described.
class Faults {
 public:
  void add(const std::string& what);
  [[nodiscard]] std::vector<std::string> described() const;

 private:
  std::uint64_t count_ = 0;
  std::vector<std::string> first_;
};

/// Which events' latency is taken: of all, or of the last one of each read when there are so many
/// that the generator would measure itself.
enum class Stamps : std::uint8_t { none, last, all };

/// What the subscribers of one topic have in common.
class Feed {
 public:
  Feed(WireForm form, std::string topic) : pattern(form, topic), topic_(std::move(topic)) {}

  /// Follows the lowest position, for windows of at most `most` events. Pre: all `subscribers` are
  /// at `position`.
  void track(std::uint64_t position, std::size_t subscribers, std::size_t most);
  /// The position that all subscribers have reached. Pre: tracked.
  [[nodiscard]] std::uint64_t lowest() const { return lowest_; }

  void moved(std::uint64_t from, std::uint64_t to);
  [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }
  [[nodiscard]] const std::string& topic() const { return topic_; }

  const EventPattern pattern;
  Stamps stamps = Stamps::none;
  Histogram latency;
  std::uint64_t target = 0;    ///< where a subscriber is done
  std::size_t reached = 0;     ///< subscribers that are
  std::size_t subscribed = 0;  ///< subscribers that have been told so

 private:
  std::string topic_;
  std::vector<std::uint32_t> at_;  ///< subscribers by position, modulo the size
  std::uint64_t lowest_ = 0;
  std::uint64_t highest_ = 0;
  std::uint64_t deliveries_ = 0;
};

/// Follows one topic. Every event must be the next one, else take() throws.
class Subscriber final : public WebSocketPeer {
 public:
  Subscriber(WireForm form, Feed& feed) : WebSocketPeer(form), feed_(feed) {}

  void subscribe(Loop& loop, Start start);
  std::size_t take(const char* bytes, std::size_t size) override;
  [[nodiscard]] std::uint64_t position() const { return next_.value() - 1; }

 private:
  [[noreturn]] void wrong(const FrameView& frame);
  void other(const FrameView& frame);

  Feed& feed_;
  Expected next_;
  std::uint64_t counted_ = 0;  ///< position as the feed knows it
};

/// Follows many topics `<base>/0000017` on one connection.
class ManySubscriber final : public WebSocketPeer {
 public:
  ManySubscriber(WireForm form, std::string base, std::size_t first, std::size_t count,
                 Faults& faults);

  void subscribe(Loop& loop);
  std::size_t take(const char* bytes, std::size_t size) override;
  [[nodiscard]] std::uint64_t deliveries() const { return deliveries_; }
  [[nodiscard]] bool ready() const { return subscribed_ == next_.size(); }

 private:
  bool event(const FrameView& frame);
  void other(const FrameView& frame);

  std::string base_;
  std::size_t first_;
  std::vector<std::uint64_t> next_;
  std::string prefix_;
  Faults& faults_;
  std::size_t subscribed_ = 0;
  std::uint64_t deliveries_ = 0;
};

/// "<base>/0000017"
[[nodiscard]] std::string topic_of(const std::string& base, std::size_t index);
/// A name that is in use nowhere else on this broker; short if the broker is ours, since it is part
/// of every frame.
[[nodiscard]] std::string fresh_topic(const Broker& broker);
/// The topic itself if it is the only one, else one of several below it.
[[nodiscard]] std::string topic_of(const std::string& base, std::size_t index, std::size_t count);

/// Publishes; every publish must be acknowledged once.
class Publisher final : public WebSocketPeer {
 public:
  Publisher(WireForm form, Faults& faults) : WebSocketPeer(form), faults_(faults) {}

  /// Queues one publish; Loop::flush sends it. `due`: the time its latency counts from.
  void publish(std::string_view topic, std::span<const std::string_view> events, std::int64_t due);
  std::size_t take(const char* bytes, std::size_t size) override;

  [[nodiscard]] std::uint64_t in_flight() const { return sent_ - acked_; }
  [[nodiscard]] std::uint64_t acked() const { return acked_; }
  [[nodiscard]] std::uint64_t acked_events() const { return acked_events_; }
  [[nodiscard]] std::uint64_t last_offset() const { return last_offset_; }

  Histogram latency;
  std::function<void(const Ack&)> on_ack;

 private:
  void acknowledged(const Ack& ack, std::int64_t now);
  void other(const FrameView& frame);

  Faults& faults_;
  std::vector<std::int64_t> due_;  ///< by id, modulo the size; -1: not in flight
  std::uint64_t sent_ = 0;
  std::uint64_t acked_ = 0;
  std::uint64_t acked_events_ = 0;
  std::uint64_t last_offset_ = 0;
};

/// Publishes `events` of `size` bytes to `topic` as fast as it goes; returns the last offset.
/// `progress` is told how many are acknowledged.
std::uint64_t fill(Broker& broker, WireForm form, const std::string& topic, std::uint64_t events,
                   std::size_t size, Faults& faults,
                   const std::function<void(std::uint64_t)>& progress = {});

/// Says on a terminal how far a long step is; silent in a pipe and with --json.
class Progress {
 public:
  explicit Progress(bool wanted);
  ~Progress();
  void say(const std::string& what);

 private:
  bool wanted_;
  std::int64_t last_ = 0;
};

}  // namespace tidemark::tools::bench
