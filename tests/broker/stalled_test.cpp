// When a stalled client's copy is worth making.
// tests/: broker/stalled.
#include "broker/stalled.hpp"

#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

constexpr std::size_t kRest = std::size_t{64} << 10;
constexpr std::size_t kSegment = std::size_t{1} << 20;

TEST(Stalled, ALoneHolderCopiesWhatIsLeftAndFreesTheSegment) {
  EXPECT_TRUE(copies_free_memory(1, kRest, kSegment));
  EXPECT_TRUE(copies_free_memory(1, 0, 1)) << "nothing is left to be sent of it";
}

TEST(Stalled, ManyHoldersKeepWhatTheyShare) {
  EXPECT_TRUE(copies_free_memory(15, kRest, kSegment));
  EXPECT_FALSE(copies_free_memory(16, kRest, kSegment));
  EXPECT_FALSE(copies_free_memory(10'000, kRest, kSegment));
}

TEST(Stalled, ASegmentThatIsSentWholeIsKept) { EXPECT_FALSE(copies_free_memory(1, kRest, kRest)); }

}  // namespace
}  // namespace tidemark::broker
