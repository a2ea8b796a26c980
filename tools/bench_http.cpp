// Requests written, answers taken apart without copying them.
// tools/: see bench_http.hpp.
#include "tools/bench_http.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::size_t kMaxHead = std::size_t{16} << 10;
constexpr std::size_t kMaxLine = 1024;  // of a chunk's size or a trailer
constexpr std::string_view kLineEnd = "\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::uint64_t number_of(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw BenchError("the server sent a length of \"" + std::string(text) + "\"");
  }
  return value;
}

// The line at the front without its end, which is taken too; nullopt if it isn't whole.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto at = rest.find(kLineEnd);
  if (at == std::string_view::npos) {
    if (rest.size() > kMaxLine) throw BenchError("the server sent a line without an end");
    return std::nullopt;
  }
  const auto line = rest.substr(0, at);
  rest.remove_prefix(at + kLineEnd.size());
  return line;
}

struct Framing {
  std::optional<std::uint64_t> length;
  bool chunked = false;
};

void note_field(std::string_view name, std::string_view value, AnswerHead& head, Framing& framing) {
  if (same(name, "stream-next-offset")) {
    head.next_offset = value;
  } else if (same(name, "stream-up-to-date")) {
    head.up_to_date = same(value, "true");
  } else if (same(name, "content-length")) {
    framing.length = number_of(value, 10);
  } else if (same(name, "transfer-encoding")) {
    framing.chunked = same(value, "chunked");
    if (!framing.chunked) throw BenchError("a transfer encoding nobody asked for");
  } else if (same(name, "content-encoding")) {
    throw BenchError("a content encoding nobody asked for");
  }
}

// "HTTP/1.1 200 OK"
void note_status(std::string_view line, AnswerHead& head) {
  constexpr std::string_view version = "HTTP/1.";
  if (!line.starts_with(version) || line.size() < version.size() + 5) {
    throw BenchError("what listens there speaks no HTTP/1.1: " + std::string(line.substr(0, 80)));
  }
  line.remove_prefix(version.size() + 2);
  head.status = static_cast<unsigned>(number_of(line.substr(0, 3), 10));
  head.reason = trimmed(line.substr(3));
}

bool has_no_body(unsigned status) { return status == 204 || status == 304; }

}  // namespace

void append_request(const HttpRequest& request, std::string_view host, std::string& out) {
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  out.append(host).append(kLineEnd).append(request.fields);
  const bool has_body = !request.content_type.empty();
  if (has_body) out.append("Content-Type: ").append(request.content_type).append(kLineEnd);
  if (has_body || request.method != "GET") {
    out.append("Content-Length: ").append(std::to_string(request.body.size())).append(kLineEnd);
  }
  out.append(kLineEnd).append(request.body);
}

std::size_t AnswerReader::take(std::string_view bytes, Sink& sink) {
  auto rest = bytes;
  while (step(rest, sink)) {
  }
  return bytes.size() - rest.size();
}

bool AnswerReader::end_of_input(Sink& sink) {
  if (state_ != State::to_end) return false;
  finish(sink);
  return true;
}

// False if nothing more can be done with what there is.
bool AnswerReader::step(std::string_view& rest, Sink& sink) {
  switch (state_) {
    case State::head:
      return take_head(rest, sink);
    case State::sized:
    case State::chunk:
    case State::to_end:
      return take_body(rest, sink);
    case State::chunk_line:
      return take_chunk_line(rest);
    case State::chunk_end:
      return take_chunk_end(rest);
    case State::trailer:
      return take_trailer(rest, sink);
  }
  return false;
}

bool AnswerReader::take_head(std::string_view& rest, Sink& sink) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  const auto size = rest.find(end_of_head);
  if (size == std::string_view::npos) {
    if (rest.size() > kMaxHead) throw BenchError("the server sent a head of more than 16 KiB");
    return false;
  }
  auto lines = rest.substr(0, size + kLineEnd.size());
  rest.remove_prefix(size + end_of_head.size());
  AnswerHead head;
  Framing framing;
  note_status(*take_line(lines), head);
  while (const auto line = take_line(lines)) {
    const auto colon = line->find(':');
    if (colon == std::string_view::npos) throw BenchError("a header line without a colon");
    note_field(line->substr(0, colon), trimmed(line->substr(colon + 1)), head, framing);
  }
  if (head.status < 200) return true;  // 100 Continue: the answer is still to come
  sink.head(head);
  left_ = has_no_body(head.status) ? 0 : framing.length.value_or(0);
  const bool empty = has_no_body(head.status) || (framing.length == 0 && !framing.chunked);
  if (empty) {
    finish(sink);
  } else if (framing.chunked) {
    state_ = State::chunk_line;
  } else {
    state_ = framing.length ? State::sized : State::to_end;
  }
  return true;
}

bool AnswerReader::take_body(std::string_view& rest, Sink& sink) {
  if (rest.empty()) return false;
  if (state_ == State::to_end) left_ = rest.size();
  const auto piece = rest.substr(0, std::min<std::uint64_t>(left_, rest.size()));
  sink.body(piece);
  rest.remove_prefix(piece.size());
  left_ -= piece.size();
  if (left_ != 0) return false;
  if (state_ == State::sized) finish(sink);
  if (state_ == State::chunk) state_ = State::chunk_end;
  return true;
}

bool AnswerReader::take_chunk_line(std::string_view& rest) {
  const auto line = take_line(rest);
  if (!line) return false;
  left_ = number_of(trimmed(line->substr(0, line->find(';'))), 16);
  state_ = left_ == 0 ? State::trailer : State::chunk;
  return true;
}

bool AnswerReader::take_chunk_end(std::string_view& rest) {
  if (rest.size() < kLineEnd.size()) return false;
  if (!rest.starts_with(kLineEnd)) throw BenchError("a chunk is longer than it says");
  rest.remove_prefix(kLineEnd.size());
  state_ = State::chunk_line;
  return true;
}

bool AnswerReader::take_trailer(std::string_view& rest, Sink& sink) {
  const auto line = take_line(rest);
  if (!line) return false;
  if (line->empty()) finish(sink);
  return true;
}

void AnswerReader::finish(Sink& sink) {
  state_ = State::head;
  sink.end();
}

}  // namespace tidemark::tools::bench
