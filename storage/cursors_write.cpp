// Named cursors on their way into the log: now and then, and all of them when the store is closed.
// storage/: a part of the Cursors; see cursors_impl.hpp. The committer writes them.
#include <algorithm>

#include "storage/cursors_impl.hpp"

namespace tidemark::storage {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Cursors::Impl::Impl(Log& log, Topics& topics, Committer& committer, StoreClock& clock,
                    CursorsOptions options)
    : log_(log), topics_(topics), committer_(committer), clock_(clock), options_(options) {
  // Before anybody changes one. If the log can't be read now, whoever comes first tries again.
  static_cast<void>(count());
  next_write_ = steady_clock::now() + options_.write_interval;
  committer_.add_observer(*this);
  thread_ = std::thread([this] { run(); });
}

Cursors::Impl::~Impl() { stop(); }

void Cursors::Impl::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  committer_.remove_observer(*this);
}

bool Cursors::Impl::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

// ---- what the committer tells ----

void Cursors::Impl::committed(std::vector<std::unique_ptr<Request>> done,
                              std::span<const std::shared_ptr<Topic>>) {
  if (done.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (auto& request : done) answers_.push_back(std::move(request));
  }
  answered_.notify_one();
}

/// A topic that is kept for its forks is found out by the next look, or by what it is asked to
/// take.
void Cursors::Impl::dropped(TopicId topic, Offset keep) {
  if (keep != kWholeTopic) return;
  const std::lock_guard lock(mutex_);
  table_.drop(topic);
}

// ---- the thread ----

void Cursors::Impl::run() {
  constexpr milliseconds kLeast(1);
  Time next_look = steady_clock::now();
  for (;;) {
    milliseconds look_interval{};
    {
      Lock lock(mutex_);
      wake_.wait_until(lock, std::min(next_write_, next_look),
                       [this] { return stopping_ || applied_; });
      if (stopping_) break;
      look_interval = std::max(options_.look_interval, kLeast);
      if (std::exchange(applied_, false)) {
        const auto now = steady_clock::now();
        next_write_ = std::min(next_write_, now + std::max(options_.write_interval, kLeast));
        next_look = std::min(next_look, now + look_interval);
      }
    }
    write_if_due();
    if (steady_clock::now() < next_look) continue;
    look();
    next_look = steady_clock::now() + look_interval;
  }
  write_the_rest();
}

void Cursors::Impl::write_if_due() {
  if (steady_clock::now() < next_write_) return;
  static_cast<void>(write());
  const std::lock_guard lock(mutex_);
  next_write_ = steady_clock::now() + std::max(options_.write_interval, milliseconds(1));
}

void Cursors::Impl::write_the_rest() {
  const auto until = steady_clock::now() + kStopTime;
  while (!write() && steady_clock::now() < until) {
    Lock lock(mutex_);
    wake_.wait_for(lock, kStopPause);
  }
}

/// Writes what has changed until now. False: some of it could not be, and waits for the next time.
bool Cursors::Impl::write() {
  std::size_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    left = table_.unwritten();
  }
  while (left > 0) {
    const std::size_t most = std::min(left, kPortion);
    left -= most;
    std::vector<CursorTable::Unwritten> portion;
    {
      const std::lock_guard lock(mutex_);
      portion = table_.take(most);
    }
    // A committer that has no room for these has none for more.
    if (!portion.empty() && !write_portion(portion)) return false;
  }
  return true;
}

/// Has them written, one request for each topic, and waits until that has been done or refused.
bool Cursors::Impl::write_portion(const std::vector<CursorTable::Unwritten>& portion) {
  std::unordered_map<TopicId, MoveCursorsRequest*> of_topic;
  std::vector<std::unique_ptr<Request>> requests;
  for (const auto& [topic, update] : portion) {
    MoveCursorsRequest*& request = of_topic[update.topic];
    if (request == nullptr) {
      auto made = std::make_unique<MoveCursorsRequest>(topic, update.topic);
      made->observer = this;
      request = made.get();
      requests.push_back(std::move(made));
    }
    request->cursors.push_back(update);
  }
  const std::size_t all = requests.size();
  static_cast<void>(committer_.submit(requests));  // what is refused stays in the vector
  const std::size_t submitted = all - requests.size();
  Lock lock(mutex_);
  answered_.wait(lock, [&] { return answers_.size() == submitted; });
  std::unordered_map<TopicId, std::optional<Errc>> outcomes;
  for (const auto& request : std::exchange(answers_, {}))
    outcomes.emplace(static_cast<const MoveCursorsRequest&>(*request).id, request->error);
  return settle(portion, outcomes);
}

/// Of topics without an outcome the request was refused. False: some are to be written again.
bool Cursors::Impl::settle(const std::vector<CursorTable::Unwritten>& portion,
                           const std::unordered_map<TopicId, std::optional<Errc>>& outcomes) {
  bool whole = true;
  for (const auto& [topic, update] : portion) {
    const auto outcome = outcomes.find(update.topic);
    const bool answered = outcome != outcomes.end();
    const auto error = answered ? outcome->second : Errc::overloaded;
    if (error == Errc::unknown_topic || error == Errc::topic_deleted) {
      table_.drop(update.topic);
    } else {
      table_.settle(update, !error);
      whole = whole && !error;
    }
  }
  return whole;
}

}  // namespace tidemark::storage
