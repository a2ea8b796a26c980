// A store on a faulty disk: see store_under_faults.hpp.
// tests/proof/: composed as EventStore is, without the threads that would make a seed mean less.
#include "store_under_faults.hpp"

#include <chrono>
#include <thread>

namespace tidemark::proof {

namespace fs = std::filesystem;
using namespace storage;

StoreUnderFaults::StoreUnderFaults(StoreShape shape) : shape_(shape) {
  fs::create_directory(home());
  fs::create_directory(directory_.path() / "grave");
  files_ = std::make_unique<FaultyFileSystem>(home(), directory_.path() / "grave");
}

StoreUnderFaults::~StoreUnderFaults() { close(); }

StoreOptions StoreUnderFaults::store_options(bool accept_loss) {
  StoreOptions options;
  options.memtable_bytes = shape_.memtable_bytes;
  options.block_cache_bytes = std::size_t{256} << 10;
  options.accept_loss = accept_loss;
  options.clock = [this] { return Timestamp{wall_ms_}; };
  options.boot_id = "boot " + std::to_string(boot_);
  options.env = files_->env();
  options.disk = &files_->disk_calls();
  return options;
}

bool StoreUnderFaults::open(bool accept_loss) {
  auto log = open_rocks_log(home(), store_options(accept_loss));
  if (!log) {
    refusal_ = log.error();
    return false;
  }
  log_ = std::move(*log);
  topics_ = std::make_unique<Topics>(*log_, 8, shape_.ring_bytes);
  clock_ = std::make_unique<StoreClock>(StoreClock::Sources{
      .wall = [this] { return Timestamp{wall_ms_}; },
      .steady =
          [this] {
            return std::chrono::steady_clock::time_point(std::chrono::milliseconds(steady_ms_));
          }});
  cache_ = std::make_unique<SegmentCache>(*log_, shape_.cache_bytes);
  CommitterOptions options;
  options.flush_interval = std::chrono::hours(1);  // synced with what is, and when it is closed
  options.recover_interval = shape_.recover_interval;
  committer_ = std::make_unique<Committer>(*log_, *topics_, *clock_, options);
  committer_->add_observer(*this);
  return true;
}

void StoreUnderFaults::close() {
  if (committer_) committer_->stop();
  committer_.reset();
  cache_.reset();
  topics_.reset();
  log_.reset();
  dropped_.clear();
}

void StoreUnderFaults::crash(const PowerLoss& how) {
  files_->cut_power();
  close();
  files_->lose_power(how);
  ++boot_;
}

std::unique_ptr<Request> StoreUnderFaults::wait_for(std::unique_ptr<Request> request) {
  request->observer = this;
  std::future<std::unique_ptr<Request>> done;
  {
    const std::lock_guard lock(mutex_);
    done = waiting_[request.get()].get_future();
  }
  if (auto submitted = committer_->submit(request); !submitted) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(request.get());
    request->error = submitted.errc();
    return request;
  }
  return done.get();
}

void StoreUnderFaults::committed(std::vector<std::unique_ptr<Request>> done,
                                 std::span<const std::shared_ptr<Topic>>) {
  const std::lock_guard lock(mutex_);
  for (auto& request : done) {
    auto waiting = waiting_.extract(request.get());
    waiting.mapped().set_value(std::move(request));
  }
}

void StoreUnderFaults::dropped(TopicId topic, Offset keep) {
  const std::lock_guard lock(mutex_);
  dropped_.emplace_back(topic, keep);
}

Result<void> StoreUnderFaults::reclaim() {
  std::vector<std::pair<TopicId, Offset>> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped.swap(dropped_);
  }
  for (const auto& [topic, keep] : dropped) {
    if (keep == kWholeTopic) cache_->drop(topic);
    if (auto done = log_->reclaim(topic, keep); !done) return done;
  }
  return ok();
}

bool StoreUnderFaults::await_recovery() const {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (failing()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

Result<Seen> StoreUnderFaults::see(const TopicName& name) {
  const auto topic = topics_->open(name);
  if (!topic) return topic.errc();
  const Bounds bounds = (*topic)->bounds();
  Seen seen{.epoch = bounds.epoch,
            .earliest = bounds.earliest.value,
            .head = bounds.head.value,
            .events = {}};
  Position at{.epoch = Epoch{0}, .offset = Offset{bounds.earliest.value - 1}};
  while (at.offset < bounds.head) {
    ReadAnswer answer = (*topic)->read(at);
    if (answer.state == ReadAnswer::State::cold) {
      auto segment = cache_->find((*topic)->id(), at.offset.next());
      if (!segment) {
        if (auto loaded = cache_->load(**topic, at.offset.next()); !loaded) return loaded.errc();
        continue;
      }
      const Offset end = segment->end();
      answer = {.state = ReadAnswer::State::events,
                .slice = {.segment = std::move(segment), .offsets = {at.offset.next(), end}},
                .gap = {}};
    }
    if (answer.state == ReadAnswer::State::deleted) return Errc::topic_deleted;
    if (answer.state != ReadAnswer::State::events) return Errc::corrupt_record;
    for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next())
      seen.events.emplace_back(answer.slice.segment->event(o).data);
    at.offset = Offset{answer.slice.offsets.end.value - 1};
  }
  seen.head = at.offset.value;
  return seen;
}

}  // namespace tidemark::proof
