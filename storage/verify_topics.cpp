// Topics' metadata: each by itself, against the store's numbers, and forks against their sources.
// storage/: a step of a verification; see verify_steps.hpp.
#include <algorithm>
#include <utility>

#include "storage/key_codec.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

Finding damage_of(std::string_view topic, std::string what) {
  return {.weight = Finding::Weight::damage,
          .topic = std::string(topic),
          .offsets = {},
          .what = std::move(what),
          .where = {},
          .around = {}};
}

/// What is wrong with metadata that decodes; empty: nothing.
std::string fault_of(std::string_view name, const TopicMeta& meta) {
  if (meta.name != name) return "its metadata names another topic, " + quoted_bytes(meta.name);
  if (const auto parsed = TopicName::parse(name); !parsed && parsed.errc() != Errc::reserved_topic)
    return "its name is none that a topic may have";
  if (meta.id.value == 0 || meta.id.value > kMaxInteger) return "its id is out of range";
  if (meta.lineage.empty()) return "its history has no epoch";
  const bool in_range = std::ranges::all_of(meta.lineage, [](const EpochStart& start) {
    return start.epoch.value > 0 && start.epoch.value <= kMaxInteger && start.first.value > 0 &&
           start.first.value <= kMaxInteger;
  });
  const auto out_of_order = std::ranges::adjacent_find(
      meta.lineage, [](const EpochStart& before, const EpochStart& next) {
        return next.epoch <= before.epoch || next.first < before.first;
      });
  if (!in_range || out_of_order != meta.lineage.end())
    return "the epochs of its history are out of order";
  if (meta.earliest.value == 0 || meta.earliest.value > kMaxInteger)
    return "its first retained event is out of range";
  if (meta.origin && meta.origin->inherited.value >= kMaxInteger)
    return "what it has inherited is out of range";
  return {};
}

/// Whether it is known now.
bool take_topic(VerifyRun& run, std::string_view name, std::string_view value) {
  ++run.report.topics;
  const std::string shown(name);
  auto meta = decode_value<TopicMeta>(value);
  const std::string fault =
      meta ? fault_of(name, *meta) : "its metadata " + undecodable(meta.errc());
  if (!fault.empty()) {
    ++run.unread_topics;
    run.findings.add({.weight = Finding::Weight::damage,
                      .topic = shown,
                      .offsets = {},
                      .what = fault,
                      .where = {},
                      .around = "its events may be there: tidemark repair finds them by its id"});
    return false;
  }
  KnownTopic topic;
  topic.id = meta->id;
  topic.name = shown;
  topic.lineage = std::move(meta->lineage);
  topic.lineage.shrink_to_fit();
  topic.earliest = meta->earliest;
  topic.needed_from = meta->earliest;
  topic.incident = meta->incident;
  topic.forks = meta->forks;
  topic.keys = meta->keys;
  if (meta->origin) topic.origin = std::make_unique<Origin>(std::move(*meta->origin));
  run.topics.add(std::move(topic));
  return true;
}

void tell_unread(VerifyRun& run, const ScanDamage& damage) {
  ++run.unread_topics;
  const auto words = words_of(damage.what);
  std::string between;
  if (!damage.after.empty()) between += "after " + quoted_bytes(damage.after);
  if (!damage.after.empty() && !damage.before.empty()) between += " and ";
  if (!damage.before.empty()) between += "before " + quoted_bytes(damage.before);
  run.findings.add({.weight = Finding::Weight::damage,
                    .topic = {},
                    .offsets = {},
                    .what = "the metadata of topics can't be read: " + words.what,
                    .where = words.where,
                    .around = between.empty() ? "" : "topics are missing by name " + between});
}

std::vector<OriginPart> parts_of(const VerifyRun& run, TopicId topic) {
  const auto found = run.store.origins.find(topic);
  return found == run.store.origins.end() ? std::vector<OriginPart>() : found->second;
}

void judge_numbers(VerifyRun& run) {
  std::uint64_t id = 0;
  std::uint64_t epoch = 0;
  for (const auto& topic : run.topics.all()) {
    id = std::max(id, topic.id.value);
    epoch = std::max(epoch, topic.lineage.back().epoch.value);
  }
  const auto bad = [&](std::string what) { run.findings.add(damage_of({}, std::move(what))); };
  const auto& store = run.store;
  // What can't be read has been told; a store in which nothing is written has no numbers yet.
  if (store.unread || (store.empty && run.topics.all().empty())) return;
  if (!store.format) bad("the format version is missing");
  if (store.next_topic_id.value_or(1) <= id)
    bad("the next topic would get the id of one there is: " +
        std::to_string(store.next_topic_id.value_or(1)));
  if (store.last_epoch.value_or(0) < epoch)
    bad("the last epoch is said to be " + std::to_string(store.last_epoch.value_or(0)) +
        ", but a topic has " + std::to_string(epoch));
  if (run.unread_topics == 0 && store.topic_count.value_or(0) != run.report.topics)
    bad("topics are counted as " + std::to_string(store.topic_count.value_or(0)) +
        ", but there are " + std::to_string(run.report.topics));
}

void judge_ids(VerifyRun& run) {
  const auto& all = run.topics.all();
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i].id == all[i - 1].id)
      run.findings.add(
          damage_of(all[i].name, "it has the id of another topic, " + all[i - 1].name));
}

/// Of a fork against the topic it was forked from.
void judge_fork(VerifyRun& run, const KnownTopic& fork) {
  KnownTopic* const source = run.topics.find(fork.origin->id);
  if (source == nullptr) {
    if (!run.topics_unread())
      run.findings.add(
          damage_of(fork.name, "its source is missing: " + quoted_bytes(fork.origin->source)));
    return;
  }
  ++source->forks_seen;
  if (source->name != fork.origin->source)
    run.findings.add(
        damage_of(fork.name, "its source has another name: " + quoted_bytes(fork.origin->source)));
  const std::uint32_t depth = source->origin ? source->origin->depth + 1 : 1;
  if (fork.origin->depth != depth)
    run.findings.add(damage_of(fork.name, "it is said to be a fork of depth " +
                                              std::to_string(fork.origin->depth) +
                                              ", but is one of " + std::to_string(depth)));
  if (run.store.unread) return;
  const auto expected = origin_parts(parts_of(run, source->id), *fork.origin);
  if (expected != parts_of(run, fork.id))
    run.findings.add(
        damage_of(fork.name, "the record of where its first events lie does not fit its source"));
}

/// What a fork reads of the logs before its own must stay there.
void need_inherited(VerifyRun& run, const KnownTopic& fork) {
  for (const auto& part : parts_of(run, fork.id)) {
    if (part.last < fork.earliest) continue;
    if (KnownTopic* const source = run.topics.find(part.topic); source != nullptr)
      source->needed_from = std::min(source->needed_from, fork.earliest);
  }
}

void judge_fork_counts(VerifyRun& run) {
  if (run.topics_unread()) return;
  for (const auto& topic : run.topics.all())
    if (topic.forks != topic.forks_seen)
      run.findings.add(damage_of(topic.name, "its forks are counted as " +
                                                 std::to_string(topic.forks) + ", but there are " +
                                                 std::to_string(topic.forks_seen)));
}

void judge_origins(VerifyRun& run) {
  if (run.topics_unread()) return;
  for (const auto& [id, parts] : run.store.origins) {
    const auto* const topic = run.topics.find(id);
    if (topic != nullptr && topic->origin) continue;
    run.findings.add(damage_of(topic != nullptr ? topic->name : "",
                               "there is a record of where the events of a fork lie, but topic " +
                                   std::to_string(id.value) + " is none"));
  }
}

}  // namespace

void read_topics(VerifyRun& run) {
  run.each(
      Family::topics, {}, {},
      [&](std::string_view key, std::string_view value) {
        take_topic(run, key, value);
        return true;
      },
      [&](const ScanDamage& damage) { tell_unread(run, damage); });
  run.topics.sort();
}

bool read_topic(VerifyRun& run, const std::string& name) {
  bool there = false;
  std::string next = name;
  const auto known = [&](const std::string& key) {
    return std::ranges::find(run.topics.all(), key, &KnownTopic::name) != run.topics.all().end();
  };
  // Sources in damaged metadata may go round in a circle.
  while (!next.empty() && !known(next)) {
    const std::string key = std::exchange(next, {});
    run.each(
        Family::topics, key, key + '\0',
        [&](std::string_view, std::string_view value) {
          there = true;
          if (take_topic(run, key, value)) {
            const auto& origin = run.topics.all().back().origin;
            if (origin) next = origin->source;
          }
          return true;
        },
        [&](const ScanDamage& damage) {
          there = true;
          tell_unread(run, damage);
        });
  }
  run.topics.sort();
  for (const auto& topic : run.topics.all())
    if (topic.origin) need_inherited(run, topic);
  run.report.topics = there ? 1 : 0;
  return there;
}

void judge_topics(VerifyRun& run) {
  judge_numbers(run);
  judge_ids(run);
  for (const auto& topic : run.topics.all())
    if (topic.origin) judge_fork(run, topic);
  for (const auto& topic : run.topics.all())
    if (topic.origin) need_inherited(run, topic);
  judge_fork_counts(run);
  judge_origins(run);
}

}  // namespace tidemark::storage
