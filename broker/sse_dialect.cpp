// What all event streams have in common, whatever their words.
// broker/: see sse_dialect.hpp.
#include "broker/sse_dialect.hpp"

#include "protocol/json_text.hpp"

namespace tidemark::broker {

namespace {
constexpr std::size_t kKeptBuffer = std::size_t{4} << 10;
}

void SseOut::clear() {
  for (std::string* const buffer : {&front, &back}) {
    buffer->clear();
    if (buffer->capacity() > kKeptBuffer) *buffer = {};
  }
  run = {};
  segment.reset();
  part.reset();
  last = false;
}

std::optional<storage::Topic::End> end_if_reached(const Cursor& cursor) {
  auto end = cursor.topic()->end();
  if (end.tail.offset != cursor.position().offset) return std::nullopt;
  return end;
}

void append_retry(std::string& out, std::chrono::milliseconds time) {
  out += "retry:";
  append_number(out, static_cast<std::uint64_t>(time.count()));
  out += "\n\n";
}

}  // namespace tidemark::broker
