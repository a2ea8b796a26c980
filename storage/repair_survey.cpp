// What topics a damaged store has: see repair_survey.hpp.
// storage/: nothing that is read here is believed before it has been looked at.
#include "storage/repair_survey.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "storage/key_codec.hpp"

namespace tidemark::storage {
namespace {

constexpr std::string_view kOrigin = "origin/";

class Surveyor {
 public:
  Surveyor(StoreScan& scan, const std::string& lossy, const std::function<void(const Loss&)>& loss)
      : scan_(scan), lossy_(lossy), loss_(loss) {}

  Survey run() {
    read_store();
    read_topics();
    if (may_lack_topics()) find_nameless();
    count();
    settle_forks();
    order();
    name_heirs();
    return std::move(survey_);
  }

 private:
  void read_store();
  void note_store(std::string_view key, std::string_view value);
  void read_topics();
  void take_topic(std::string_view key, std::string_view value);
  [[nodiscard]] bool may_lack_topics() const;
  void find_nameless();
  void find_nameless(std::uint64_t begin, std::uint64_t end);
  void add_nameless(TopicId id);
  void count() const;
  void settle_forks();
  void settle_fork(SurveyedTopic& topic);
  [[nodiscard]] std::uint32_t depth_of(const SurveyedTopic& topic) const;
  void order();
  void name_heirs();
  SurveyedTopic* find(TopicId id) {
    const auto at = index_.find(id.value);
    return at == index_.end() ? nullptr : &survey_.topics[at->second];
  }
  [[nodiscard]] const SurveyedTopic* find(TopicId id) const {
    const auto at = index_.find(id.value);
    return at == index_.end() ? nullptr : &survey_.topics[at->second];
  }
  void lose(std::string topic, std::string what) const {
    loss_({.topic = std::move(topic), .offsets = {}, .what = std::move(what)});
  }

  StoreScan& scan_;
  const std::string& lossy_;
  const std::function<void(const Loss&)>& loss_;
  Survey survey_;
  std::map<std::uint64_t, std::size_t> index_;  ///< of topics, by id
  std::map<std::uint64_t, std::vector<OriginPart>> origins_;
  std::set<std::string, std::less<>> names_;
  std::optional<std::uint64_t> topic_count_;
  bool topics_damaged_ = false;
};

void Surveyor::note_store(std::string_view key, std::string_view value) {
  if (key == "topic_count" && value.size() == 8) topic_count_ = load_be64(value);
  if (key == "last_epoch" && value.size() == 8)
    survey_.last_epoch = std::min(load_be64(value), kMostRepaired);
  if (!key.starts_with(kOrigin) || key.size() != kOrigin.size() + 8) return;
  auto parts = decode_value<std::vector<OriginPart>>(value);
  // What a fork has inherited is in its metadata as well.
  if (parts && !parts->empty())
    origins_.emplace(load_be64(key.substr(kOrigin.size())), std::move(*parts));
}

void Surveyor::read_store() {
  scan_.each(
      Family::store, {}, {},
      [&](std::string_view key, std::string_view value) {
        note_store(key, value);
        return true;
      },
      [&](const ScanDamage& damage) {
        lose({}, "a part of the notes on the store as a whole can't be read: " + damage.what);
      });
}

void Surveyor::take_topic(std::string_view key, std::string_view value) {
  auto meta = decode_value<TopicMeta>(value);
  const bool named = meta && meta->name == key && TopicName::parse(key);
  const bool sound = named && meta->id.value != 0 && meta->id.value <= kMostRepaired &&
                     meta->earliest.value != 0 && meta->earliest.value <= kMostRepaired &&
                     !index_.contains(meta->id.value);
  if (!sound) {
    topics_damaged_ = true;
    lose(std::string(key),
         "its metadata is damaged: settings, producers, keys and cursors are lost; its events are "
         "taken "
         "along under another name");
    return;
  }
  SurveyedTopic topic{.meta = std::move(*meta)};
  topic.meta.lineage = sound_lineage(topic.meta.lineage);
  topic.label = topic.meta.name;
  for (const auto& start : topic.meta.lineage)
    survey_.last_epoch = std::max(survey_.last_epoch, start.epoch.value);
  index_.emplace(topic.meta.id.value, survey_.topics.size());
  names_.insert(topic.meta.name);
  survey_.topics.push_back(std::move(topic));
}

void Surveyor::read_topics() {
  scan_.each(
      Family::topics, {}, {},
      [&](std::string_view key, std::string_view value) {
        take_topic(key, value);
        return true;
      },
      [&](const ScanDamage& damage) {
        topics_damaged_ = true;
        std::string where;
        if (!damage.after.empty()) where += " behind " + damage.after;
        if (!damage.before.empty()) where += " before " + damage.before;
        lose({}, "metadata of topics" + (where.empty() ? "" : " by name" + where) +
                     " can't be read: " + damage.what);
      });
}

// Events without metadata also are what deleted topics leave in tables that were put together
// without the store's own list of them: they are not to come back where nothing is missing.
bool Surveyor::may_lack_topics() const {
  if (topics_damaged_ || !topic_count_) return true;
  if (*topic_count_ > survey_.topics.size()) return true;
  return !lossy_.empty() && *topic_count_ != survey_.topics.size();
}

void Surveyor::find_nameless() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, at] : index_) ids.push_back(id);
  std::uint64_t begin = 1;
  for (const std::uint64_t id : ids) {
    if (begin < id) find_nameless(begin, id);
    begin = id + 1;
  }
  find_nameless(begin, kMostRepaired);
}

// One look for each topic that is found; the keys between two known ids are nobody's else.
void Surveyor::find_nameless(std::uint64_t begin, std::uint64_t end) {
  while (begin < end) {
    std::optional<std::uint64_t> found;
    scan_.each(
        Family::events, topic_key({begin}), topic_key({end}),
        [&](std::string_view key, std::string_view /*value*/) {
          if (key.size() == 16) found = load_be64(key);
          return !found;
        },
        [](const ScanDamage&) {});
    if (!found) return;
    add_nameless({*found});
    begin = *found + 1;
  }
}

void Surveyor::add_nameless(TopicId id) {
  std::string name = "recovered/" + std::to_string(id.value);
  for (int more = 2; names_.contains(name); ++more)
    name = "recovered/" + std::to_string(id.value) + "-" + std::to_string(more);
  SurveyedTopic topic;
  topic.nameless = true;
  topic.label = name;
  topic.meta.id = id;
  topic.meta.name = name;
  lose(name, "its metadata is lost: name, settings and what retention had dropped are not known");
  index_.emplace(id.value, survey_.topics.size());
  names_.insert(std::move(name));
  survey_.topics.push_back(std::move(topic));
}

void Surveyor::count() const {
  if (!topic_count_ || *topic_count_ <= survey_.topics.size()) return;
  lose({}, "there were " + std::to_string(*topic_count_) + " topics, and of " +
               std::to_string(*topic_count_ - survey_.topics.size()) + " nothing is left");
}

void Surveyor::settle_fork(SurveyedTopic& topic) {
  auto& meta = topic.meta;
  const auto parts = origins_.find(meta.id.value);
  if (!meta.origin && topic.nameless && parts != origins_.end()) {
    const auto& last = parts->second.back();
    meta.origin =
        Origin{.source = {}, .id = last.topic, .inherited = last.last, .requested = last.last};
  }
  if (!meta.origin) return;
  const auto* source = find(meta.origin->id);
  const bool sound = source != nullptr && meta.origin->inherited.value <= kMostRepaired;
  if (sound) {
    meta.origin->source = source->meta.name;
    return;
  }
  if (meta.origin->inherited.value > 0)
    loss_(
        {.topic = topic.label,
         .offsets = {std::min(meta.earliest, meta.origin->inherited.next()),
                     meta.origin->inherited.next()},
         .what = "they were inherited from " + meta.origin->source + ", of which nothing is left"});
  meta.origin.reset();
}

void Surveyor::settle_forks() {
  for (auto& topic : survey_.topics) topic.meta.forks = 0;
  for (auto& topic : survey_.topics) settle_fork(topic);
  for (auto& topic : survey_.topics) {
    if (!topic.meta.origin) continue;
    topic.meta.origin->depth = depth_of(topic);
    // Deeper than any can be made, or a circle: it keeps its own events.
    if (topic.meta.origin->depth > kMaxForkDepth) {
      lose(topic.label, "what it has inherited lies in too many forks of forks");
      topic.meta.origin.reset();
      continue;
    }
    ++find(topic.meta.origin->id)->meta.forks;
  }
}

std::uint32_t Surveyor::depth_of(const SurveyedTopic& topic) const {
  std::uint32_t depth = 0;
  for (const auto* at = &topic; at != nullptr && at->meta.origin && depth <= kMaxForkDepth;
       at = find(at->meta.origin->id))
    ++depth;
  return depth;
}

void Surveyor::order() {
  std::ranges::stable_sort(survey_.topics, {}, [](const SurveyedTopic& topic) {
    return topic.meta.origin ? topic.meta.origin->depth : 0;
  });
  index_.clear();
  for (std::size_t i = 0; i < survey_.topics.size(); ++i)
    index_.emplace(survey_.topics[i].meta.id.value, i);
}

void Surveyor::name_heirs() {
  for (auto& topic : survey_.topics)
    if (topic.meta.origin) topic.source = index_.at(topic.meta.origin->id.value);
  for (std::size_t fork = 0; fork < survey_.topics.size(); ++fork) {
    Offset inherited{kMaxInteger};
    for (std::size_t at = fork; survey_.topics[at].meta.origin;) {
      inherited = std::min(inherited, survey_.topics[at].meta.origin->inherited);
      at = survey_.topics[at].source;
      survey_.topics[at].heirs.push_back({.fork = fork, .inherited = inherited});
    }
  }
  for (auto& topic : survey_.topics)
    std::ranges::sort(topic.heirs, {}, &SurveyedTopic::Heir::inherited);
}

}  // namespace

Survey survey_store(StoreScan& scan, const std::string& lossy,
                    const std::function<void(const Loss&)>& loss) {
  return Surveyor(scan, lossy, loss).run();
}

}  // namespace tidemark::storage
