// The newest event of each key of a topic, page by page.
// broker/state/: between a storage::KeyReader and the parts of a state.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>

#include "broker/state/states.hpp"
#include "storage/requests.hpp"

namespace tidemark::broker {

/// A page ends behind the entry that makes it this large.
inline constexpr std::size_t kKeyPageBytes = std::size_t{128} << 10;
/// A state of keys up to this size is kept in memory and shared.
inline constexpr std::size_t kSmallKeysBytes = std::size_t{1} << 20;
/// How long a reader is held open for a client that takes its time; the log behind the position is
/// held no longer either (Topic::kHoldsFor).
inline constexpr std::chrono::seconds kKeysStayOpen{60};

/// A reader, and the place among those that may be open, which it gives back. Threads: one at a
/// time.
class OpenKeys {
 public:
  using Part = std::shared_ptr<const StatePart>;
  OpenKeys(std::shared_ptr<storage::Topic> topic, std::unique_ptr<storage::KeyReader> reader,
           std::shared_ptr<void> place, std::chrono::steady_clock::time_point opened);

  [[nodiscard]] Position position() const { return reader_->position(); }
  [[nodiscard]] std::chrono::steady_clock::time_point opened() const { return opened_; }
  [[nodiscard]] const std::shared_ptr<storage::Topic>& topic() const { return topic_; }

  /// Pages that follow one another.
  struct Pages {
    std::deque<Part> parts;
    std::size_t bytes = 0;
    bool last = false;  ///< the last of them is the state's last
  };
  /// Reads until there is nothing more or more than `bytes`; one page at least. Blocks on the disk.
  /// Errors: corrupt_record, storage_failed. Pre: nothing was the last.
  Result<Pages> read(std::size_t bytes);

 private:
  Result<void> read_page(Pages& into);

  // Before the reader, which goes first: then there is room for another.
  const std::shared_ptr<void> place_;
  const std::shared_ptr<storage::Topic> topic_;
  const std::unique_ptr<storage::KeyReader> reader_;
  const std::chrono::steady_clock::time_point opened_;
  bool begun_ = false;
};

/// Asks for a reader; `done` runs on the shard that is its observer, with the request as it came
/// back.
class OpenKeysRequest final : public storage::ReadKeysRequest {
 public:
  using Done = std::function<void(OpenKeysRequest&)>;
  OpenKeysRequest(const TopicName& name, Done done)
      : ReadKeysRequest(name), done_(std::move(done)) {}
  void answer() override { done_(*this); }

 private:
  const Done done_;
};

/// What has been read ahead of a reading that goes on from the disk.
struct KeysBegun {
  std::shared_ptr<OpenKeys> keys;  ///< shared with the reader thread while it reads a page
  std::deque<OpenKeys::Part> ready;
  storage::Hold hold;
};

/// A reading that holds no more than some pages. On the shard's thread, now and later.
[[nodiscard]] std::unique_ptr<StateReading> reading_of(Shard& shard, KeysBegun begun,
                                                       States::Clock clock);

}  // namespace tidemark::broker
