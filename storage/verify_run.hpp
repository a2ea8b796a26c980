// What the steps of a verification share: the store they read, what they know, what they report.
// storage/: private to the units verify_*; knows no RocksDB.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rocks_scan.hpp"
#include "storage/verify.hpp"

namespace tidemark::storage {

/// Counts findings and hands them on, those of one kind that follow each other as one. Threads:
/// one.
class Findings {
 public:
  /// Lifetime: both outlive it.
  Findings(VerifyReport& report, const VerifyOptions& options)
      : report_(report), options_(options) {}

  void add(Finding finding);
  /// Hands on what is held back to be continued.
  void flush();

 private:
  VerifyReport& report_;
  const VerifyOptions& options_;
  std::optional<Finding> last_;
};

/// What the store as a whole says of itself.
struct StoreFacts {
  bool empty = true;
  bool unread = false;  ///< a part of it can't be read
  std::optional<std::uint64_t> format;
  std::optional<std::uint64_t> next_topic_id;
  std::optional<std::uint64_t> last_epoch;
  std::optional<std::uint64_t> topic_count;
  std::map<TopicId, std::vector<OriginPart>> origins;
  std::uint64_t loss = 0;  ///< number of the last incident that concerns all topics
};

/// A topic as its metadata has it, and what has been seen of it.
struct KnownTopic {
  TopicId id;
  std::string name;
  std::vector<EpochStart> lineage;
  Offset earliest;
  Offset needed_from;  ///< `earliest`, or before it what forks still read
  std::uint64_t incident = 0;
  std::uint64_t forks = 0;
  std::uint64_t keys = 0;
  std::unique_ptr<Origin> origin;  ///< null: it is no fork

  std::uint64_t forks_seen = 0;
  std::uint64_t keys_seen = 0;
  Offset head;                  ///< once its events have been read
  bool events_damaged = false;  ///< `head` may be wrong, and events may be missing
  bool keys_unread = false;     ///< `keys_seen` is not all
};

/// All topics whose metadata can be read, by id. Threads: one.
class KnownTopics {
 public:
  void add(KnownTopic topic) { topics_.push_back(std::move(topic)); }
  /// To be called after the last add(); addresses stay from then on.
  void sort();
  [[nodiscard]] std::vector<KnownTopic>& all() { return topics_; }
  /// Null: there is none. Cheap for ids that come in order.
  [[nodiscard]] KnownTopic* find(TopicId id);

 private:
  std::vector<KnownTopic> topics_;
  std::size_t last_ = 0;  ///< what was found last
};

/// Keys of topics lie from here up to there, in every family that has some.
[[nodiscard]] std::string first_topic_key();
[[nodiscard]] std::string end_of_topic_keys();

/// Threads: one.
class VerifyRun {
 public:
  /// Lifetime: all of them outlive it.
  VerifyRun(StoreScan& from, const VerifyOptions& wanted, VerifyReport& result, Findings& found)
      : scan(from), options(wanted), report(result), findings(found) {}

  /// Adds what lies there to the total of which progress is told.
  void expect(Family family, std::string_view begin, std::string_view end);
  /// As StoreScan::each, and tells progress. Nothing, once it has been stopped.
  void each(Family family, std::string_view begin, std::string_view end,
            const StoreScan::Entry& entry, const StoreScan::Damage& damage);
  /// Tells again how far it is; false: stop.
  bool may_go_on();
  /// Of a topic whose metadata is unread, things can't be said to be nobody's.
  [[nodiscard]] bool topics_unread() const { return unread_topics > 0; }

  // The steps read and write these.
  StoreScan& scan;
  const VerifyOptions& options;
  VerifyReport& report;
  Findings& findings;
  StoreFacts store;
  KnownTopics topics;
  std::uint64_t unread_topics = 0;  ///< topics, or stretches of them, without metadata
  std::string_view at;              ///< name of the topic that is being read

 private:
  bool tell(std::uint64_t bytes);

  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;  ///< of stretches that have been read whole
  std::uint64_t told_ = 0;
};

/// The text for a finding, and where RocksDB says the damage is: "db/000012.sst offset 4096 size
/// 4083"; empty if it says nothing of the kind.
struct DamageWords {
  std::string what;
  std::string where;
};
[[nodiscard]] DamageWords words_of(std::string_view status);

/// Any bytes in quotes, made fit for a text and at most some tens of characters long.
[[nodiscard]] std::string quoted_bytes(std::string_view bytes);

/// What a value that does not decode is: "damaged", or of a later version.
[[nodiscard]] std::string undecodable(Errc code);

}  // namespace tidemark::storage
