// Reading around damage: forward as far as it goes, then a way behind it is felt for.
// storage/: see the header; which of what is read makes sense is for verify and repair to say.
#include "storage/rocks_scan.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <rocksdb/iterator.h>
#include <rocksdb/options.h>

#include "storage/key_codec.hpp"
#include "storage/rocks_database.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kMaxDamages = 10'000;  // of one scan; behind the last nothing is read
constexpr std::size_t kMaxCollected = std::size_t{64} << 20;
// A look at a damaged block takes some 20 µs.
constexpr std::uint64_t kLooksAround = 100'000;  // one damage
constexpr std::uint64_t kLooks = 2'000'000;      // in one scan
constexpr std::uint64_t kNearOffsets = 1024;     // tried one by one where damage begins
constexpr std::uint64_t kFirstOffsets = 256;     // and at the beginning of each topic behind it
constexpr std::uint64_t kNearTopics = 16;        // ids tried one by one, known or not
constexpr std::size_t kPastAllKeys = 512;        // no key is as long

// An iterator from `lower` on, before `upper`; an empty `upper`: to the end.
class Look {
 public:
  Look(RocksDatabase& database, rocksdb::ColumnFamilyHandle* family, std::string lower,
       std::string upper)
      : lower_key_(std::move(lower)),
        upper_key_(std::move(upper)),
        lower_(lower_key_),
        upper_(upper_key_) {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    options.iterate_lower_bound = &lower_;
    if (!upper_key_.empty()) options.iterate_upper_bound = &upper_;
    it_.reset(database.db().NewIterator(options, family));
  }
  Look(const Look&) = delete;
  Look& operator=(const Look&) = delete;
  rocksdb::Iterator* operator->() { return it_.get(); }
  [[nodiscard]] std::string_view key() const { return view(it_->key()); }
  [[nodiscard]] std::string_view value() const { return view(it_->value()); }
  void to_first() { it_->Seek(lower_); }

 private:
  const std::string lower_key_, upper_key_;
  const rocksdb::Slice lower_, upper_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

// Topics there are, as far as that can be read; in order.
std::set<std::uint64_t> topic_ids(RocksDatabase& database) {
  std::set<std::uint64_t> ids;
  if (database.lacks(database.topics())) return ids;
  Look look(database, database.topics(), {}, {});
  for (look.to_first(); look->Valid(); look->Next())
    if (const auto meta = decode_value<TopicMeta>(look.value())) ids.insert(meta->id.value);
  look->status().PermitUncheckedError();  // what can't be read is not known
  return ids;
}

// One pass over a range. Threads: one.
class Walk {
 public:
  struct Range {
    std::string begin;
    std::string end;  ///< empty: to the end
  };
  Walk(RocksDatabase& database, Family family, Range range, const StoreScan::Entry& entry,
       const StoreScan::Damage& damage)
      : database_(database),
        family_(family),
        handle_(database.families()[static_cast<std::size_t>(family)]),
        range_(std::move(range)),
        entry_(entry),
        damage_(damage) {}

  void run() {
    std::string from = range_.begin;
    for (std::size_t damages = 1; forward(from) == Went::into_damage; ++damages) {
      if (damages == kMaxDamages) {
        tell({}, "; there is so much damage that what lies behind it has not been looked at");
        return;
      }
      auto next = behind();
      if (!feed_before(next)) return;
      from = std::move(*next);
    }
  }

 private:
  enum class Went : std::uint8_t { to_the_end, into_damage };
  /// What a look found: a key, or that nothing more is there.
  struct Found {
    std::optional<std::string> key;
  };
  using Entries = std::vector<std::pair<std::string, std::string>>;

  Went forward(const std::string& from) {
    Look look(database_, handle_, from, range_.end);
    for (look.to_first(); look->Valid(); look->Next()) {
      if (!entry_(look.key(), look.value())) return Went::to_the_end;
      last_ = look.key();
      any_ = true;
    }
    const auto status = look->status();
    if (status.ok()) return Went::to_the_end;
    what_ = status.ToString();
    return Went::into_damage;
  }

  // Tells of the damage up to `next` (nullopt: the end), or up to what can be read before that,
  // which is fed. False: there is nothing more to do.
  bool feed_before(const std::optional<std::string>& next) {
    bool all = true;
    const Entries entries = backward(next ? *next : range_.end, all);
    const std::string before = entries.empty() ? next.value_or("") : entries.front().first;
    tell(before, all ? "" : "; more before what is read behind it may be intact");
    for (const auto& [key, value] : entries) {
      if (!entry_(key, value)) return false;
      last_ = key;
      any_ = true;
    }
    return next.has_value();
  }

  void tell(const std::string& before, const char* more) {
    damage_({.after = any_ ? last_ : std::string(), .before = before, .what = what_ + more});
  }

  // What can be read from `end` back to the damage; in order. `all`: no limit has cut it.
  Entries backward(const std::string& end, bool& all) {
    Entries entries;
    std::size_t bytes = 0;
    Look look(database_, handle_, floor(), end);
    for (look->SeekToLast(); look->Valid(); look->Prev()) {
      bytes += look.key().size() + look.value().size();
      all = bytes <= kMaxCollected;
      if (!all) break;
      entries.emplace_back(look.key(), look.value());
    }
    look->status().PermitUncheckedError();  // it is the damage that is known
    std::reverse(entries.begin(), entries.end());
    return entries;
  }

  // The first key that has not been read.
  [[nodiscard]] std::string floor() const { return any_ ? last_ + '\0' : range_.begin; }

  // A key that can be read behind the damage, the nearest that is found; nullopt: there is none.
  std::optional<std::string> behind() {
    looks_around_ = 0;
    const auto found = family_ == Family::events ? behind_events() : behind_names();
    return found ? found->key : std::nullopt;
  }

  // nullopt: damage.
  std::optional<Found> look_at(std::string key) {
    if (++looks_around_ > kLooksAround || ++looks_ > kLooks) return Found{};
    if (!range_.end.empty() && key >= range_.end) return Found{};
    Look look(database_, handle_, std::move(key), range_.end);
    look.to_first();
    if (look->Valid()) return Found{.key = std::string(look.key())};
    if (look->status().ok()) return Found{};
    return std::nullopt;
  }

  // ---- in a family whose keys are texts, or begin with a topic's id ----

  // Ever longer strides: the last byte counts up, then the one before it, and so on. What lies
  // between is read backward.
  std::optional<Found> behind_names() {
    const std::string from = floor();
    if (auto found = look_at(from)) return found;
    for (std::size_t size = from.size(); size > 0; --size) {
      const int last = static_cast<unsigned char>(from[size - 1]);
      for (int step = 1; last + step <= 0xFF; step *= 2) {
        std::string at = from.substr(0, size);
        at.back() = static_cast<char>(last + step);
        if (auto found = look_at(std::move(at))) return found;
      }
    }
    if (!from.empty()) return std::nullopt;
    for (int first = 1; first <= 0xFF; ++first)
      if (auto found = look_at(std::string(1, static_cast<char>(first)))) return found;
    return std::nullopt;
  }

  // ---- in events ----

  std::optional<Found> look_at(std::uint64_t topic, std::uint64_t offset) {
    return look_at(event_key({topic}, {offset}));
  }

  std::optional<Found> behind_events() {
    std::string at = any_ ? last_ : range_.begin;
    at.resize(16, '\0');
    const std::uint64_t topic = load_be64(at);
    const std::uint64_t offset = load_be64(std::string_view(at).substr(8));
    if (auto found = behind_offset(topic, offset, kNearOffsets)) return found;
    const auto topics = topics_behind(topic);
    for (const std::uint64_t next : topics) {
      if (auto found = look_at(next, 0)) return found;
      if (auto found = behind_offset(next, 0, kFirstOffsets)) return found;
    }
    const std::uint64_t last = topics.empty() ? topic : *topics.rbegin();
    for (std::uint64_t step = 1; step <= ~last; step *= 2) {
      if (auto found = look_at(last + step, 0)) return found;
      if (step > ~std::uint64_t{0} / 2) break;
    }
    return std::nullopt;
  }

  // The nearest place behind an offset: `near` of them are tried one by one, then in strides that
  // double, and what such a one has passed over is narrowed down.
  std::optional<Found> behind_offset(std::uint64_t topic, std::uint64_t offset,
                                     std::uint64_t near) {
    if (offset >= kMaxInteger) return std::nullopt;
    const std::uint64_t room = kMaxInteger - offset;
    for (std::uint64_t step = 1; step <= std::min(near, room); ++step)
      if (auto found = look_at(topic, offset + step)) return found;
    for (std::uint64_t bad = near; bad < room;) {
      const std::uint64_t step = std::min(bad * 2, room);
      if (auto found = look_at(topic, offset + step))
        return narrowed(topic, offset + bad, offset + step, std::move(*found));
      bad = step;
    }
    return std::nullopt;
  }

  // Between an offset that leads into damage and one that does not.
  Found narrowed(std::uint64_t topic, std::uint64_t bad, std::uint64_t good, Found best) {
    while (good - bad > 1) {
      const std::uint64_t middle = bad + (good - bad) / 2;
      if (auto found = look_at(topic, middle)) {
        best = std::move(*found);
        good = middle;
      } else {
        bad = middle;
      }
    }
    return best;
  }

  std::set<std::uint64_t> topics_behind(std::uint64_t topic) {
    if (!known_) known_ = topic_ids(database_);
    std::set<std::uint64_t> ids(known_->upper_bound(topic), known_->end());
    for (std::uint64_t step = 1; step <= kNearTopics && step <= ~topic; ++step)
      ids.insert(topic + step);
    return ids;
  }

  RocksDatabase& database_;
  const Family family_;
  rocksdb::ColumnFamilyHandle* const handle_;
  const Range range_;
  const StoreScan::Entry& entry_;
  const StoreScan::Damage& damage_;
  std::string last_;  ///< the last key that was read
  bool any_ = false;  ///< there is such
  std::string what_;  ///< RocksDB's word for the damage it is at
  std::uint64_t looks_ = 0;
  std::uint64_t looks_around_ = 0;
  std::optional<std::set<std::uint64_t>> known_;  ///< ids of topics, once they are asked for
};

RocksDatabase::Recovery recovery_of(StoreScan::Wal wal) {
  switch (wal) {
    case StoreScan::Wal::strict:
      return RocksDatabase::Recovery::strict;
    case StoreScan::Wal::prefix:
      return RocksDatabase::Recovery::salvage;
    case StoreScan::Wal::most:
      return RocksDatabase::Recovery::most;
  }
  return RocksDatabase::Recovery::strict;
}

}  // namespace

std::string_view name_of(Family family) { return kFamilyNames[static_cast<std::size_t>(family)]; }

StoreScan::StoreScan(std::unique_ptr<RocksDatabase> database) : database_(std::move(database)) {}

StoreScan::~StoreScan() = default;

boost::system::result<std::unique_ptr<StoreScan>, OpenError> StoreScan::open(
    const std::filesystem::path& directory, Wal wal) {
  auto database = open_database_to_read(directory, recovery_of(wal));
  if (!database) return database.error();
  return std::unique_ptr<StoreScan>(new StoreScan(std::move(*database)));
}

std::uint64_t StoreScan::sequence() const { return database_->db().GetLatestSequenceNumber(); }

std::uint64_t StoreScan::bytes(Family family, std::string_view begin, std::string_view end) const {
  auto* const handle = database_->families()[static_cast<std::size_t>(family)];
  if (database_->lacks(handle)) return 0;
  const std::string last(kPastAllKeys, '\xFF');
  const rocksdb::Range range(slice(begin), end.empty() ? rocksdb::Slice(last) : slice(end));
  rocksdb::SizeApproximationOptions options;
  options.include_files = true;
  options.include_memtables = true;
  std::uint64_t size = 0;
  const auto status = database_->db().GetApproximateSizes(options, handle, &range, 1, &size);
  return status.ok() ? size : 0;
}

void StoreScan::each(Family family, std::string_view begin, std::string_view end,
                     const Entry& entry, const Damage& damage) {
  if (database_->lacks(database_->families()[static_cast<std::size_t>(family)])) return;
  Walk(*database_, family, {.begin = std::string(begin), .end = std::string(end)}, entry, damage)
      .run();
}

}  // namespace tidemark::storage
