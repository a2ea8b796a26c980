// Seeded random operations and faults: see random_walk.hpp.
// tests/proof/: every operation says what the world is like if it has happened, and then asks.
#include "random_walk.hpp"

#include <algorithm>
#include <set>

#include "tests/support/storage_fixture.hpp"

namespace tidemark::proof {

using namespace storage;
using tidemark::testing::publish_of;
using tidemark::testing::topic_name;

namespace {

constexpr const char* kCursor = "c";

std::string named(Errc code) { return std::string(info(code).name); }

bool of_the_disk(Errc code) { return code == Errc::storage_failed || code == Errc::disk_full; }

}  // namespace

WalkFigures& WalkFigures::operator+=(const WalkFigures& other) {
  operations += other.operations;
  acknowledged += other.acknowledged;
  unknown += other.unknown;
  unknown_but_there += other.unknown_but_there;
  lost += other.lost;
  crashes += other.crashes;
  faults += other.faults;
  openings_refused += other.openings_refused;
  duplicates += other.duplicates;
  buffered_lost += other.buffered_lost;
  return *this;
}

RandomWalk::RandomWalk(std::uint64_t seed, std::uint64_t steps) : random_(seed), steps_(steps) {}

bool RandomWalk::gone(const std::string& name) const {
  const auto found = world_.find(name);
  return found != world_.end() && found->second.gone;
}

bool RandomWalk::alive(const std::string& name) const {
  const auto found = world_.find(name);
  return found != world_.end() && !found->second.gone;
}

std::string RandomWalk::run() {
  if (!store_.open()) return "a new store does not open: " + store_.refusal().text;
  for (std::uint64_t i = 0; i < steps_; ++i) {
    ++figures_.operations;
    if (auto wrong = step(); !wrong.empty()) return "step " + std::to_string(i) + ": " + wrong;
  }
  if (auto wrong = crash(); !wrong.empty()) return "at the end: " + wrong;
  return {};
}

RandomWalk::Complaint RandomWalk::step() {
  const std::uint64_t dice = pick(100);
  // With something unknown the next is to find out, after a few more that must all be refused.
  if (perhaps_ && (!persistent_ || dice < 40)) return pick(3) == 0 ? crash() : heal();
  if (dice < 42) return publish();
  if (dice < 49) return retry();
  if (dice < 55) return look();
  if (dice < 61) return trim();
  if (dice < 64) return reclaim();
  if (dice < 68) return configure();
  if (dice < 71) return erase();
  if (dice < 75) return fork();
  if (dice < 81) return move_cursor();
  if (dice < 83) return reopen();
  if (dice < 88) return crash();
  if (dice < 90) return crash_and_stumble();
  if (dice < 97) return arm();
  jump();
  return {};
}

// ---- operations ----

RandomWalk::Complaint RandomWalk::publish() {
  const std::string name = some_topic();
  World after = world_;
  ModelTopic& topic = after[name];
  std::vector<std::string> data;
  const std::uint64_t count = pick(15) == 0 ? 20 + pick(60) : 1 + pick(3);
  for (std::uint64_t i = 0; i < count; ++i)
    data.push_back('"' + std::to_string(random_()) +
                   std::string(pick(30) == 0 ? pick(9'000) : pick(100), 'x') + '"');
  auto request = publish_of(name, data);
  const std::uint64_t expected = topic.head() + 1;
  if (pick(2) == 0) {
    const std::string id = "p" + std::to_string(pick(3));
    auto& sent = topic.sent[id];
    const std::uint64_t sequence = sent.empty() ? 0 : sent.back().sequence + 1;
    request->producer = ProducerStamp{id, 0, sequence};
    sent.push_back({.sequence = sequence, .first = expected, .count = count});
  }
  std::optional<Errc> refusal;
  if (gone(name)) refusal = Errc::topic_deleted;
  if (pick(6) == 0) {
    const bool right = pick(2) == 0;
    request->expected_last = Offset{right ? topic.head() : topic.head() + 1};
    if (!right && !refusal) refusal = Errc::offset_mismatch;
  }
  topic.events.insert(topic.events.end(), data.begin(), data.end());
  const auto done = store_.run(std::move(request));
  if (!done->error && !refusal) {
    if (done->duplicate) return "a new publish is taken for a duplicate in " + name;
    if (done->offsets.first.value != expected)
      return "a publish to " + name + " came to offset " +
             std::to_string(done->offsets.first.value) + " rather than " + std::to_string(expected);
    if (topic.epoch != 0 && done->epoch.value != topic.epoch)
      return "the epoch of " + name + " changed for no reason";
    if (done->epoch.value == topic.not_epoch)
      return name + " has lost events and goes on in the same epoch";
    topic.epoch = done->epoch.value;
    topic.not_epoch = 0;
    figures_.acknowledged += count;
  }
  return settle(*done, refusal, std::move(after));
}

/// What has been acknowledged is sent again: it has to be found where it was.
RandomWalk::Complaint RandomWalk::retry() {
  const std::string name = some_topic();
  if (!alive(name) || world_[name].sent.empty()) return {};
  ModelTopic& topic = world_[name];
  auto producer = topic.sent.begin();
  std::advance(producer, static_cast<std::ptrdiff_t>(pick(topic.sent.size())));
  if (producer->second.empty()) return {};
  const auto& sent = producer->second[pick(producer->second.size())];
  auto request = publish_of(name, std::vector<std::string>(sent.count, "\"again\""));
  request->producer = ProducerStamp{producer->first, 0, sent.sequence};
  const ModelTopic::Sent original = sent;
  const auto done = store_.run(std::move(request));
  if (!done->error) {
    if (!done->duplicate) return "a retry was appended to " + name;
    ++figures_.duplicates;
    // Empty: so long ago that its offsets are no longer remembered.
    if (!done->offsets.empty() &&
        (done->offsets.first.value != original.first || done->offsets.count() != original.count))
      return "a retry to " + name + " came to other offsets";
  }
  World after = world_;
  after[name].not_epoch = 0;  // whoever finds the topic has it begin its new epoch
  after[name].epoch = topic.not_epoch != 0 ? 0 : topic.epoch;
  return settle(*done, std::nullopt, std::move(after));
}

RandomWalk::Complaint RandomWalk::configure() {
  const std::string name = some_topic();
  if (world_.contains(name)) return {};
  auto request = std::make_unique<ConfigureRequest>(topic_name(name));
  request->durability = pick(3) == 0 ? Durability::synced : Durability::buffered;
  World after = world_;
  after[name].buffered = request->durability == Durability::buffered;
  const auto done = store_.run(std::move(request));
  if (!done->error && !done->created) return name + " was there already";
  return settle(*done, std::nullopt, std::move(after));
}

RandomWalk::Complaint RandomWalk::trim() {
  const std::string name = some_topic();
  if (!alive(name)) return {};
  World after = world_;
  ModelTopic& topic = after[name];
  const std::uint64_t keep = 1 + pick(topic.head() + 2);
  topic.earliest = std::max(topic.earliest, std::min(keep, topic.head() + 1));
  if (topic.not_epoch != 0) topic.epoch = topic.not_epoch = 0;
  const auto done =
      store_.run(std::make_unique<TrimRequest>(topic_name(name), Offset{keep}, GapCause::trimmed));
  return settle(*done, std::nullopt, std::move(after));
}

RandomWalk::Complaint RandomWalk::erase() {
  const std::string name = some_topic();
  World after = world_;
  std::optional<Errc> refusal;
  if (!world_.contains(name)) refusal = Errc::unknown_topic;
  if (gone(name)) refusal = Errc::topic_deleted;
  if (!refusal) {
    after[name].gone = true;
    // Up the chain, as far as nobody needs what is gone.
    for (std::string last = name;
         after.contains(last) && after[last].gone && after[last].forks == 0;) {
      const std::string source = after[last].source;
      after.erase(last);
      if (source.empty()) break;
      --after[source].forks;
      last = source;
    }
  }
  const auto done = store_.run(std::make_unique<EraseRequest>(topic_name(name)));
  return settle(*done, refusal, std::move(after));
}

RandomWalk::Complaint RandomWalk::fork() {
  const std::string name = some_topic();
  const std::string source = some_topic();
  if (world_.contains(name) || !alive(source)) return {};
  World after = world_;
  ModelTopic& from = after[source];
  const std::uint64_t offset = from.earliest - 1 + pick(from.head() + 2 - from.earliest);
  auto request = std::make_unique<CreateRequest>(topic_name(name));
  request->fork = CreateRequest::Fork{topic_name(source), Position{Epoch{0}, Offset{offset}}, 0};
  ++from.forks;
  if (from.not_epoch != 0) from.epoch = from.not_epoch = 0;
  ModelTopic made;
  made.source = source;
  made.buffered = false;
  made.earliest = std::min(from.earliest, offset + 1);
  made.events.assign(from.events.begin(),
                     from.events.begin() + static_cast<std::ptrdiff_t>(offset));
  after[name] = std::move(made);
  const auto done = store_.run(std::move(request));
  if (!done->error) {
    if (!done->created) return "the fork " + name + " was there already";
    const auto topic = store_.topics().open(topic_name(name));
    if (!topic) return "the fork " + name + " can't be opened: " + named(topic.errc());
    after[name].buffered = (*topic)->meta().settings.durability == Durability::buffered;
  }
  return settle(*done, std::nullopt, std::move(after));
}

RandomWalk::Complaint RandomWalk::move_cursor() {
  const std::string name = some_topic();
  if (!alive(name)) return {};
  const auto topic = store_.topics().open(topic_name(name));
  if (!topic) {
    if (perhaps_ && of_the_disk(topic.errc())) return {};
    return name + " can't be opened: " + named(topic.errc());
  }
  World after = world_;
  const std::uint64_t offset = pick(after[name].head() + 1);
  after[name].cursor.push_back(offset);
  auto request = std::make_unique<MoveCursorsRequest>(topic_name(name), (*topic)->id());
  request->cursors.push_back({.topic = (*topic)->id(),
                              .name = kCursor,
                              .cursor = StoredCursor{.position = {.epoch = (*topic)->bounds().epoch,
                                                                  .offset = Offset{offset}},
                                                     .created = Timestamp{1},
                                                     .acknowledged = Timestamp{1}}});
  const auto done = store_.run(std::move(request));
  if (!done->error && after[name].not_epoch != 0) after[name].epoch = after[name].not_epoch = 0;
  return settle(*done, std::nullopt, std::move(after));
}

RandomWalk::Complaint RandomWalk::reclaim() {
  if (auto done = store_.reclaim(); !done && !store_.disk().fired())
    return "space can't be given back: " + named(done.errc());
  return {};
}

/// Also while the disk is bad: readers see what was acknowledged, and nothing else.
RandomWalk::Complaint RandomWalk::look() {
  const std::string name = some_topic();
  if (!alive(name)) return {};
  const ModelTopic& topic = world_[name];
  const auto seen = store_.see(topic_name(name));
  if (!seen) return name + " can't be read: " + named(seen.errc());
  const std::vector<std::string> expected(
      topic.events.begin() + static_cast<std::ptrdiff_t>(topic.earliest - 1), topic.events.end());
  if (seen->earliest != topic.earliest || seen->head != topic.head() || seen->events != expected)
    return name + " reads otherwise than what was acknowledged";
  return {};
}

void RandomWalk::jump() {
  constexpr std::int64_t kTenYears = std::int64_t{10} * 365 * 24 * 3600 * 1000;
  static constexpr std::int64_t kJumps[] = {1, 1'000, 3'600'000, -3'600'000, kTenYears, -kTenYears};
  store_.pass(static_cast<std::int64_t>(pick(10'000)), kJumps[pick(std::size(kJumps))]);
}

// ---- faults ----

RandomWalk::Complaint RandomWalk::arm() {
  // One that RocksDB has met by itself is still to be told with the next write.
  if (perhaps_ || (store_.disk().fired() && !over_it_)) return {};
  over_it_ = false;
  ++figures_.faults;
  persistent_ = pick(3) == 0;
  store_.disk().arm({.kind = pick(2) == 0 ? FaultKind::sync : FaultKind::write,
                     .nth = 1 + pick(12),
                     .persistent = persistent_,
                     .no_space = pick(3) == 0});
  return {};
}

RandomWalk::Complaint RandomWalk::heal() {
  store_.disk().disarm();
  persistent_ = false;
  if (!store_.await_recovery()) return "the store does not recover";
  over_it_ = true;
  return resolve(false);
}

PowerLoss RandomWalk::some_loss() {
  return {.torn_tails = pick(2) == 0, .keep_names = pick(3) == 0, .seed = random_()};
}

RandomWalk::Complaint RandomWalk::crash() {
  ++figures_.crashes;
  store_.crash(some_loss());
  persistent_ = false;
  return open_again(true);
}

/// The disk fails while the store is opened after a crash, and perhaps the power does again.
RandomWalk::Complaint RandomWalk::crash_and_stumble() {
  ++figures_.crashes;
  store_.crash(some_loss());
  persistent_ = false;
  store_.disk().arm({.kind = pick(2) == 0 ? FaultKind::sync : FaultKind::write,
                     .nth = 1 + pick(25),
                     .persistent = pick(2) == 0,
                     .no_space = pick(3) == 0});
  if (!store_.open()) {
    ++figures_.openings_refused;
    if (!of_the_disk(store_.refusal().code))
      return "opening on a bad disk says: " + store_.refusal().text;
  }
  store_.disk().disarm();
  if (pick(2) == 0) {
    store_.crash(some_loss());
  } else {
    store_.close();
  }
  return open_again(true);
}

RandomWalk::Complaint RandomWalk::reopen() {
  // Closed on a bad disk it is a crash of the process; only the kernel goes on.
  store_.close();
  store_.disk().disarm();
  persistent_ = false;
  return open_again(false);
}

RandomWalk::Complaint RandomWalk::open_again(bool power_lost) {
  if (!store_.open()) return "the store does not open: " + store_.refusal().text;
  over_it_ = true;
  return resolve(power_lost);
}

// ---- outcomes ----

/// `expected`: it has to be refused so, unless the disk refuses first.
RandomWalk::Complaint RandomWalk::settle(const Request& done, std::optional<Errc> expected,
                                         World after) {
  if (!done.error && !expected) {
    if (perhaps_) return "acknowledged while the outcome of what came before is unknown";
    world_ = std::move(after);
    // A group that is synced has everything before it synced too.
    const std::uint64_t groups = store_.synced_groups();
    if (std::exchange(synced_groups_, groups) != groups) note_synced();
    return {};
  }
  if (!done.error) return "taken rather than refused with " + named(*expected);
  if (!of_the_disk(*done.error)) {
    if (perhaps_ && persistent_) return "judged while the disk is bad: " + named(*done.error);
    if (done.error == expected) return {};
    return "refused with " + named(*done.error) +
           (expected ? " rather than " + named(*expected) : " for no reason");
  }
  if (!store_.disk().fired()) return "the store fails and the disk does not";
  ++figures_.unknown;
  // Of those after the first nothing has been written: they are known not to be.
  if (!perhaps_) perhaps_ = expected ? world_ : std::move(after);
  return {};
}

void RandomWalk::note_synced() {
  for (auto& [name, topic] : world_) {
    topic.synced = topic.head();
    topic.cursor_synced = topic.cursor.size();
  }
}

/// The world is the one that was acknowledged, or that with what was unknown.
RandomWalk::Complaint RandomWalk::resolve(bool power_lost) {
  const WalkFigures figures = figures_;
  World before = world_;
  Complaint wrong = match(before, power_lost);
  if (wrong.empty()) {
    world_ = std::move(before);
  } else if (perhaps_) {
    figures_ = figures;
    World after = *perhaps_;
    if (const auto also = match(after, power_lost); !also.empty())
      return "neither without what is unknown (" + wrong + ") nor with it (" + also + ')';
    ++figures_.unknown_but_there;
    world_ = std::move(after);
  } else {
    return wrong;
  }
  perhaps_.reset();
  note_synced();  // what opening finds it puts on disk
  synced_groups_ = store_.synced_groups();
  return {};
}

RandomWalk::Complaint RandomWalk::match(World& world, bool power_lost) {
  if (auto wrong = match_names(world); !wrong.empty()) return wrong;
  for (auto& [name, topic] : world) {
    if (topic.gone) {
      shorten(topic, topic.head());
      continue;
    }
    if (auto wrong = match_topic(name, topic, power_lost); !wrong.empty()) return wrong;
    if (auto wrong = match_cursor(name, topic, power_lost); !wrong.empty()) return wrong;
  }
  return {};
}

RandomWalk::Complaint RandomWalk::match_names(const World& world) {
  std::set<std::string> there;
  Complaint wrong;
  const auto listed = store_.log().list("", [&](const TopicMeta& meta) {
    there.insert(meta.name);
    const auto found = world.find(meta.name);
    if (found == world.end()) {
      wrong = meta.name + " should not be there";
    } else if (found->second.gone != meta.gone) {
      wrong = meta.name + (meta.gone ? " is gone" : " is there again");
    }
    return true;
  });
  if (!listed) return "topics can't be listed: " + named(listed.errc());
  for (const auto& [name, topic] : world)
    if (!there.contains(name)) wrong = name + " is missing";
  if (wrong.empty() && store_.log().topic_count() != world.size()) wrong = "topics are miscounted";
  return wrong;
}

RandomWalk::Complaint RandomWalk::match_topic(const std::string& name, ModelTopic& topic,
                                              bool power_lost) {
  const auto seen = store_.see(topic_name(name));
  if (!seen) return name + " can't be read: " + named(seen.errc());
  const bool may_lose = power_lost && topic.buffered;
  if (seen->head < topic.head() && !(may_lose && seen->head >= topic.synced)) {
    figures_.lost += topic.head() - seen->head;
    return name + " ends at " + std::to_string(seen->head) + " rather than " +
           std::to_string(topic.head());
  }
  if (seen->head > topic.head()) return name + " has events that were refused";
  if (seen->earliest != topic.earliest)
    return name + " begins at " + std::to_string(seen->earliest) + " rather than " +
           std::to_string(topic.earliest);
  const auto begin = topic.events.begin() + static_cast<std::ptrdiff_t>(topic.earliest - 1);
  if (!std::equal(seen->events.begin(), seen->events.end(), begin,
                  topic.events.begin() + static_cast<std::ptrdiff_t>(seen->head)))
    return name + " holds other events than were acknowledged";
  if (!may_lose && topic.epoch != 0 && seen->epoch.value != topic.epoch)
    return name + " has another epoch";
  if (may_lose) {
    figures_.buffered_lost += topic.head() - seen->head;
    topic.not_epoch = seen->epoch.value;
    topic.epoch = 0;
    shorten(topic, seen->head);
  }
  return {};
}

RandomWalk::Complaint RandomWalk::match_cursor(const std::string& name, ModelTopic& topic,
                                               bool power_lost) {
  const auto opened = store_.topics().open(topic_name(name));
  if (!opened) return name + " can't be opened: " + named(opened.errc());
  const auto cursor = store_.log().cursor((*opened)->id(), kCursor);
  if (!cursor) return "the cursor of " + name + " can't be read: " + named(cursor.errc());
  // Not synced: after a loss of power any of those since the last sync, or before it none.
  for (std::size_t n = topic.cursor.size() + 1; n-- > 0;) {
    const bool same =
        n == 0 ? !*cursor : *cursor && (*cursor)->position.offset.value == topic.cursor[n - 1];
    if (same) {
      topic.cursor.resize(n);
      return {};
    }
    if (!power_lost || n <= topic.cursor_synced) break;
  }
  return "the cursor of " + name + " is elsewhere";
}

void RandomWalk::shorten(ModelTopic& topic, std::uint64_t head) {
  topic.events.resize(head);
  for (auto& [id, sent] : topic.sent)
    std::erase_if(sent, [&](const auto& each) { return each.first + each.count - 1 > head; });
}

}  // namespace tidemark::proof
