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
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>

#include "broker/authenticator.hpp"
#include "broker/backups.hpp"
#include "broker/caller.hpp"
#include "broker/hub.hpp"
#include "broker/limits/address_counter.hpp"
#include "broker/limits/byte_budget.hpp"
#include "broker/limits/publish_limiter.hpp"
#include "broker/metrics/counters.hpp"
#include "broker/origin.hpp"
#include "broker/page_token.hpp"
#include "broker/server.hpp"

namespace tidemark::broker {

using SteadyTime = std::chrono::steady_clock::time_point;

class Network;

/// What a server goes by that may change while it runs.
struct NetworkRules {
  ServerLimits limits;
  OriginPolicy origins;
  OriginPolicy operator_origins;  ///< for connections of operators
  TrustedProxies proxies;
  PageRules pages;

  /// Throws std::invalid_argument, with a text for whoever wrote the options.
  static NetworkRules make(const ServerOptions& options);
  [[nodiscard]] const OriginPolicy& origins_for(bool operators) const {
    return operators ? operator_origins : origins;
  }
  /// Not counted by connections_per_address.
  [[nodiscard]] bool exempt(const ClientAddress& address) const {
    return address.is_loopback() || address.is_unknown() || proxies.trusts(address);
  }
};

/// One of the connections a server may hold, for as long as this lives, and one of those that its
/// client's address may have. Movable. Threads: one at a time.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  struct From {
    ClientAddress peer;
    bool operators = false;
    bool counted = false;  ///< the peer is, by the network's AddressCounter
    std::uint64_t id = 0;  ///< given by Network::take_slot
  };
  ConnectionSlot(std::shared_ptr<Network> network, const From& from)
      : network_(std::move(network)), from_(from), client_(from.peer) {}
  ~ConnectionSlot();
  ConnectionSlot(ConnectionSlot&&) = default;
  ConnectionSlot& operator=(ConnectionSlot&&) = delete;
  explicit operator bool() const { return network_ != nullptr; }
  [[nodiscard]] Network& network() const { return *network_; }
  [[nodiscard]] bool operators() const { return from_.operators; }
  [[nodiscard]] std::uint64_t id() const { return from_.id; }

  [[nodiscard]] const ClientAddress& peer() const { return from_.peer; }
  /// Whom the peer speaks for, if it is a trusted proxy; else the peer.
  [[nodiscard]] const ClientAddress& client() const { return client_; }
  /// From now on it is this client's. False: there are as many from there as there may be.
  [[nodiscard]] bool speak_for(const ClientAddress& client, const NetworkRules& rules);
  /// The peer speaks for itself again.
  void speak_for_nobody();

 private:
  void uncount();

  std::shared_ptr<Network> network_;
  From from_;
  ClientAddress client_;  ///< counted, if from_.counted is true
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
  /// Adds its cursors.
  virtual void count_cursors(CursorCensus& census) const { static_cast<void>(census); }

  /// Has it come in where operators do (ServerOptions::admin)?
  [[nodiscard]] bool operators() const { return slot_.operators(); }
  /// What log lines call it: from 1 on, as they come in.
  [[nodiscard]] std::uint64_t id() const { return slot_.id(); }

 protected:
  [[nodiscard]] ConnectionGroup& group() const { return group_; }
  [[nodiscard]] ConnectionSlot& slot() { return slot_; }
  [[nodiscard]] const ClientAddress& client() const { return slot_.client(); }
  /// Whom the rates of publishing are counted for: who it is, or without a credential, where they
  /// come from. Empty if there are no rates.
  [[nodiscard]] std::string publisher(const Caller& caller) const;
  [[nodiscard]] ConnectionSlot release_slot() { return std::move(slot_); }

 private:
  ConnectionGroup& group_;
  ConnectionSlot slot_;
};

/// The connections of one shard. Instead of a timer each they are looked at in turn, so an idle
/// connection costs no timer memory. Threads: the shard's, apart from the constructor.
class ConnectionGroup final : private Flushable {
 public:
  ConnectionGroup(Network& network, Shard& shard, NetworkRules rules);

  [[nodiscard]] Network& network() const { return network_; }
  [[nodiscard]] Shard& shard() const { return shard_; }
  /// Its own copy, so that nobody reads what somebody changes.
  [[nodiscard]] const NetworkRules& rules() const { return rules_; }
  [[nodiscard]] const ServerLimits& limits() const { return rules_.limits; }
  void adopt(NetworkRules rules);
  /// Its shard's.
  [[nodiscard]] ShardCounters& counters() const { return *counters_; }
  /// The time that timeouts are measured in. It runs with the steady clock, but while the thread
  /// could not hear its peers (the process was stopped, the machine was) it stands still: they are
  /// not closed for what was our silence.
  [[nodiscard]] SteadyTime clock() const;
  /// As of the last look; good enough for most timeouts, and free.
  [[nodiscard]] SteadyTime now() const { return now_; }
  /// The deadline of what must not last longer than `time` from now on: connections are looked at
  /// in rounds, so it is earlier than that.
  [[nodiscard]] SteadyTime ends_within(std::chrono::milliseconds time) const;
  /// The time of day, as access sees it.
  [[nodiscard]] Timestamp wall_now() const;
  /// Pre: the network has access.
  [[nodiscard]] Authenticator& authenticator() const { return *authenticator_; }
  /// How long a client should wait before it comes back: spread, so that not all come at once.
  [[nodiscard]] std::chrono::milliseconds reconnect_delay();

  /// Any number, for spreading things.
  [[nodiscard]] std::uint64_t random() { return random_(); }

  /// Hands a request to the committer at the end of the turn, together with all others of the turn,
  /// so that they become one group. It is answered in any case: if it is refused, with the error.
  void submit(std::unique_ptr<storage::Request> request);

  /// Counts a publish that a client asks for, and judges how fast it comes. 0: go on. Else it is
  /// refused with rate_limited, and this is the time to wait.
  [[nodiscard]] std::chrono::milliseconds admit_publish(Channel channel, std::string_view identity,
                                                        const TopicName& topic,
                                                        std::span<const NewEvent> events);

  /// The same for a state that is to be stored, which counts as one event.
  [[nodiscard]] std::chrono::milliseconds admit_state(std::string_view identity,
                                                      const TopicName& topic, std::size_t bytes);

  /// Answers that wait for their clients pin events. So much may a new one hold: catch_up_bytes, or
  /// when those that wait hold too much together, bytes_in_flight.
  [[nodiscard]] std::size_t answer_room() const;
  /// What messages and bodies that are not whole yet may hold together.
  [[nodiscard]] ByteBudget& arriving() { return arriving_; }
  void hold_answer(std::size_t bytes) { answer_bytes_ += bytes; }
  void release_answer(std::size_t bytes) { answer_bytes_ -= bytes; }

  void add(Connection& connection);
  /// Begins to look. `keep` lives until stop().
  void start(std::shared_ptr<Network> keep);
  void stop();
  void drain();
  void abort();

  /// The cursors of its connections, as of the last time they were counted. Threads: any.
  [[nodiscard]] CursorCensus census() const;

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
  void look_at(List& part);
  void turn_census();
  void set_interval();
  void each(const std::function<void(Connection&)>& visit);

  Network& network_;
  Shard& shard_;
  Timer timer_;
  SteadyTime looked_at_;  ///< by the steady clock
  SteadyTime now_;        ///< by clock(), at that moment
  NetworkRules rules_;
  const std::shared_ptr<ShardCounters> counters_;  ///< shared: outlives the shard with connections
  std::chrono::milliseconds interval_;
  std::array<List, kParts> parts_;
  std::size_t next_ = 0;    ///< part that is looked at; whoever comes does not move it
  std::size_t newest_ = 0;  ///< part that the last connection has gone to
  std::vector<std::unique_ptr<storage::Request>> outbox_;
  std::shared_ptr<Authenticator> authenticator_;  ///< shared: see there; none without access
  std::minstd_rand random_;
  ByteBudget arriving_;
  std::size_t answer_bytes_ = 0;  ///< of answers that wait for their clients
  bool stopped_ = false;

  bool counting_ = false;  ///< this round counts cursors
  SteadyTime next_census_;
  CursorCensus new_census_;  ///< of the round so far
  mutable std::mutex census_mutex_;
  CursorCensus census_;
};

/// One server's connections. Shared by the server and everything that may outlive it for a moment.
/// Threads: any, where not said otherwise.
class Network : public std::enable_shared_from_this<Network> {
 public:
  /// Of the options what can't change.
  Network(Hub& hub, const NetworkRules& rules, const ServerOptions& options);

  Hub& hub;
  const std::shared_ptr<Access> access;  ///< nullptr: everybody may do everything
  const std::function<Timestamp()> clock;
  const PageTokens page_tokens;
  Backups backups;
  std::vector<std::unique_ptr<ConnectionGroup>> groups;  ///< one per shard

  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> websockets{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};               ///< all, at the door
  std::atomic<std::uint64_t> refused_from_address{0};  ///< of them, for their address
  std::atomic<std::uint64_t> handshakes_failed{0};     ///< of TLS
  std::atomic<bool> stopping{false};
  const bool test_echo;                          ///< there is echo.hpp's path
  std::atomic<std::size_t> connection_limit{0};  ///< for metrics; what counts is in the rules

  AddressCounter addresses;
  PublishLimiter limiter;

  /// For a connection of `peer`. For operators there are a few more, so that a broker that is full
  /// can be looked at. Errors: too_many_connections, too_many_from_address.
  [[nodiscard]] std::variant<ConnectionSlot, Errc> take_slot(ConnectionSlot::From from,
                                                             const NetworkRules& rules);
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
