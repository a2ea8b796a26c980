// What of an event is shown, and in which order.
// tools/inspect/: the words of --fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools {

enum class EventField : std::uint8_t { offset, time, epoch, topic, key, headers, size, data };

[[nodiscard]] std::string_view name_of(EventField field);

/// "offset,key,data" as fields; `fault` says what is wrong with the text, or nothing.
[[nodiscard]] std::vector<EventField> parse_fields(std::string_view text, std::string& fault);

/// Those of a table: offset, time, key and data.
[[nodiscard]] std::vector<EventField> table_fields();
/// Those of JSON: as `tidemark tail --format json` has them.
[[nodiscard]] std::vector<EventField> json_fields();

}  // namespace tidemark::tools
