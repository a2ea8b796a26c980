// Heads compared with the one that must come, the rest of an event passed over.
// tools/: see bench_events.hpp.
#include "tools/bench_events.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::string_view kBeforeNumber = "{\"t\":\"";

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

std::string_view content_type(StreamType type) {
  return type == StreamType::json ? "application/json" : "application/octet-stream";
}

EventBody::EventBody(StreamType type, std::size_t size, std::size_t lanes, std::uint64_t first)
    : type_(type),
      head_size_((type == StreamType::json ? 1 : 0) + kBeforeNumber.size() + kDigits),
      rest_size_(size - kBeforeNumber.size() - kDigits),
      next_(lanes) {
  for (std::size_t i = 0; i < lanes; ++i) next_[i] = first + i;
  write_expected();
}

void EventBody::begin() {
  if (have_ + rest_ != 0) throw BenchError("an answer begins inside an event");
  first_ = true;
  closed_ = false;
  if (type_ == StreamType::json) expected_[0] = '[';
}

void EventBody::end() {
  if (have_ + rest_ != 0) throw BenchError("an answer ends inside an event");
  if (type_ == StreamType::json && !closed_) throw BenchError("an answer's array has no end");
}

void EventBody::take(std::string_view piece) {
  while (!piece.empty()) {
    if (rest_ != 0) {
      const auto some = std::min(rest_, piece.size());
      rest_ -= some;
      piece.remove_prefix(some);
    } else if (have_ == 0 && piece.size() >= head_size_) {
      check(piece.data());
      piece.remove_prefix(head_size_);
    } else if (array_ends(piece.front())) {
      piece.remove_prefix(1);
    } else {
      head_[have_++] = piece.front();
      piece.remove_prefix(1);
      if (have_ < head_size_) continue;
      have_ = 0;
      check(head_.data());
    }
  }
}

// The bracket after the last event, or right after the first bracket.
bool EventBody::array_ends(char c) {
  if (type_ != StreamType::json || c != ']' || closed_) return false;
  const bool empty = have_ == 1 && head_[0] == '[' && first_;
  if (!empty && (have_ != 0 || first_)) return false;
  have_ = 0;
  closed_ = true;
  return true;
}

void EventBody::check(const char* head) {
  if (closed_) throw BenchError("an answer goes on after its array");
  if (next_.size() > 1) {
    check_lane(head);
  } else {
    if (std::memcmp(head, expected_.data(), head_size_) != 0) wrong(head);
    ++next_.front();
    char* digit = expected_.data() + head_size_ - 1;
    for (; *digit == '9'; --digit) *digit = '0';
    ++*digit;
  }
  if (type_ == StreamType::json) expected_[0] = ',';
  first_ = false;
  ++count_;
  rest_ = rest_size_;
}

void EventBody::check_lane(const char* head) {
  if (std::memcmp(head, expected_.data(), head_size_ - kDigits) != 0) wrong(head);
  std::uint64_t number = 0;
  for (const char* at = head + head_size_ - kDigits; at != head + head_size_; ++at) {
    number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  auto& next = next_[number % next_.size()];
  if (number != next) wrong(head);
  next += next_.size();
}

void EventBody::write_expected() {
  std::string text(type_ == StreamType::json ? "[" : "");
  text.append(kBeforeNumber);
  const auto digits = std::to_string(next_.front());
  text.append(kDigits - std::min(kDigits, digits.size()), '0').append(digits);
  std::ranges::copy(text, expected_.begin());
}

void EventBody::wrong(const char* head) const {
  const std::string_view seen(head, head_size_);
  const auto before = head_size_ - kDigits;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(head + before, head + head_size_, number);
  if (!seen.starts_with(std::string_view(expected_.data(), before)) || error != std::errc() ||
      end != head + head_size_) {
    throw BenchError("something else came where an event was due: " + quoted(seen));
  }
  const auto due = next_[number % next_.size()];
  throw BenchError((number > due ? "a gap: event " : "a doubled event: ") + std::to_string(number) +
                   " came where " + std::to_string(due) + " was due");
}

// ---- EventStream ----

void EventStream::take(std::string_view piece) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    const auto part = piece.substr(0, end);
    if (end == std::string_view::npos) {
      line_.append(part);
      return;
    }
    if (line_.empty()) {
      line(part);
    } else {
      line_.append(part);
      line(line_);
      line_.clear();
    }
    piece.remove_prefix(end + 1);
  }
}

void EventStream::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return dispatch();
  const auto colon = std::min(text.find(':'), text.size());
  const auto field = text.substr(0, colon);
  auto value = text.substr(std::min(colon + 1, text.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (kind_ == Kind::data) return body_.take(value);
    if (kind_ == Kind::control) return control(value);
    throw BenchError("data of no event: " + quoted(value));
  }
  if (field == "event") begin(value);
}

void EventStream::begin(std::string_view kind) {
  if (kind == "data") {
    kind_ = Kind::data;
    return body_.begin();
  }
  if (kind == "gap") throw BenchError("the server tells of a gap");
  kind_ = kind == "control" ? Kind::control : Kind::other;
}

void EventStream::control(std::string_view text) {
  constexpr std::string_view name = "\"streamNextOffset\":\"";
  up_to_date_ = text.find("\"upToDate\":true") != std::string_view::npos;
  const auto at = text.find(name);
  if (at == std::string_view::npos) throw BenchError("a control event without a position");
  const auto value = text.substr(at + name.size());
  position_.assign(value.substr(0, value.find('"')));
}

void EventStream::dispatch() {
  if (kind_ == Kind::data) body_.end();
  if (kind_ == Kind::control) ++controls_;
  kind_ = Kind::none;
}

}  // namespace tidemark::tools::bench
