// The measurements `tidemark bench` offers, each with what it can be asked for.
// tools/: bench_command parses these, one source per measurement carries it out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/types.hpp"
#include "tools/bench_broker.hpp"
#include "tools/bench_http_peers.hpp"
#include "tools/bench_peers.hpp"
#include "tools/bench_report.hpp"

namespace tidemark::tools::bench {

/// What all measurements share.
struct Common {
  BrokerOptions broker;
  WireForm form = WireForm::json;
  std::size_t size = 128;   ///< bytes of an event's data
  bool size_given = false;  ///< else a measurement may have a better one
  std::chrono::nanoseconds duration = std::chrono::seconds(5);
  std::chrono::nanoseconds warm_up = std::chrono::milliseconds(500);
  bool progress = true;
};

/// One publisher, many subscribers of a topic.
struct FanLoad {
  std::size_t subscribers = 1000;
  std::size_t window = 256;  ///< events published and not yet delivered to every subscriber
  double rate = 0;           ///< events a second, each due at its time; 0: as the window allows
};
struct FanoutOptions : FanLoad {
  std::size_t topics = 1;  ///< the subscribers are dealt out over them
};
Report fanout(const Common& common, const FanoutOptions& options);

/// Acknowledged publishes.
struct PublishOptions {
  std::size_t connections = 1;
  std::size_t in_flight = 1;  ///< per connection
  std::size_t batch = 1;      ///< events a publish
  std::size_t topics = 1;
  double rate = 0;  ///< publishes a second over all connections; 0: as they are answered
};
Report publish(const Common& common, const PublishOptions& options);

/// Reading a whole topic from its beginning.
struct CatchupOptions {
  std::size_t readers = 1;
  std::uint64_t events = 1'000'000;
  bool cold = false;  ///< restart the broker and drop its files from the page cache before
  std::size_t passes = 3;
};
Report catchup(const Common& common, const CatchupOptions& options);

/// Starting on a log that is there, after a kill and after a clean stop.
struct StartOptions {
  std::uint64_t events = 10'000'000;
  std::size_t topics = 20;
  std::uint64_t fresh = 200'000;  ///< published before each kill: what the start must replay
  std::size_t rounds = 3;
};
Report start(const Common& common, const StartOptions& options);

/// Cost per publish and delivery with more and more topics.
struct TopicsOptions {
  std::size_t topics = 100'000;
  std::size_t active = 100;  ///< topics published to in turn; the others lie idle; 0: all
  std::size_t in_flight = 256;
};
Report topics(const Common& common, const TopicsOptions& options);

/// Cost per publish and delivery as one log grows.
struct GrowthOptions {
  std::uint64_t from = 1'000'000;
  std::uint64_t to = 50'000'000;
  std::size_t subscribers = 100;
  std::size_t window = 256;
};
Report growth(const Common& common, const GrowthOptions& options);

/// Memory per connection, idle and under load.
struct MemoryOptions {
  std::size_t connections = 10'000;
  std::uint64_t events = 20'000;
  std::size_t window = 256;
};
Report memory(const Common& common, const MemoryOptions& options);

/// Healthy clients beside idle and hostile ones. Only a broker on 127.0.0.1 is attacked, and only
/// for so long.
struct HostileOptions {
  std::size_t subscribers = 100;
  double rate = 200;  ///< events a second, each due at its time
  std::size_t idle = 10'000;
  std::size_t hostile = 1000;
  double flood = 262'144;      ///< bytes a second of each that sends without end
  double attack_seconds = 40;  ///< more than the broker's longest time limit against them, 30 s
};
Report hostile(const Common& common, const HostileOptions& options);

/// Newcomers who all begin with a topic's state, which the measurement's own slow hook makes, while
/// events are published.
struct StateOptions {
  std::size_t joiners = 5000;
  double within_seconds = 1;  ///< they ask spread evenly over so long
  double delay_ms = 200;      ///< of the hook
  std::size_t bundle_bytes = std::size_t{16} << 10;
  double rate = 200;  ///< events a second, each due at its time
};
Report state(const Common& common, const StateOptions& options);

/// What the machine allows: a bare loop that sends ready frames to sockets.
struct CeilingOptions {
  std::size_t connections = 1000;
  std::vector<std::size_t> per_write = {1, 8, 64, 256};
  bool lockstep = false;
};
Report ceiling(const Common& common, const CeilingOptions& options);

/// What the disk allows: a bare loop that receives, syncs and answers, one in flight a connection.
struct PublishCeilingOptions {
  std::vector<std::size_t> connections = {1, 64, 256};
};
Report publish_ceiling(const Common& common, const PublishCeilingOptions& options);

// ---- over HTTP, of any server of the Durable Streams protocol ----

/// Reading a whole stream by GETs that follow Stream-Next-Offset.
struct HttpCatchupOptions {
  enum class From : std::uint8_t {
    memory,  ///< the server that was filled
    cache,   ///< restarted before each pass; its files stay in the page cache
    disk,    ///< restarted, and its files dropped from the page cache
  };
  StreamType type = StreamType::bytes;
  std::size_t readers = 1;
  std::uint64_t events = 250'000;
  std::uint64_t per_append = 0;  ///< events an append while filling; 0: 500 in JSON, 1 of bytes
  From from = From::memory;
  std::size_t passes = 3;
};
Report http_catchup(const Common& common, const HttpCatchupOptions& options);

/// One publisher, many event streams: fanout() over SSE.
struct SseOptions : FanLoad {
  bool appends = false;  ///< published by HTTP appends, what the window allows each; else WebSocket
};
Report sse(const Common& common, const SseOptions& options);

/// Many long-polls that wait, and one event that answers them all.
struct LongPollOptions {
  std::size_t polls = 10'000;
  std::size_t rounds = 3;
};
Report long_polls(const Common& common, const LongPollOptions& options);

/// Durable appends, one request in flight on each connection.
struct HttpAppendOptions {
  StreamType type = StreamType::json;
  std::size_t connections = 64;
  std::uint64_t per_append = 1;
};
Report http_appends(const Common& common, const HttpAppendOptions& options);

// ---- shared by them ----

/// The setting every report begins with.
[[nodiscard]] Row setting(const Common& common, const Broker& broker);
/// The same where there is no wire form of ours.
[[nodiscard]] Row http_setting(const Common& common, const Broker& broker, std::size_t size);

/// A broker's cost over a stretch of time.
class Cost {
 public:
  explicit Cost(const Broker& broker);
  struct Spent {
    double seconds = 0;          ///< on the clock
    double cpu_seconds = 0;      ///< of the broker; 0 if unknown
    double own_cpu_seconds = 0;  ///< of the load generator: near `seconds`, it was the limit
    std::map<std::string, double> threads;
  };
  [[nodiscard]] Spent spent() const;

 private:
  const Broker& broker_;
  std::int64_t began_;
  std::optional<CpuTime> cpu_;
  double own_cpu_;
};

/// Adds "n/s", "n per server-CPU-second" and the share of CPU.
void put_rates(Row& row, const std::string& key, const std::string& label, double count,
               const Cost::Spent& spent);
void put_threads(Row& row, const Cost::Spent& spent);
void put_load(Row& setting, const FanLoad& load);
void put_generator(Row& row, const Cost::Spent& spent);

/// What each of `count` things takes of a server's memory; nothing is added if that is not known.
void put_memory(Row& row, const std::string& key, const std::string& label,
                std::optional<std::uint64_t> after, std::optional<std::uint64_t> before,
                std::size_t count);

/// How long a turn waits for input if nothing else is due.
inline constexpr std::chrono::nanoseconds kLongestTurn = std::chrono::milliseconds(50);
/// Turns the loop for so long. Before every turn `each` does what is due and says how long the turn
/// may wait. Throws if interrupted.
void turn_for(Loop& loop, std::chrono::nanoseconds duration,
              const std::function<std::chrono::nanoseconds()>& each);

/// A topic with subscribers that are all at the same place, and its publisher.
class FanoutRig {
 public:
  /// Creates the topic with one event and subscribes everyone after it.
  FanoutRig(Broker& broker, const Common& common, const std::string& topic, std::size_t subscribers,
            std::size_t most_open, Faults& faults);

  /// Publishes what the window allows, or what is due and fits.
  void publish_window(std::size_t window);
  /// Publishes what is due at `rate` since `began`, as far as it fits; returns when the next is
  /// due.
  std::int64_t publish_due(double rate, std::int64_t began);

  [[nodiscard]] std::uint64_t published() const { return published_; }
  [[nodiscard]] std::uint64_t open() const { return base_ + published_ - feed_.lowest(); }
  [[nodiscard]] bool settled() const { return open() == 0 && publisher_.in_flight() == 0; }
  [[nodiscard]] Feed& feed() { return feed_; }
  [[nodiscard]] Publisher& publisher() { return publisher_; }
  [[nodiscard]] Loop& loop() { return loop_; }
  /// Waits until everything published is everywhere; throws if it does not come.
  void settle();

 private:
  void publish_one(std::int64_t due);

  Common common_;
  std::size_t most_open_;
  Payloads payloads_;
  Loop loop_;
  Feed feed_;
  Publisher publisher_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::uint64_t base_ = 0;
  std::uint64_t published_ = 0;
};

}  // namespace tidemark::tools::bench
