// How far a deadline is moved by what comes.
// tests/: broker/limits/slowest_rate.
#include "broker/limits/slowest_rate.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr Time at(int ms) { return Time(milliseconds(ms)); }
constexpr milliseconds kPause(30'000);

TEST(SlowestRate, AKibibyteWinsASecond) {
  EXPECT_EQ(prolonged(at(10'000), 1024, at(0), kPause), at(11'000));
  EXPECT_EQ(prolonged(at(10'000), 512, at(0), kPause), at(10'500));
}

TEST(SlowestRate, AByteWinsNothing) {
  EXPECT_EQ(prolonged(at(10'000), 1, at(9'000), kPause), at(10'000));
}

TEST(SlowestRate, MuchAtOnceWinsNoMoreThanAPause) {
  EXPECT_EQ(prolonged(at(10'000), 8 << 20, at(1'000), kPause), at(31'000));
}

TEST(SlowestRate, WhoIsThatSlowArrives) {
  auto by = at(10'000);
  int now = 0;
  for (int kib = 0; kib < 1024; ++kib, now += 1'000) {
    ASSERT_LT(at(now), by) << kib << " KiB";
    by = prolonged(by, 1024, at(now), kPause);
  }
}

}  // namespace
}  // namespace tidemark::broker
