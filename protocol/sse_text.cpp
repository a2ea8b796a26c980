// Text as the data lines of Server-Sent Events.
// protocol/: see sse_text.hpp.
#include "protocol/sse_text.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark {
namespace {

constexpr std::string_view kNextLine = "\ndata:";
constexpr std::string_view kNextLineThenBlank = "\ndata: ";

// The text up to the end of its first line, what that end takes, and what begins the next line.
struct Line {
  std::string_view text;
  std::size_t end = 0;
  std::string_view next;
};

Line first_line(std::string_view text) {
  const std::size_t size = std::min(text.find_first_of("\r\n"), text.size());
  Line line{.text = text.substr(0, size), .end = 0, .next = {}};
  if (size == text.size()) return line;
  line.end = text.substr(size, 2) == "\r\n" ? 2 : 1;
  const std::string_view rest = text.substr(size + line.end);
  line.next = rest.empty() || rest.front() == ' ' ? kNextLineThenBlank : kNextLine;
  return line;
}

char* put(std::string_view text, char* out) {
  if (!text.empty()) std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

std::size_t sse_lines_size(std::string_view text) {
  std::size_t size = 0;
  for (;;) {
    const Line line = first_line(text);
    size += line.text.size() + line.next.size();
    if (line.end == 0) return size;
    text.remove_prefix(line.text.size() + line.end);
  }
}

char* write_sse_lines(std::string_view text, char* out) {
  for (;;) {
    const Line line = first_line(text);
    out = put(line.next, put(line.text, out));
    if (line.end == 0) return out;
    text.remove_prefix(line.text.size() + line.end);
  }
}

}  // namespace tidemark
