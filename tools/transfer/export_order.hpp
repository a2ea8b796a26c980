// Whether what an export says can be: each item by itself, and where it stands.
// tools/transfer/: behind both readers, and what --resume finds its place with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/transfer/export_items.hpp"

namespace tidemark::tools {

/// Takes the items of an export one after another. Threads: one.
class ExportOrder {
 public:
  /// The kinds of items, in the order they come in.
  enum class Part : std::uint8_t { nothing, head, events, keys, producers, cursors, state, end };

  /// What is wrong with the item, as a clause; nullopt: nothing, and it counts from now on.
  /// Payloads of Form::json are settled (see settle_payload).
  [[nodiscard]] std::optional<std::string> take(ExportItem& item);

  /// What was taken last; `events` for a topic, its events and gaps.
  [[nodiscard]] Part part() const { return part_; }
  /// The topic taken last.
  [[nodiscard]] const std::optional<ExportTopic>& topic() const { return topic_; }
  /// The offset that follows in it.
  [[nodiscard]] Offset next() const { return next_; }
  /// The last key, producer or cursor of the part.
  [[nodiscard]] const std::string& last() const { return last_; }
  [[nodiscard]] std::uint64_t items() const { return items_; }
  [[nodiscard]] std::uint64_t topics() const { return topics_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  using Fault = std::optional<std::string>;
  Fault take_item(ExportHead& head);
  Fault take_item(ExportTopic& topic);
  Fault take_item(ExportEvents& events);
  Fault take_item(ExportGap& gap);
  Fault take_item(ExportKey& key);
  Fault take_item(ExportProducer& producer);
  Fault take_item(ExportCursor& cursor);
  Fault take_item(ExportState& state);
  Fault take_item(ExportEnd& end);
  [[nodiscard]] Fault complete() const;
  Fault take_offsets(OffsetRange offsets);
  Fault take_beside(Part part, const std::string& name);

  Part part_ = Part::nothing;
  std::optional<ExportTopic> topic_;
  Payload payload_ = Payload::bytes;
  Offset next_;
  std::string last_;
  std::uint64_t items_ = 0;
  std::uint64_t topics_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace tidemark::tools
