// Times as people write them.
// tests/tools/: see tools/times.hpp.
#include "tools/times.hpp"

#include <cstdlib>
#include <ctime>

#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

constexpr Timestamp kNow{1'795'368'000'000};  // 2026-11-22T17:20:00Z

std::int64_t parsed(std::string_view text) {
  const auto time = parse_time(text, kNow);
  return time ? time->ms : -1;
}

TEST(Times, ReadsRfc3339) {
  EXPECT_EQ(parsed("2026-11-22T17:20:00Z"), kNow.ms);
  EXPECT_EQ(parsed("2026-11-22 17:20:00z"), kNow.ms);
  EXPECT_EQ(parsed("2026-11-22T18:20:00+01:00"), kNow.ms);
  EXPECT_EQ(parsed("2026-11-22T09:50:00-07:30"), kNow.ms);
  EXPECT_EQ(parsed("2026-11-22T17:20:00.25Z"), kNow.ms + 250);
  EXPECT_EQ(parsed("2026-11-22T17:20:00.123456789Z"), kNow.ms + 123);
  EXPECT_EQ(parsed("1970-01-01"), 0);
  EXPECT_EQ(parsed("2024-02-29"), 1'709'164'800'000);
}

TEST(Times, ReadsMillisecondsAndTimesAgo) {
  EXPECT_EQ(parsed("1795368000000"), kNow.ms);
  EXPECT_EQ(parsed("0"), 0);
  EXPECT_EQ(parsed("90s"), kNow.ms - 90'000);
  EXPECT_EQ(parsed("10m"), kNow.ms - 600'000);
  EXPECT_EQ(parsed("2h"), kNow.ms - 7'200'000);
  EXPECT_EQ(parsed("3d"), kNow.ms - 259'200'000);
  EXPECT_EQ(parsed("1w"), kNow.ms - 604'800'000);
  EXPECT_EQ(parsed("1h30m"), kNow.ms - 5'400'000);
  EXPECT_EQ(parsed("100000d"), 0) << "before 1970 is 1970";
}

TEST(Times, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "soon", "10x", "m", "-5m", "1.5h", "2026", "2026-13-01T00:00:00Z", "2023-02-29",
        "2026-11-22T25:00:00Z", "2026-11-22T17:20:00", "2026-11-22T17:20Z", "2026-11-22T17:20:00Zx",
        "2026-11-22T17:20:00.Z", "1969-12-31", "99999999999999999999", "9007199254740992",
        "99999999999999999d", "-1"}) {
    if (text == "2026") continue;  // milliseconds, however unlikely
    EXPECT_EQ(parsed(text), -1) << text;
  }
}

TEST(Times, DurationsAddUp) {
  EXPECT_EQ(parse_duration_ms("500ms"), 500);
  EXPECT_EQ(parse_duration_ms("1m500ms"), 60'500);
  EXPECT_EQ(parse_duration_ms("0s"), 0);
  EXPECT_EQ(parse_duration_ms("5"), std::nullopt);
  EXPECT_EQ(parse_duration_ms("s5"), std::nullopt);
}

TEST(Times, PrintsLocalTimeWithMilliseconds) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(local_time({kNow.ms + 7}), "2026-11-22 17:20:00.007");
}

}  // namespace
}  // namespace tidemark::tools
