// The client on its thread, the reader of stdin on the caller's.
// tools/: see publisher.hpp.
#include "tools/publisher.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "tools/interrupt.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
using client::PublishReceipt;
using client::Reply;

namespace {

// How soon a signal is noticed while we wait for the broker.
constexpr std::chrono::milliseconds kTick{50};

/// True if it is ready, false if interrupted before.
template <class T>
bool wait_unless_interrupted(std::future<T>& future) {
  while (future.wait_for(kTick) != std::future_status::ready) {
    if (interrupted()) return false;
  }
  return true;
}

}  // namespace

Publisher::Publisher(client::ClientOptions options, std::string topic, client::milliseconds timeout)
    : guard_(io_.get_executor()),
      topic_(std::move(topic)),
      timeout_(timeout),
      client_(io_.get_executor(), std::move(options)),
      thread_([this] { io_.run(); }) {}

Publisher::~Publisher() {
  io_.stop();
  thread_.join();
}

Reply<void> Publisher::connect() {
  auto connected = asio::co_spawn(io_, client_.connect(), asio::use_future);
  if (wait_unless_interrupted(connected)) return connected.get();
  return client::refusal_of(Errc::cancelled);
}

client::PublishOptions Publisher::options_for(const Batch& batch) const {
  client::PublishOptions out;
  out.content_type = content_type_;
  out.expected_last = batch.expected_last;
  out.producer = batch.producer;
  out.timeout = timeout_;
  return out;
}

std::optional<Reply<PublishReceipt>> Publisher::publish(const Batch& batch) {
  auto work = client_.publish(topic_, batch.events, options_for(batch));
  auto reply = asio::co_spawn(io_, std::move(work), asio::use_future);
  if (!wait_unless_interrupted(reply)) return std::nullopt;
  return reply.get();
}

bool Publisher::send(Batch batch) {
  auto room = asio::co_spawn(io_, client_.room(), asio::use_future);
  if (!wait_unless_interrupted(room)) return false;
  if (!room.get() || rejected()) return false;
  const auto options = options_for(batch);
  const auto events = batch.events.size();
  {
    const std::scoped_lock lock(mutex_);
    ++tally_.in_flight;
  }
  auto work = client_.publish(topic_, std::move(batch.events), options);
  asio::co_spawn(io_, std::move(work),
                 [this, line = batch.first_line, events](std::exception_ptr thrown,
                                                         Reply<PublishReceipt> reply) {
                   if (thrown) reply = client::refusal_of(Errc::cancelled);
                   answered(std::move(reply), line, events);
                 });
  return true;
}

void Publisher::answered(Reply<PublishReceipt> reply, std::uint64_t first_line,
                         std::uint64_t events) {
  if (reply) count(*reply, events);
  const std::scoped_lock lock(mutex_);
  --tally_.in_flight;
  if (!reply && !rejected_) rejected_ = Rejected{reply.error(), first_line, events};
  changed_.notify_all();
}

void Publisher::count(const PublishReceipt& receipt, std::uint64_t events) {
  const std::scoped_lock lock(mutex_);
  tally_.events += events;
  tally_.epoch = receipt.epoch;
  if (receipt.duplicate) tally_.duplicates += events;
  if (receipt.offsets.empty()) return;
  const Offset last{receipt.offsets.end.value - 1};
  const bool none = tally_.first == Offset{};
  tally_.first = none ? receipt.offsets.first : std::min(tally_.first, receipt.offsets.first);
  tally_.last = std::max(tally_.last, last);
}

bool Publisher::wait(const std::function<bool()>& tick) {
  std::unique_lock lock(mutex_);
  while (tally_.in_flight > 0) {
    changed_.wait_for(lock, kTick);
    lock.unlock();
    const bool go_on = tick();
    lock.lock();
    if (!go_on) return tally_.in_flight == 0;
  }
  return true;
}

void Publisher::close() { asio::co_spawn(io_, client_.close(), asio::use_future).wait(); }

Tally Publisher::tally() const {
  const std::scoped_lock lock(mutex_);
  return tally_;
}

std::optional<Rejected> Publisher::rejected() const {
  const std::scoped_lock lock(mutex_);
  return rejected_;
}

}  // namespace tidemark::tools
