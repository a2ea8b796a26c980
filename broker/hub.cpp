// The broker without a network: see hub.hpp.
// broker/: owns the threads; everything else happens on its shards.
#include "broker/hub.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

namespace {

/// A publish whose answer is a future. Destroyed unanswered, it says that nobody will know.
class FuturePublish final : public storage::PublishRequest {
 public:
  using PublishRequest::PublishRequest;
  ~FuturePublish() override {
    if (!answered_) refuse(Errc::shutting_down, {});
  }

  std::future<PublishOutcome> future() { return promise_.get_future(); }

  void answer() override {
    if (error) return refuse(*error, error_text);
    PublishOutcome outcome;
    outcome.offsets = offsets;
    outcome.position = {.epoch = epoch, .offset = {offsets.empty() ? 0 : offsets.end.value - 1}};
    outcome.duplicate = duplicate;
    fulfil(std::move(outcome));
  }

 private:
  void refuse(Errc code, std::string text) {
    PublishOutcome outcome;
    outcome.error = code;
    outcome.text = text.empty() ? std::string(info(code).text) : std::move(text);
    fulfil(std::move(outcome));
  }
  void fulfil(PublishOutcome outcome) {
    answered_ = true;
    promise_.set_value(std::move(outcome));
  }

  std::promise<PublishOutcome> promise_;
  bool answered_ = false;
};

/// Waits for one request on whatever thread it is made. Not a shard's business: the caller may be a
/// callback on that very shard.
class WaitForOne final : public storage::CommitObserver {
 public:
  explicit WaitForOne(storage::EventStore& store) : store_(store) { store_.add_observer(*this); }
  ~WaitForOne() override { store_.remove_observer(*this); }

  /// The request's outcome.
  Result<void> run(std::unique_ptr<storage::Request> request) {
    request->observer = this;
    auto outcome = done_.get_future();
    if (const auto submitted = store_.submit(request); !submitted) return submitted;
    const std::optional<Errc> error = outcome.get();
    if (error) return *error;
    return ok();
  }

 private:
  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>> /*advanced*/) override {
    for (const auto& request : done) done_.set_value(request->error);
  }

  storage::EventStore& store_;
  std::promise<std::optional<Errc>> done_;
};

}  // namespace

Hub::Hub(storage::EventStore& store, HubOptions options)
    : store_(store), readers_(std::max(1U, options.reader_threads)) {
  const unsigned count = std::max(1U, options.io_threads);
  for (unsigned i = 0; i < count; ++i) {
    // Hint 1: one thread runs it, so posts from that thread need no lock.
    auto& io = *ios_.emplace_back(std::make_unique<boost::asio::io_context>(1));
    guards_.push_back(boost::asio::make_work_guard(io));
    shards_.push_back(std::make_unique<Shard>(store_, io, readers_));
  }
  states_ = std::make_unique<States>(store_, std::move(options.states));
  for (const auto& shard : shards_) store_.add_observer(*shard);
  for (const auto& io : ios_) threads_.emplace_back([&io = *io] { io.run(); });
}

Hub::~Hub() { stop(); }

void Hub::stop() {
  if (stopping_.exchange(true)) return;
  states_->stop();  // who waits for one is told on a shard
  for (const auto& shard : shards_) store_.remove_observer(*shard);
  // Before the I/O threads: what the readers have done is still posted to them. Stopped rather than
  // run out, else a subscription far behind would have the whole log read first.
  readers_.stop();
  readers_.join();
  guards_.clear();
  for (std::thread& thread : threads_) thread.join();
}

std::future<PublishOutcome> Hub::publish(const TopicName& topic, std::vector<NewEvent> events) {
  auto publish = std::make_unique<FuturePublish>(topic);
  FuturePublish& it = *publish;
  it.events = std::move(events);
  it.observer = &next_shard();
  std::future<PublishOutcome> future = it.future();
  std::unique_ptr<storage::Request> request = std::move(publish);
  if (stopping_) return future;
  if (const auto submitted = store_.submit(request); !submitted) {
    it.error = submitted.errc();
    it.answer();
  }
  return future;
}

Result<std::unique_ptr<Subscription>> Hub::subscribe(const TopicName& topic, const Start& start,
                                                     OnGap on_gap, SubscriptionHandler handler) {
  if (stopping_) return Errc::shutting_down;
  auto opened = store_.open_topic(topic);
  if (!opened) return opened.error();
  const auto position = store_.resolve(**opened, start);
  if (!position) return position.error();
  Cursor cursor(std::move(*opened), *position, on_gap);
  if (on_gap == OnGap::fail) {
    if (const auto gap = cursor.gap_at_start()) return errc_of(gap->cause);
  }
  return Subscription::follow(next_shard(), std::move(cursor), std::move(handler));
}

Result<std::unique_ptr<Subscription>> Hub::join(const TopicName& topic, InitialStateSource source,
                                                OnGap on_gap, SubscriptionHandler handler) {
  if (stopping_) return Errc::shutting_down;
  auto opened = open_or_create(topic);
  if (!opened) return opened.error();
  return Subscription::join(next_shard(), std::move(*opened), std::move(source), on_gap,
                            std::move(handler));
}

Result<std::shared_ptr<storage::Topic>> Hub::open_or_create(const TopicName& topic) {
  auto opened = store_.open_topic(topic);
  if (opened || opened.errc() != Errc::unknown_topic) return opened;
  // It may come into being meanwhile; configuring without a wish changes nothing then.
  const auto created = WaitForOne(store_).run(std::make_unique<storage::ConfigureRequest>(topic));
  if (!created) return created.error();
  return store_.open_topic(topic);
}

Shard& Hub::next_shard() {
  return *shards_[next_.fetch_add(1, std::memory_order_relaxed) % shards_.size()];
}

std::size_t Hub::subscribers(const storage::Topic& topic) const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard->waiting_for(topic);
  return count;
}

}  // namespace tidemark::broker
