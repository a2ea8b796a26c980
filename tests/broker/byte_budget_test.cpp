// A budget that shares take from and give back to.
// tests/: broker/limits/byte_budget.
#include "broker/limits/byte_budget.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

TEST(ByteBudget, IsNeverExceededByAllTogether) {
  ByteBudget budget(100);
  ByteShare first(budget);
  ByteShare second(budget);
  EXPECT_TRUE(first.hold(60));
  EXPECT_FALSE(second.hold(41));
  EXPECT_TRUE(second.hold(40));
  EXPECT_FALSE(first.hold(61));
  EXPECT_EQ(budget.held(), 100U) << "a refusal changes nothing";
}

TEST(ByteBudget, GetsBackWhatIsHeldNoMore) {
  ByteBudget budget(100);
  ByteShare other(budget);
  {
    ByteShare share(budget);
    EXPECT_TRUE(share.hold(100));
    EXPECT_TRUE(share.hold(10));
    EXPECT_TRUE(other.hold(90));
  }
  EXPECT_EQ(budget.held(), 90U);
  EXPECT_TRUE(other.hold(100));
  EXPECT_FALSE(other.hold(static_cast<std::size_t>(-1)));
}

}  // namespace
}  // namespace tidemark::broker
