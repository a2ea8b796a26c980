// What all connections of a server have in common: counts, limits, the sweep, the end.
// broker/: HttpSession and WebSocketSession are connections; the server keeps them in groups.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>

#include "broker/hub.hpp"
#include "broker/origin.hpp"
#include "broker/server.hpp"

namespace tidemark::broker {

using SteadyTime = std::chrono::steady_clock::time_point;

class Network;

/// One of the connections a server may hold, for as long as this lives. Movable.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  ConnectionSlot(std::shared_ptr<Network> network, bool operators)
      : network_(std::move(network)), operators_(operators) {}
  ~ConnectionSlot();
  ConnectionSlot(ConnectionSlot&&) = default;
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  explicit operator bool() const { return network_ != nullptr; }
  [[nodiscard]] Network& network() const { return *network_; }
  [[nodiscard]] bool operators() const { return operators_; }

 private:
  std::shared_ptr<Network> network_;
  bool operators_ = false;
};

class ConnectionGroup;

/// Threads: its shard's.
class Connection : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Connection(ConnectionGroup& group, ConnectionSlot slot) : group_(group), slot_(std::move(slot)) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Looks at its own timeouts.
  virtual void sweep(SteadyTime now) = 0;
  /// A graceful stop has begun: finish what was accepted, then close.
  virtual void drain() = 0;
  /// Closes now.
  virtual void abort() = 0;

  /// Has it come in where operators do (ServerOptions::admin)?
  [[nodiscard]] bool operators() const { return slot_.operators(); }

 protected:
  [[nodiscard]] ConnectionGroup& group() const { return group_; }
  [[nodiscard]] ConnectionSlot release_slot() { return std::move(slot_); }

 private:
  ConnectionGroup& group_;
  ConnectionSlot slot_;
};

/// The connections of one shard. Instead of a timer each they are looked at in turn, so an idle
/// connection costs no timer memory. Threads: the shard's, apart from the constructor.
class ConnectionGroup final : private Flushable {
 public:
  ConnectionGroup(Network& network, Shard& shard);

  [[nodiscard]] Network& network() const { return network_; }
  [[nodiscard]] Shard& shard() const { return shard_; }
  [[nodiscard]] const ServerLimits& limits() const;
  /// As of the last look; good enough for timeouts, and free.
  [[nodiscard]] SteadyTime now() const { return now_; }
  /// How long a client should wait before it comes back: spread, so that not all come at once.
  [[nodiscard]] std::chrono::milliseconds reconnect_delay();

  /// Any number, for spreading things.
  [[nodiscard]] std::uint64_t random() { return random_(); }

  /// Hands a request to the committer at the end of the turn, together with all others of the turn,
  /// so that they become one group. It is answered in any case: if it is refused, with the error.
  void submit(std::unique_ptr<storage::Request> request);

  /// Answers that wait for their clients pin events. So much may a new one hold: catch_up_bytes, or
  /// when those that wait hold too much together, bytes_in_flight.
  [[nodiscard]] std::size_t answer_room() const;
  void hold_answer(std::size_t bytes) { answer_bytes_ += bytes; }
  void release_answer(std::size_t bytes) { answer_bytes_ -= bytes; }

  void add(Connection& connection);
  /// Begins to look. `keep` lives until stop().
  void start(std::shared_ptr<Network> keep);
  void stop();
  void drain();
  void abort();

 private:
  using List = boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>>;
  using Timer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                        boost::asio::wait_traits<std::chrono::steady_clock>,
                                        boost::asio::io_context::executor_type>;
  // Looking at a part at a time keeps a hundred thousand connections from taking 10 ms at once.
  static constexpr std::size_t kParts = 8;

  void flush() override;
  void tick(std::shared_ptr<Network> keep);
  void each(const std::function<void(Connection&)>& visit);

  Network& network_;
  Shard& shard_;
  Timer timer_;
  SteadyTime now_;
  std::chrono::milliseconds interval_;
  std::array<List, kParts> parts_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<storage::Request>> outbox_;
  std::minstd_rand random_;
  std::size_t answer_bytes_ = 0;  ///< of answers that wait for their clients
  bool stopped_ = false;
};

/// One server's connections. Shared by the server and everything that may outlive it for a moment.
/// Threads: any, where not said otherwise.
class Network : public std::enable_shared_from_this<Network> {
 public:
  /// `operator_origins`: for connections of operators.
  Network(Hub& hub, ServerLimits limits, OriginPolicy origins, OriginPolicy operator_origins);

  Hub& hub;
  const ServerLimits limits;
  const OriginPolicy origins;
  const OriginPolicy operator_origins;
  std::vector<std::unique_ptr<ConnectionGroup>> groups;  ///< one per shard

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> websockets{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> handshakes_failed{0};  ///< of TLS
  std::atomic<bool> stopping{false};

  [[nodiscard]] const OriginPolicy& origins_for(bool operators) const {
    return operators ? operator_origins : origins;
  }

  /// Empty if there are as many connections as there may be. For operators there are a few more, so
  /// that a broker that is full can be looked at.
  [[nodiscard]] ConnectionSlot take_slot(bool operators);
  void give_slot();
  /// False if some are left after `timeout`.
  bool wait_until_empty(std::chrono::milliseconds timeout);
  /// Calls `visit` for every group, on its shard's thread.
  void post_to_groups(const std::function<void(ConnectionGroup&)>& visit);

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
};

}  // namespace tidemark::broker
