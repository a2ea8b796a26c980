// The storage room's own reading, and the broker's words for it.
// tools/inspect/: see files_source.hpp.
#include "tools/inspect/files_source.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "broker/shapes/cursor_shape.hpp"
#include "broker/shapes/producer_shape.hpp"
#include "broker/shapes/stats_shape.hpp"
#include "broker/shapes/topic_shape.hpp"
#include "protocol/suggestion.hpp"
#include "storage/lag.hpp"
#include "storage/lifecycle.hpp"
#include "storage/lineage.hpp"
#include "storage/log_queries.hpp"
#include "storage/retention.hpp"
#include "storage/rocks_store.hpp"
#include "tools/inspect/store_failure.hpp"
#include "tools/inspect/topic_reading.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

using storage::LoadedTopic;
using storage::Log;
using storage::TopicMeta;

constexpr std::size_t kMostSuggestions = 5'000;
constexpr const char* kVerify = " (\"tidemark verify\" says what is damaged)";

Timestamp now_of_system() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

bool over(const TopicMeta& meta, Timestamp now) {
  return meta.gone || storage::lifetime_of(meta.settings).over(storage::latest_use(meta), now);
}

/// A name before all that begin with the prefix: no name holds the byte 0xff.
std::string just_before(const std::string& prefix) {
  if (prefix.empty()) return {};
  std::string out = prefix;
  out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) - 1);
  return out + '\xff';
}

class FilesSource final : public Source {
 public:
  explicit FilesSource(std::unique_ptr<Log> log) : log_(std::move(log)) {}

  Failure topics(const std::string& prefix, const ObjectVisitor& visit) override {
    const auto now = now_of_system();
    Failure failure;
    const auto listed = log_->list(just_before(prefix), [&](const TopicMeta& meta) {
      if (!meta.name.starts_with(prefix)) return false;
      const auto name = TopicName::parse(meta.name);
      if (!name || over(meta, now)) return true;
      const auto loaded = load_around_damage(*name, &meta);
      if (!loaded) {
        failure = failure_of(loaded.errc(), "reading " + meta.name);
        return false;
      }
      return !*loaded || visit(broker::describe({.topic = **loaded,
                                                 .bytes = bytes_of(**loaded),
                                                 .subscribers = std::nullopt,
                                                 .detail = std::nullopt}));
    });
    if (failure) return failure;
    return listed ? Failure() : failure_of(listed.errc(), "reading the topics");
  }

  Failure topic(const std::string& name, boost::json::object& out) override {
    LoadedTopic loaded;
    if (auto failure = load(name, loaded)) return failure;
    broker::TopicDetail detail;
    if (loaded.meta.earliest <= loaded.tail.head) {
      // Damage there is none of this question's.
      if (const auto time = storage::time_of(*log_, loaded, loaded.meta.earliest)) {
        detail.oldest = *time;
      }
      detail.newest = loaded.tail.last_time;
    }
    std::uint64_t producers = 0;
    std::uint64_t cursors = 0;
    if (auto failure = count(loaded, producers, cursors)) return failure;
    detail.producers = producers;
    detail.cursors = cursors;
    out = broker::describe({.topic = loaded,
                            .bytes = bytes_of(loaded),
                            .subscribers = std::nullopt,
                            .detail = detail});
    return {};
  }

  Failure producers(const std::string& topic, const ObjectVisitor& visit) override {
    LoadedTopic loaded;
    if (auto failure = load(topic, loaded)) return failure;
    const auto read = log_->producers(
        loaded.meta.id, {}, [&](std::string_view id, const storage::ProducerState& state) {
          return visit(broker::describe(id, state));
        });
    return ended(read, "the producers of " + topic);
  }

  Failure cursors(const std::string& topic, const ObjectVisitor& visit) override {
    LoadedTopic loaded;
    if (auto failure = load(topic, loaded)) return failure;
    storage::LagMeter meter(*log_, loaded, now_of_system());
    Failure failure;
    const auto read = log_->cursors(
        loaded.meta.id, {}, [&](std::string_view name, const storage::StoredCursor& cursor) {
          const auto lag = meter.of(cursor.position);
          if (!lag) {
            failure = failure_of(lag.errc(), "measuring the cursors of " + topic);
            return false;
          }
          const auto checked =
              storage::check_position(loaded.meta.lineage, loaded.tail.head, cursor.position);
          return visit(
              broker::describe({.topic = topic,
                                .name = std::string(name),
                                .position = cursor.position,
                                .created = cursor.created,
                                .acknowledged = cursor.acknowledged,
                                .lag = *lag,
                                .in_epoch = checked || checked.errc() != Errc::wrong_epoch}));
        });
    if (failure) return failure;
    return ended(read, "the cursors of " + topic);
  }

  Failure offset_at(const std::string& topic, Timestamp time, Offset& out) override {
    LoadedTopic loaded;
    if (auto failure = load(topic, loaded)) return failure;
    const auto found = storage::offset_at_time(
        storage::bounds_of(loaded), time,
        [&](Offset offset) { return log_->header_at(loaded.meta.id, offset); });
    if (!found) return failure_of(found.errc(), "looking for a time in " + topic);
    out = *found;
    return {};
  }

  Failure read(const std::string& topic, EventRange range, const EventVisitor& visit) override {
    LoadedTopic loaded;
    if (auto failure = load(topic, loaded)) return failure;
    const auto read = read_around_damage(*log_, loaded, range, visit);
    return read ? Failure() : failure_of(read.errc(), "reading " + topic);
  }

  Failure stats(boost::json::object& out) override {
    out = broker::describe({.topics = log_->topic_count(),
                            .engine = log_->figures(),
                            .levels = log_->levels(),
                            .run = std::nullopt});
    return {};
  }

  [[nodiscard]] bool damaged() const override { return !mended_.empty() || !torn_.empty(); }
  Log* log() override { return log_.get(); }

 private:
  Failure load(const std::string& name, LoadedTopic& out) {
    const auto parsed = TopicName::parse(name);
    if (!parsed) return refused(parsed.errc(), std::string(info(parsed.errc()).text));
    auto loaded = load_around_damage(*parsed, nullptr);
    if (!loaded) return failure_of(loaded.errc(), "reading " + name);
    if (!*loaded) return unknown(name);
    if (over((*loaded)->meta, now_of_system()))
      return refused(Errc::topic_deleted, std::string(info(Errc::topic_deleted).text));
    out = std::move(**loaded);
    return {};
  }

  /// A topic whose last batch is damaged ends with the last event that can be read, which is warned
  /// of. `meta`: its metadata, if they are known; else they are looked for if need be.
  Result<std::optional<LoadedTopic>> load_around_damage(const TopicName& name,
                                                        const TopicMeta* meta) {
    if (const auto known = mended_.find(name.str()); known != mended_.end())
      return std::optional(known->second);
    auto loaded = log_->load(name);
    if (loaded || !is_damage(loaded.errc())) return loaded;
    std::optional<TopicMeta> found;
    if (meta != nullptr) {
      found = *meta;
    } else {
      static_cast<void>(log_->list(just_before(name.str()), [&](const TopicMeta& other) {
        if (other.name == name.str()) found = other;
        return other.name < name.str();
      }));
    }
    if (!found || found->lineage.empty()) return loaded;
    LoadedTopic mended{.meta = std::move(*found), .tail = {}};
    mended.tail = readable_end(*log_, mended.meta);
    warn("the end of " + printable(name.str()) + " is damaged; what there was behind event " +
         std::to_string(mended.tail.head.value) + " is not known" + kVerify);
    return std::optional(mended_.emplace(name.str(), std::move(mended)).first->second);
  }

  static HttpFailure refused(Errc code, std::string text) {
    return {.exit = kRefused, .text = std::move(text), .code = std::string(info(code).name)};
  }

  HttpFailure unknown(const std::string& name) {
    std::vector<std::string> names;
    const auto now = now_of_system();
    static_cast<void>(log_->list({}, [&](const TopicMeta& meta) {
      if (!over(meta, now)) names.push_back(meta.name);
      return names.size() < kMostSuggestions;
    }));
    auto text = "there is no topic " + printable(name) + did_you_mean(name, names);
    if (names.empty()) text += "; there is none at all";
    return refused(Errc::unknown_topic, std::move(text));
  }

  std::optional<std::uint64_t> bytes_of(const LoadedTopic& topic) {
    const auto bytes = storage::stored_bytes(*log_, topic);
    return bytes ? std::optional(*bytes) : std::nullopt;
  }

  Failure count(const LoadedTopic& topic, std::uint64_t& producers, std::uint64_t& cursors) {
    const auto& name = topic.meta.name;
    const auto all_producers =
        log_->producers(topic.meta.id, {}, [&](std::string_view, const storage::ProducerState&) {
          ++producers;
          return true;
        });
    if (auto failure = ended(all_producers, "the producers of " + name)) return failure;
    const auto all_cursors =
        log_->cursors(topic.meta.id, {}, [&](std::string_view, const storage::StoredCursor&) {
          ++cursors;
          return true;
        });
    return ended(all_cursors, "the cursors of " + name);
  }

  /// Damage within a list hides the rest of it, not what comes before.
  Failure ended(const Result<void>& read, const std::string& list) {
    if (read) return {};
    if (!is_damage(read.errc())) return failure_of(read.errc(), "reading " + list);
    if (torn_.insert(list).second) {
      warn("not all of " + printable(list) + " can be read: one is damaged" + kVerify);
    }
    return {};
  }

  std::unique_ptr<Log> log_;
  std::map<std::string, LoadedTopic, std::less<>> mended_;  ///< topics whose end is damaged
  std::set<std::string> torn_;                              ///< lists that are damaged
};

}  // namespace

boost::system::result<std::unique_ptr<Source>, HttpFailure> open_files_source(
    const std::filesystem::path& directory) {
  auto log = storage::open_rocks_log_to_read(directory);
  if (!log) return failure_of(log.error());
  return std::unique_ptr<Source>(std::make_unique<FilesSource>(std::move(*log)));
}

}  // namespace tidemark::tools
