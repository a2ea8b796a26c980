// What all connections of a server have in common: counts, limits, the sweep, the end.
// broker/: see connection.hpp.
#include "broker/connection.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <boost/asio/post.hpp>

#include "broker/wall_clock.hpp"

namespace tidemark::broker {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// A scraper, a health check, some people.
constexpr std::size_t kOperatorsReserve = 64;
// A busy machine is this late without having been stopped.
constexpr milliseconds kLateLook{50};

OriginPolicy make_policy(const ServerOptions& options, const std::string& address) {
  auto policy = OriginPolicy::make(options.allowed_origins, is_loopback(address));
  if (!policy) {
    throw std::invalid_argument("an allowed origin must be written as scheme://host[:port]");
  }
  return std::move(*policy);
}

}  // namespace

// ---- NetworkRules ----

NetworkRules NetworkRules::make(const ServerOptions& options) {
  auto proxies = TrustedProxies::make(options.trusted_proxies);
  if (!proxies) {
    throw std::invalid_argument(
        "a trusted proxy must be written as an address, or as a network as in 10.0.0.0/8");
  }
  const auto& operators = options.admin ? options.admin->address : options.address;
  return {.limits = options.limits,
          .origins = make_policy(options, options.address),
          .operator_origins = make_policy(options, operators),
          .proxies = std::move(*proxies),
          .pages = options.pages};
}

// ---- ConnectionSlot ----

ConnectionSlot::~ConnectionSlot() {
  if (!network_) return;
  uncount();
  network_->give_slot();
}

bool ConnectionSlot::speak_for(const ClientAddress& client, const NetworkRules& rules) {
  if (client == client_) return true;
  uncount();
  client_ = client;
  if (rules.exempt(client)) return true;
  from_.counted = network_->addresses.enter(client, rules.limits.connections_per_address);
  return from_.counted;
}

void ConnectionSlot::speak_for_nobody() {
  if (client_ == from_.peer) return;
  uncount();
  client_ = from_.peer;  // a proxy, and not counted
}

void ConnectionSlot::uncount() {
  if (std::exchange(from_.counted, false)) network_->addresses.leave(client_);
}

// ---- Connection ----

std::string Connection::publisher(const Caller& caller) const {
  if (!group_.limits().publish_rates.any()) return {};
  if (caller.is_known()) return std::string(caller.quota_key());
  return "anonymous " + client().network().str();
}

// ---- ConnectionGroup ----

ConnectionGroup::ConnectionGroup(Network& network, Shard& shard, NetworkRules rules)
    : network_(network),
      shard_(shard),
      timer_(shard.io().get_executor()),
      looked_at_(steady_clock::now()),
      now_(looked_at_),
      rules_(std::move(rules)),
      counters_(shard.shared_counters()),
      random_(std::random_device{}()),
      arriving_(limits().arriving_bytes) {
  set_interval();
  if (network.access) {
    authenticator_ = std::make_shared<Authenticator>(network.access, shard.link());
  }
}

void ConnectionGroup::adopt(NetworkRules rules) {
  rules_ = std::move(rules);
  set_interval();
}

void ConnectionGroup::set_interval() {
  // A round takes a quarter of the shortest timeout, and at most a second.
  const auto& l = limits();
  const auto shortest = std::min(
      {l.handshake_timeout, l.idle_timeout, l.stall_timeout, l.close_timeout, l.long_poll_timeout});
  interval_ = std::clamp(shortest / 4, milliseconds(8), milliseconds(1'000)) / kParts;
  interval_ = std::max(interval_, milliseconds(1));
}

SteadyTime ConnectionGroup::clock() const {
  // A round is a quarter of the shortest timeout: what a late look adds closes nobody who answers.
  const auto most = std::max<steady_clock::duration>(interval_ * kParts, kLateLook);
  return now_ + std::min<steady_clock::duration>(steady_clock::now() - looked_at_, most);
}

SteadyTime ConnectionGroup::ends_within(milliseconds time) const {
  // A round until it is looked at again, and half of one since a busy machine is late for that, and
  // was late to accept: 10 ms beyond 10 s were seen with an eighth.
  return clock() + time - interval_ * kParts * 3 / 2;
}

Timestamp ConnectionGroup::wall_now() const { return network_.clock(); }

milliseconds ConnectionGroup::reconnect_delay() {
  const auto most = limits().reconnect_spread.count();
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, most)(random_));
}

std::size_t ConnectionGroup::answer_room() const {
  const auto& l = limits();
  return answer_bytes_ < l.answers_in_flight ? l.catch_up_bytes
                                             : std::min(l.catch_up_bytes, l.bytes_in_flight);
}

milliseconds ConnectionGroup::admit_publish(Channel channel, std::string_view identity,
                                            const TopicName& topic,
                                            std::span<const NewEvent> events) {
  std::size_t bytes = 0;
  for (const NewEvent& event : events) bytes += event.data.size() + event.key.size();
  counters_->publishes_in[channel].add();
  counters_->events_in[channel].add(events.size());
  counters_->bytes_in[channel].add(bytes);
  if (!limits().publish_rates.any()) return milliseconds(0);
  const PublishCost cost{
      .identity = identity, .topic = topic.str(), .events = events.size(), .bytes = bytes};
  return network_.limiter.admit(limits().publish_rates, cost, steady_clock::now());
}

milliseconds ConnectionGroup::admit_state(std::string_view identity, const TopicName& topic,
                                          std::size_t bytes) {
  if (!limits().publish_rates.any()) return milliseconds(0);
  const PublishCost cost{.identity = identity, .topic = topic.str(), .events = 1, .bytes = bytes};
  return network_.limiter.admit(limits().publish_rates, cost, steady_clock::now());
}

void ConnectionGroup::submit(std::unique_ptr<storage::Request> request) {
  request->observer = &shard_;
  outbox_.push_back(std::move(request));
  shard_.schedule(*this, network_.shared_from_this());
}

void ConnectionGroup::flush() {
  const auto submitted = shard_.store().submit(outbox_);
  if (submitted) return;
  for (auto& request : std::exchange(outbox_, {})) {
    request->error = submitted.errc();
    request->answer();
  }
}

void ConnectionGroup::add(Connection& connection) {
  newest_ = (newest_ + 1) % kParts;
  parts_.at(newest_).push_back(connection);
}

void ConnectionGroup::start(std::shared_ptr<Network> keep) { tick(std::move(keep)); }

void ConnectionGroup::stop() {
  stopped_ = true;
  timer_.cancel();
}

void ConnectionGroup::tick(std::shared_ptr<Network> keep) {
  if (stopped_) return;
  now_ = clock();
  looked_at_ = steady_clock::now();
  next_ = (next_ + 1) % kParts;
  if (next_ == 0) turn_census();
  look_at(parts_.at(next_));
  // What one look is late the next makes up for: else on a busy machine a round, which is eight of
  // them, takes twice its time.
  const auto due = timer_.expiry() + interval_;
  const auto now = steady_clock::now();
  timer_.expires_at(now - due < kParts * interval_ ? due : now + interval_);
  timer_.async_wait([this, keep = std::move(keep)](boost::system::error_code error) mutable {
    if (!error) tick(std::move(keep));
  });
}

void ConnectionGroup::look_at(List& part) {
  for (auto it = part.begin(); it != part.end();) {
    Connection& connection = *it++;
    if (counting_) connection.count_cursors(new_census_);
    connection.sweep(now_);
  }
}

/// A round is over, another begins.
void ConnectionGroup::turn_census() {
  if (counting_) {
    const std::lock_guard lock(census_mutex_);
    census_ = std::exchange(new_census_, {});
  }
  counting_ = now_ >= next_census_;
  if (counting_) next_census_ = now_ + limits().census_interval;
}

CursorCensus ConnectionGroup::census() const {
  const std::lock_guard lock(census_mutex_);
  return census_;
}

void ConnectionGroup::each(const std::function<void(Connection&)>& visit) {
  for (auto& part : parts_) {
    for (auto it = part.begin(); it != part.end();) visit(*it++);
  }
}

void ConnectionGroup::drain() {
  each([](Connection& c) { c.drain(); });
}

void ConnectionGroup::abort() {
  each([](Connection& c) { c.abort(); });
  if (authenticator_) authenticator_->drop_all();
}

// ---- Network ----

Network::Network(Hub& h, const NetworkRules& rules, const ServerOptions& options)
    : hub(h),
      access(options.access),
      clock(options.clock ? options.clock : broker::wall_now),
      backups(hub.store(), options.backups),
      test_echo(options.test_echo),
      connection_limit(rules.limits.connections) {
  for (std::size_t i = 0; i < hub.shard_count(); ++i) {
    groups.push_back(std::make_unique<ConnectionGroup>(*this, hub.shard(i), rules));
  }
}

std::variant<ConnectionSlot, Errc> Network::take_slot(ConnectionSlot::From from,
                                                      const NetworkRules& rules) {
  const auto most = rules.limits.connections + (from.operators ? kOperatorsReserve : 0);
  if (connections.fetch_add(1) >= most) {
    give_slot();
    ++refused;
    return Errc::too_many_connections;
  }
  from.counted = !from.operators && !rules.exempt(from.peer);
  if (from.counted && !addresses.enter(from.peer, rules.limits.connections_per_address)) {
    give_slot();
    ++refused;
    ++refused_from_address;
    return Errc::too_many_from_address;
  }
  from.id = ++accepted;
  return ConnectionSlot(shared_from_this(), from);
}

void Network::give_slot() {
  if (connections.fetch_sub(1) != 1) return;
  const std::lock_guard lock(mutex_);
  empty_.notify_all();
}

bool Network::wait_until_empty(milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, timeout, [this] { return connections == 0; });
}

void Network::post_to_groups(const std::function<void(ConnectionGroup&)>& visit) {
  for (auto& group : groups) {
    boost::asio::post(group->shard().io(),
                      [visit, &group = *group, keep = shared_from_this()] { visit(group); });
  }
}

}  // namespace tidemark::broker
