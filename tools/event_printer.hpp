// Events on stdout: as they are, as JSON, or as a table for people.
// tools/: what `tidemark tail` prints with.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/messages.hpp"

namespace tidemark::tools {

enum class Format : std::uint8_t { raw, json, table };

/// Collects output until flush(). What each format prints:
/// raw: the payload byte for byte and a line feed; json: the event's wire form with its epoch, one
/// object a line, gaps and epochs too; table: offset, time, key and data, cut to the terminal.
class EventPrinter {
 public:
  EventPrinter(Format format, int fd);

  void set_content_type(std::string_view content_type) { payload_ = payload_of(content_type); }
  void event(const Event& event, Epoch epoch);
  void gap(const std::string& topic, const Gap& gap);
  void epoch(const EpochNotice& notice);

  /// Should be flushed even if more is waiting.
  [[nodiscard]] bool full() const { return out_.size() >= std::size_t{64} << 10; }
  /// False if nobody reads any more.
  [[nodiscard]] bool flush();

 private:
  void table_row(const Event& event);
  void line(const ServerMessage& message, Payload payload);

  Format format_;
  int fd_;
  bool terminal_;
  bool head_printed_ = false;
  Payload payload_ = Payload::bytes;
  std::string out_;
};

}  // namespace tidemark::tools
