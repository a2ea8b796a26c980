// An offset or a time, as people type them.
// tools/inspect/: see source.hpp.
#include <algorithm>
#include <charconv>
#include <chrono>

#include "tools/inspect/source.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

// Milliseconds since 1970 are thirteen digits from 2001 on; nobody has so many events in a topic.
constexpr std::uint64_t kFirstTime = 1'000'000'000'000;

std::optional<std::uint64_t> number_in(const std::string& text) {
  const bool digits =
      !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  std::uint64_t number = 0;
  if (!digits) return std::nullopt;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<PlaceText> parse_place(const std::string& text, Timestamp now) {
  if (const auto number = number_in(text); number && *number < kFirstTime) {
    return PlaceText{.offset = Offset{*number}, .time = std::nullopt};
  }
  const auto time = parse_time(text, now);
  if (!time) return std::nullopt;
  return PlaceText{.offset = std::nullopt, .time = time};
}

std::string check_place(const std::string& text) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const Timestamp ms{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
  return parse_place(text, ms)
             ? ""
             : "neither an offset nor a time like 2026-11-22T17:20:00Z, 10m or 3d: " + text;
}

}  // namespace tidemark::tools
