// The line that says how far long work has come.
// tests/tools/: see tools/inspect/progress_bar.hpp.
#include "tools/inspect/progress_bar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/types.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMiB = 1 << 20;

TEST(ProgressLine, SaysPartRateTimeLeftAndPlace) {
  const auto line = progress_line({.what = "verifying",
                                   .done = 45 * kMiB,
                                   .total = 100 * kMiB,
                                   .since = milliseconds(1000),
                                   .detail = "orders"},
                                  80);
  EXPECT_EQ(line, "verifying   45% ████▌       45 MiB/s  2 s left  orders");
}

TEST(ProgressLine, IsNeverWiderThanItMayBe) {
  for (std::size_t width = 0; width < 120; ++width) {
    for (const std::uint64_t total : {std::uint64_t{0}, 100 * kMiB}) {
      const auto line = progress_line({.what = "verifying",
                                       .done = 45 * kMiB,
                                       .total = total,
                                       .since = milliseconds(5000),
                                       .detail = "a/topic/with/a/long/name/世界"},
                                      width);
      EXPECT_LE(characters(line), width);
      EXPECT_TRUE(valid_utf8(line)) << line;
    }
  }
}

TEST(ProgressLine, WithoutATotalThereIsOnlyTheRate) {
  EXPECT_EQ(progress_line({.what = "reading", .done = 3 * kMiB, .since = milliseconds(2000)}, 80),
            "reading  1.5 MiB/s");
}

TEST(ProgressLine, ARateIsNotGuessedAtTheBeginning) {
  const auto line = progress_line(
      {.what = "reading", .done = kMiB, .total = 2 * kMiB, .since = milliseconds(1)}, 80);
  EXPECT_THAT(line, Not(HasSubstr("/s")));
  EXPECT_THAT(line, Not(HasSubstr("left")));
  EXPECT_THAT(progress_line({.what = "reading"}, 80), "reading");
}

TEST(ProgressLine, EndsAtTheTotalAndNotBefore) {
  const ProgressView nearly{.what = "w", .done = 999, .total = 1000, .since = milliseconds(1)};
  EXPECT_THAT(progress_line(nearly, 80), HasSubstr(" 99%"));
  const ProgressView done{.what = "w", .done = 1000, .total = 1000, .since = milliseconds(5000)};
  EXPECT_THAT(progress_line(done, 80), HasSubstr("100%"));
  EXPECT_THAT(progress_line(done, 80), Not(HasSubstr("left")));
  const ProgressView beyond{.what = "w", .done = 3000, .total = 1000, .since = milliseconds(1)};
  EXPECT_THAT(progress_line(beyond, 80), HasSubstr("100%"));
}

TEST(ProgressLine, LongTimesAreInMinutesAndHours) {
  ProgressView view{.what = "w", .done = 1, .total = 301, .since = milliseconds(1000)};
  EXPECT_THAT(progress_line(view, 80), HasSubstr("6 min left"));
  view.total = 36'001;
  EXPECT_THAT(progress_line(view, 80), HasSubstr("11 h left"));
}

TEST(ProgressLine, NothingInADetailSteersTheTerminal) {
  const auto line = progress_line({.what = "w", .detail = "\x1b[2Jx\r\n"}, 80);
  EXPECT_EQ(line, "w  \\x1b[2Jx\\r\\n");
}

TEST(ProgressBar, DrawsNothingWhereThereIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  {
    ProgressBar bar("working", 10);
    bar.at(5, "x");
    bar.clear();
    bar.at(10);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace tidemark::tools
