// Reading and printing times, without the C library's silent leniency.
// tools/: see times.hpp.
#include "tools/times.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace tidemark::tools {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMost = std::int64_t{1} << 53;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes `digits` digits from the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int out = 0;
  for (const char c : text.substr(0, digits)) {
    if (!is_digit(c)) return std::nullopt;
    out = out * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return out;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> take_date(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * kDay;
}

/// ".5" as 500; nothing there is 0.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, ".")) return 0;
  std::int64_t out = 0;
  std::int64_t unit = 100;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    out += unit * (text.front() - '0');
    unit /= 10;
  }
  return out;
}

std::optional<std::int64_t> take_clock(std::string_view& text, bool seconds) {
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::int64_t out = *hours * kHour + *minutes * kMinute;
  if (!seconds) return out;
  if (!take(text, ":")) return std::nullopt;
  const auto whole = take_number(text, 2);
  const auto fraction = take_fraction(text);
  if (!whole || *whole > 60 || !fraction) return std::nullopt;
  return out + *whole * kSecond + *fraction;
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  if (text.empty()) return Timestamp{*date};
  if (!take(text, "Tt ")) return std::nullopt;
  const auto clock = take_clock(text, true);
  if (!clock) return std::nullopt;
  std::int64_t out = *date + *clock;
  if (!take(text, "Zz")) {
    // Without a zone it could be anybody's noon.
    const bool east = !text.empty() && text.front() == '+';
    if (!take(text, "+-")) return std::nullopt;
    const auto zone = take_clock(text, false);
    if (!zone) return std::nullopt;
    out += east ? -*zone : *zone;
  }
  if (!text.empty()) return std::nullopt;
  return Timestamp{out};
}

std::optional<std::int64_t> unit_of(std::string_view name) {
  if (name == "ms") return 1;
  if (name == "s") return kSecond;
  if (name == "m") return kMinute;
  if (name == "h") return kHour;
  if (name == "d") return kDay;
  if (name == "w") return 7 * kDay;
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
  std::int64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || !is_digit(text.front())) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    std::size_t letters = 0;
    while (letters < text.size() && !is_digit(text[letters])) ++letters;
    const auto unit = unit_of(text.substr(0, letters));
    if (!unit || count > kMost / *unit || total > kMost - count * *unit) return std::nullopt;
    text.remove_prefix(letters);
    total += count * *unit;
  }
  return total;
}

std::optional<Timestamp> parse_time(std::string_view text, Timestamp now) {
  if (const auto ago = parse_duration_ms(text))
    return Timestamp{std::max<std::int64_t>(0, now.ms - *ago)};
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && end == text.data() + text.size()) {
    if (ms < 0 || ms >= kMost) return std::nullopt;
    return Timestamp{ms};
  }
  const auto time = parse_rfc3339(text);
  if (!time || time->ms < 0) return std::nullopt;
  return time;
}

std::string local_time(Timestamp time) {
  const auto seconds = static_cast<std::time_t>(time.ms / kSecond);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> out{};
  const auto length = std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::snprintf(out.data() + length, out.size() - length, ".%03d",
                static_cast<int>(time.ms % kSecond));
  return out.data();
}

}  // namespace tidemark::tools
