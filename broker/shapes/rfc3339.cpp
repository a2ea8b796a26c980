// Dates as text (RFC 3339), both ways.
// broker/shapes/: see rfc3339.hpp.
#include "broker/shapes/rfc3339.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace tidemark::broker {

namespace chrono = std::chrono;

namespace {

constexpr chrono::sys_time<chrono::milliseconds> kLast =
    chrono::sys_days(chrono::year(10'000) / 1 / 1) - chrono::milliseconds(1);

/// Takes what it reads off the front of a text; once it has met something else it stays failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Exactly `count` digits.
  int number(std::size_t count) {
    if (rest_.size() < count) return fail();
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool skip(char mark) {
    if (rest_.empty() || rest_.front() != mark) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char mark) {
    if (!skip(mark)) fail();
  }
  /// Either case of a letter.
  bool skip_letter(char upper) { return skip(upper) || skip(static_cast<char>(upper - 'A' + 'a')); }
  /// Decimals of a second, if there are any.
  chrono::milliseconds fraction() {
    if (!skip('.')) return {};
    const auto end = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (end == 0) fail();
    int ms = 0;
    for (std::size_t i = 0; i < 3; ++i) ms = ms * 10 + (i < end ? rest_[i] - '0' : 0);
    rest_.remove_prefix(end);
    return chrono::milliseconds(ms);
  }
  int fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

struct Written {
  chrono::year_month_day day;
  int hour = 0;
  int minute = 0;
  int second = 0;
  chrono::milliseconds fraction{};
  chrono::minutes offset{};  ///< of local time to UTC
};

chrono::minutes read_offset(Reader& in) {
  if (in.skip_letter('Z')) return {};
  const bool behind = in.skip('-');
  if (!behind) in.expect('+');
  const int hours = in.number(2);
  in.expect(':');
  const int minutes = in.number(2);
  if (hours > 23 || minutes > 59) in.fail();
  const auto offset = chrono::hours(hours) + chrono::minutes(minutes);
  return behind ? -offset : offset;
}

std::optional<Written> read(std::string_view text) {
  Reader in(text);
  Written out;
  const int year = in.number(4);
  in.expect('-');
  const int month = in.number(2);
  in.expect('-');
  const int day = in.number(2);
  out.day = chrono::year(year) / month / day;
  if (!in.skip_letter('T')) in.fail();
  out.hour = in.number(2);
  in.expect(':');
  out.minute = in.number(2);
  in.expect(':');
  out.second = in.number(2);
  out.fraction = in.fraction();
  out.offset = read_offset(in);
  const bool in_range = out.day.ok() && out.hour < 24 && out.minute < 60 && out.second <= 60;
  if (!in.done() || !in_range) return std::nullopt;
  return out;
}

/// Is the second after `minute`, a minute of UTC, one that leap seconds are put into?
bool may_leap(chrono::sys_time<chrono::minutes> minute) {
  const auto next = minute + chrono::minutes(1);
  const auto midnight = chrono::floor<chrono::days>(next);
  const chrono::year_month_day day(midnight);
  return next == midnight && day.day() == chrono::day(1) &&
         (day.month() == chrono::July || day.month() == chrono::January);
}

}  // namespace

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  const auto written = read(text);
  if (!written) return std::nullopt;
  const auto minute = chrono::sys_days(written->day) + chrono::hours(written->hour) +
                      chrono::minutes(written->minute) - written->offset;
  if (written->second == 60 && !may_leap(minute)) return std::nullopt;
  const chrono::sys_time<chrono::milliseconds> time =
      minute + chrono::seconds(written->second) + written->fraction;
  if (time > kLast) return std::nullopt;  // by its offset only: years have four digits
  return Timestamp{std::max<std::int64_t>(time.time_since_epoch().count(), 0)};
}

std::string to_rfc3339(Timestamp time) {
  const auto at = std::clamp(chrono::sys_time<chrono::milliseconds>(chrono::milliseconds(time.ms)),
                             chrono::sys_time<chrono::milliseconds>{}, kLast);
  const auto midnight = chrono::floor<chrono::days>(at);
  const chrono::year_month_day day(midnight);
  const chrono::hh_mm_ss clock(at - midnight);
  char text[40];  // NOLINT: filled by snprintf
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(day.year()),
      static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

}  // namespace tidemark::broker
