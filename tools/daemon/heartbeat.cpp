// Proof that the broker lives: see heartbeat.hpp.
// tools/daemon/: the committer is asked by a request that changes nothing.
#include "tools/daemon/heartbeat.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include <boost/asio/post.hpp>

namespace tidemark::tools {
namespace {

constexpr const char* kCommitter = "committer";
// A full queue takes no request; it is asked again soon.
constexpr std::chrono::milliseconds kRetry{20};

}  // namespace

/// Who has yet to answer. Threads: any.
struct Heartbeat::Round {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> silent;
  bool stopping = false;

  void answered(const std::string& who) {
    const std::lock_guard lock(mutex);
    silent.erase(who);
    changed.notify_all();
  }
};

/// Asks the committer to note the use of a topic that is not there (its id is nobody's), and hears
/// of it as an observer.
class Heartbeat::Asker final : public storage::CommitObserver {
 public:
  Asker(storage::EventStore& store, std::shared_ptr<Round> round)
      : store_(store), round_(std::move(round)) {
    store_.add_observer(*this);
  }
  ~Asker() override { store_.remove_observer(*this); }

  bool ask() {
    static const TopicName nobody = TopicName::parse("tidemark.heartbeat").value();
    std::unique_ptr<storage::Request> request =
        std::make_unique<storage::UseRequest>(nobody, storage::TopicId{});
    request->observer = this;
    return bool(store_.submit(request));
  }

  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>>) override {
    if (!done.empty()) round_->answered(kCommitter);
  }

 private:
  storage::EventStore& store_;
  const std::shared_ptr<Round> round_;
};

Heartbeat::Heartbeat(broker::Hub& hub, Options options)
    : hub_(hub),
      options_(std::move(options)),
      round_(std::make_shared<Round>()),
      asker_(std::make_unique<Asker>(hub.store(), round_)),
      thread_([this] { run(); }) {}

Heartbeat::~Heartbeat() { stop(); }

void Heartbeat::stop() {
  {
    const std::lock_guard lock(round_->mutex);
    round_->stopping = true;
    round_->changed.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  asker_.reset();
}

void Heartbeat::run() {
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    {
      const std::lock_guard lock(round_->mutex);
      round_->silent.insert(kCommitter);
      for (std::size_t i = 0; i < hub_.shard_count(); ++i) {
        round_->silent.insert("io " + std::to_string(i));
      }
    }
    for (std::size_t i = 0; i < hub_.shard_count(); ++i) {
      boost::asio::post(hub_.shard(i).io(), [round = round_, who = "io " + std::to_string(i)] {
        round->answered(who);
      });
    }
    if (!wait_for_answers()) return;
    options_.beat();
    std::unique_lock lock(round_->mutex);
    const auto stopping = [this] { return round_->stopping; };
    if (round_->changed.wait_until(lock, began + options_.period, stopping)) return;
  }
}

/// False: it stops.
bool Heartbeat::wait_for_answers() {
  using std::chrono::steady_clock;
  auto tell_at = steady_clock::now() + options_.period;
  bool asked = asker_->ask();
  std::unique_lock lock(round_->mutex);
  const auto over = [this] { return round_->stopping || round_->silent.empty(); };
  while (!round_->changed.wait_until(
      lock, asked ? tell_at : std::min(tell_at, steady_clock::now() + kRetry), over)) {
    const std::vector<std::string> silent(round_->silent.begin(), round_->silent.end());
    lock.unlock();
    if (!asked) asked = asker_->ask();
    if (steady_clock::now() >= tell_at) {
      options_.stalled(silent);
      tell_at += options_.period;
    }
    lock.lock();
  }
  return !round_->stopping;
}

}  // namespace tidemark::tools
