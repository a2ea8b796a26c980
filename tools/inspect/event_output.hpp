// Events of a log on stdout: a table, JSON, the payloads as they are, or their bytes.
// tools/inspect/: what `tidemark show` prints with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"
#include "tools/inspect/event_fields.hpp"

namespace tidemark::tools {

enum class ShowFormat : std::uint8_t { table, json, ndjson, raw, hex };

/// Collects output until flush(). table: columns, cut to a terminal. ndjson: an object a line; with
/// the fields of `tidemark tail --format json` it is the same. json: these in an array, a line
/// each. raw: the payload and a line feed. hex: a line with offset, time, key and size, and the
/// payload as sixteen bytes a line.
class EventOutput {
 public:
  struct Options {
    ShowFormat format = ShowFormat::table;
    std::string topic;
    Payload payload = Payload::bytes;
    std::vector<EventField> fields;  ///< of a table and of JSON
    int fd = 1;
  };
  explicit EventOutput(Options options);

  void event(const EventView& event, Epoch epoch);
  /// Events that can't be had; JSON alone has an object for them.
  void gap(const Gap& gap);
  /// What belongs behind the last one.
  void end();

  /// Should be flushed.
  [[nodiscard]] bool full() const { return out_.size() >= std::size_t{256} << 10; }
  /// False if nobody reads any more.
  [[nodiscard]] bool flush();

 private:
  void object(const EventView& event, Epoch epoch);
  void member(EventField field, const EventView& event, Epoch epoch);
  void begin_object();
  void row(const EventView& event, Epoch epoch);
  void table_head();
  [[nodiscard]] std::string cell(EventField field, const EventView& event, Epoch epoch) const;
  void dump(const EventView& event);

  Options options_;
  bool terminal_;
  bool begun_ = false;
  std::string out_;
};

/// Sixteen bytes a line, as hexdump -C has them: "00000010  68 65 …  |he…|".
void append_hex_dump(std::string& out, std::string_view bytes);

}  // namespace tidemark::tools
