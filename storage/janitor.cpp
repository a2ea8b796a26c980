// Retention at work: see janitor.hpp.
// storage/: decides on its own thread, has the committer trim, then gives the space back.
#include "storage/janitor.hpp"

#include <algorithm>

#include "storage/retention.hpp"

namespace tidemark::storage {

Janitor::Janitor(Log& log, Topics& topics, Committer& committer, SegmentCache& cache,
                 StoreClock& clock, JanitorOptions options)
    : log_(log),
      topics_(topics),
      committer_(committer),
      cache_(cache),
      clock_(clock),
      options_(options) {
  committer_.add_observer(*this);
  thread_ = std::thread([this] { run(); });
}

Janitor::~Janitor() { stop(); }

void Janitor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (!thread_.joinable()) return;
  thread_.join();
  committer_.remove_observer(*this);
}

void Janitor::dropped(TopicId topic, Offset keep) {
  {
    const std::lock_guard lock(mutex_);
    reclaims_.push_back({topic, keep});
  }
  wake_.notify_one();
}

void Janitor::run() {
  auto next_open = std::chrono::steady_clock::now() + options_.open_interval;
  auto next_all = std::chrono::steady_clock::now() + options_.all_interval;
  for (;;) {
    std::vector<Reclaim> reclaims;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, std::min(next_open, next_all),
                       [this] { return stopping_ || !reclaims_.empty(); });
      if (stopping_) return;
      reclaims = std::exchange(reclaims_, {});
    }
    for (const Reclaim& each : reclaims) reclaim(each);
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_open) {
      look_at_open();
      next_open = now + options_.open_interval;
    }
    if (now >= next_all) {
      look_at_all();
      next_all = now + options_.all_interval;
    }
  }
}

void Janitor::reclaim(const Reclaim& what) {
  if (what.keep == kWholeTopic) cache_.drop(what.topic);
  topics_.damage().forget(what.topic, what.keep);
  // A failure here costs space, not events; the next trim of the topic covers the same range again.
  static_cast<void>(log_.reclaim(what.topic, what.keep));
}

void Janitor::look_at_open() {
  const Timestamp time = clock_.now();
  topics_.each([&](const std::shared_ptr<Topic>& topic) {
    if (topic->deleted()) return;
    const bool expired = topic->expired(time);
    if (!expired && topic->waited_for()) topic->touch(time);
    if (expired || topic->use_unsaved()) settle(topic->name(), topic->id());
    if (expired) return;
    const auto held = topic->held(std::chrono::steady_clock::now());
    look_at(topic->name(), {.meta = topic->meta(), .tail = topic->tail()}, time, held);
  });
}

void Janitor::look_at_all() {
  const Timestamp time = clock_.now();
  std::string after;
  for (bool more = true; more;) {
    std::vector<TopicMeta> page;
    const auto listed = log_.list(after, [&](const TopicMeta& meta) {
      page.push_back(meta);
      return page.size() < kPage;
    });
    more = listed && page.size() == kPage;
    for (const TopicMeta& meta : page) {
      after = meta.name;
      look_at_unopened(meta, time);
    }
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
  }
}

void Janitor::look_at_unopened(const TopicMeta& meta, Timestamp time) {
  const auto name = TopicName::parse(meta.name);
  if (!name) return;
  if (meta.gone) {
    // Not removed with its last fork, because of an error then.
    if (meta.forks == 0) settle(*name, meta.id);
    return;
  }
  const bool expired = lifetime_of(meta.settings).over(latest_use(meta), time);
  if ((!expired && meta.settings.retention == RetentionPolicy{}) || topics_.find(*name)) return;
  if (expired) return settle(*name, meta.id);
  const auto loaded = log_.load(*name);
  if (loaded && *loaded) look_at(*name, **loaded, time, std::nullopt);
}

void Janitor::settle(const TopicName& name, TopicId id) {
  submit(std::make_unique<UseRequest>(name, id));
}

void Janitor::submit(std::unique_ptr<Request> request) {
  // Refused when overloaded or stopping: the next look asks again.
  static_cast<void>(committer_.submit(request));
}

/// What is held stays for now: the committer would refuse to go further too, but need not be asked.
void Janitor::look_at(const TopicName& name, const LoadedTopic& topic, Timestamp time,
                      std::optional<Offset> held) {
  const auto& [meta, tail] = topic;
  if (meta.settings.retention == RetentionPolicy{}) return;
  const Bounds bounds{
      .epoch = meta.lineage.back().epoch, .earliest = meta.earliest, .head = tail.head};
  const TopicId id = meta.id;
  const auto point = trim_point(bounds, tail, meta.settings.retention, time,
                                [&](Offset offset) { return log_.header_at(id, offset); });
  if (!point || !*point) return;
  const Offset keep = held ? std::min((*point)->keep, *held) : (*point)->keep;
  if (keep <= meta.earliest) return;
  auto trim = std::make_unique<TrimRequest>(name, keep, (*point)->cause);
  trim->id = id;
  submit(std::move(trim));
}

}  // namespace tidemark::storage
