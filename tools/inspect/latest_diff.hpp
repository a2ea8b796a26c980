// How the newest event of each key changed between two offsets.
// tools/inspect/: what `tidemark diff` works out; it is fed events and knows no source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"

namespace tidemark::tools {

/// What a key had at one of the two offsets.
struct KeyValue {
  Offset offset;
  Timestamp time;
  std::string data;
  bool tombstone = false;
};

struct KeyChange {
  enum class Kind : std::uint8_t {
    added,    ///< it was not there before
    changed,  ///< its data is another
    same,     ///< it was published anew with the same data
    removed,  ///< by a tombstone
    set,      ///< what was before is not known, for it is no longer in the log
  };
  Kind kind = Kind::changed;
  std::string key;
  std::optional<KeyValue> before;  ///< unset: there was none, or it is not known
  KeyValue after;                  ///< of a removed one its tombstone
};
[[nodiscard]] std::string_view to_string(KeyChange::Kind kind);

/// Two passes: first change() with the events behind the first offset, then before() with those up
/// to it, both in order. Memory grows with the keys that changed, up to `max_bytes`.
class LatestDiff {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{512} << 20;
  explicit LatestDiff(Payload payload, std::size_t max_bytes = kMaxBytes)
      : payload_(payload), max_bytes_(max_bytes) {}

  /// False: there is more than may be held.
  [[nodiscard]] bool change(const EventView& event);
  [[nodiscard]] bool before(const EventView& event);

  /// By offset of what is new. `whole`: before() has had everything from the first event ever.
  /// What came and went between the two is no change.
  [[nodiscard]] std::vector<KeyChange> changes(bool whole) const;

 private:
  struct Pair {
    std::optional<KeyValue> before;
    KeyValue after;
  };
  [[nodiscard]] bool put(KeyValue& value, const EventView& event);

  const Payload payload_;
  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::map<std::string, Pair, std::less<>> keys_;
};

}  // namespace tidemark::tools
