// Bytes on disk: what one group commit holds of one topic, as one value. FORMAT.md specifies them.
// storage/: written by the committer, kept by the log, read into segments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/types.hpp"
#include "storage/settings.hpp"

namespace tidemark::storage {

/// A batch holds at most this; a single larger event stands alone in a batch of its own.
/// 256 events or 32 KiB: larger batches gained nothing on disk and cost resumes in the middle.
inline constexpr std::size_t kMaxBatchEvents = 256;
inline constexpr std::size_t kMaxBatchBytes = std::size_t{32} << 10;

struct BatchHeader {
  Epoch epoch;
  Offset first;
  std::uint32_t count = 0;
  Timestamp time;                  ///< of all its events: the moment of the group commit
  std::uint64_t bytes_before = 0;  ///< bytes of all batches of this topic before this one
};

/// Collects events into one batch. Threads: one.
class BatchBuilder {
 public:
  /// True if the event still fits; a builder without events takes any.
  [[nodiscard]] bool fits(const NewEvent& event) const;
  /// Pre: fits(event); the event passed check_event.
  void add(const NewEvent& event);
  [[nodiscard]] std::uint32_t count() const { return count_; }
  /// The value to store; leaves the builder empty for the next batch. Pre: count() > 0.
  /// `header.count` is filled in here.
  [[nodiscard]] std::string finish(TopicId topic, BatchHeader header);

 private:
  std::string records_;
  std::vector<std::uint32_t> ends_;
  std::uint32_t count_ = 0;
};

/// Bytes the event takes as a record.
[[nodiscard]] std::size_t record_size(const NewEvent& event);
/// Appends the event as a record. Pre: as BatchBuilder::add.
void append_record(std::string& out, const NewEvent& event);
/// Reads a record from outside a batch, in whatever shape. Errors: corrupt_record. Lifetime: that
/// of `record`.
[[nodiscard]] Result<EventView> parse_record(std::string_view record, Offset offset,
                                             Timestamp time);
/// Reads one record. Pre: it lies in a batch that parse() accepted. Lifetime: that of `record`.
[[nodiscard]] EventView decode_record(std::string_view record, Offset offset, Timestamp time);

/// A stored batch, checked. A view: valid as long as the bytes.
class BatchView {
 public:
  /// Checks version, checksum (XXH3-64 over topic id, first offset, header and records), index and
  /// every record's shape. Errors: corrupt_record; store_newer_format for a later version.
  static Result<BatchView> parse(TopicId topic, Offset first, std::string_view value);

  [[nodiscard]] const BatchHeader& header() const { return header_; }
  [[nodiscard]] std::uint32_t count() const { return header_.count; }
  [[nodiscard]] Offset end() const { return {header_.first.value + header_.count}; }
  /// The records, one after another, and where record i ends in them.
  [[nodiscard]] std::string_view records() const { return records_; }
  [[nodiscard]] std::uint32_t record_end(std::uint32_t i) const;
  /// Pre: i < count().
  [[nodiscard]] EventView event(std::uint32_t i) const;
  /// The first `count` events alone. Pre: 0 < count <= count().
  [[nodiscard]] BatchView prefix(std::uint32_t count) const;
  /// Bytes of the stored value, also for a prefix of it; bytes_before of the next batch is
  /// header().bytes_before + this.
  [[nodiscard]] std::size_t stored_bytes() const { return value_.size(); }

 private:
  BatchHeader header_;
  std::string_view value_;
  std::string_view index_;
  std::string_view records_;
};

/// Only the header, without the checksum: for searches by time and bytes. Errors: corrupt_record.
[[nodiscard]] Result<BatchHeader> peek_header(std::string_view value);

}  // namespace tidemark::storage
