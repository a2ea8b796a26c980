// What all connections of a server have in common: counts, limits, the sweep, the end.
// broker/: see connection.hpp.
#include "broker/connection.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace tidemark::broker {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// A scraper, a health check, some people.
constexpr std::size_t kOperatorsReserve = 64;

}  // namespace

ConnectionSlot::~ConnectionSlot() {
  if (network_) network_->give_slot();
}

// ---- ConnectionGroup ----

ConnectionGroup::ConnectionGroup(Network& network, Shard& shard)
    : network_(network),
      shard_(shard),
      timer_(shard.io().get_executor()),
      now_(steady_clock::now()),
      random_(std::random_device{}()) {
  // A timeout is met within a quarter of the shortest, and at best within a second.
  const auto& l = network.limits;
  const auto shortest = std::min(
      {l.handshake_timeout, l.idle_timeout, l.stall_timeout, l.close_timeout, l.long_poll_timeout});
  interval_ = std::clamp(shortest / 4, milliseconds(8), milliseconds(1'000)) / kParts;
  interval_ = std::max(interval_, milliseconds(1));
}

const ServerLimits& ConnectionGroup::limits() const { return network_.limits; }

milliseconds ConnectionGroup::reconnect_delay() {
  const auto most = network_.limits.reconnect_spread.count();
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, most)(random_));
}

std::size_t ConnectionGroup::answer_room() const {
  const auto& l = network_.limits;
  return answer_bytes_ < l.answers_in_flight ? l.catch_up_bytes
                                             : std::min(l.catch_up_bytes, l.bytes_in_flight);
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
  next_ = (next_ + 1) % kParts;
  parts_.at(next_).push_back(connection);
}

void ConnectionGroup::start(std::shared_ptr<Network> keep) { tick(std::move(keep)); }

void ConnectionGroup::stop() {
  stopped_ = true;
  timer_.cancel();
}

void ConnectionGroup::tick(std::shared_ptr<Network> keep) {
  if (stopped_) return;
  now_ = steady_clock::now();
  next_ = (next_ + 1) % kParts;
  auto& part = parts_.at(next_);
  for (auto it = part.begin(); it != part.end();) (it++)->sweep(now_);
  timer_.expires_after(interval_);
  timer_.async_wait([this, keep = std::move(keep)](boost::system::error_code error) mutable {
    if (!error) tick(std::move(keep));
  });
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
}

// ---- Network ----

Network::Network(Hub& h, ServerLimits l, OriginPolicy o, OriginPolicy for_operators)
    : hub(h), limits(l), origins(std::move(o)), operator_origins(std::move(for_operators)) {
  for (std::size_t i = 0; i < hub.shard_count(); ++i) {
    groups.push_back(std::make_unique<ConnectionGroup>(*this, hub.shard(i)));
  }
}

ConnectionSlot Network::take_slot(bool operators) {
  const auto most = limits.connections + (operators ? kOperatorsReserve : 0);
  if (connections.fetch_add(1) >= most) {
    give_slot();
    return {};
  }
  return {shared_from_this(), operators};
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
