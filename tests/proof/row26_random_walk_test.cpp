// Row 26: random operations, crashes and faults by seed, and the control that must be caught.
// tests/proof/: a failure prints its seed; TIDEMARK_SEED=… walks it again.
#include <iostream>

#include <gtest/gtest.h>

#include "figures.hpp"
#include "random_walk.hpp"

namespace tidemark::proof {
namespace {

constexpr std::uint64_t kSteps = 150;

TEST(Row26RandomWalk, KeepsEveryPromiseOverRandomOperationsAndFaults) {
  const std::uint64_t first = first_seed();
  // One that is given is walked alone, unless it is said how many from it on.
  const bool alone = !environment("TIDEMARK_SEED").empty() && environment("TIDEMARK_PROOF").empty();
  const std::uint64_t seeds = alone ? 1 : how_many(10, 1'000);
  std::cout << "seeds from " << first << " on\n";
  WalkFigures totals;
  std::uint64_t violations = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    std::cout << "seed " << seed << std::endl;  // NOLINT: it must be seen even if this one aborts
    RandomWalk walk(seed, kSteps);
    const std::string wrong = walk.run();
    totals += walk.figures();
    if (wrong.empty()) continue;
    ++violations;
    ADD_FAILURE() << wrong << "\nTIDEMARK_SEED=" << seed << " walks it again";
  }
  tell_figures(26,
               {{"seeds", seeds},
                {"violations", violations},
                {"operations", totals.operations},
                {"acknowledged", totals.acknowledged},
                {"lost", totals.lost},
                {"unknown", totals.unknown},
                {"unknown_but_there", totals.unknown_but_there},
                {"crashes", totals.crashes},
                {"faults", totals.faults},
                {"openings_refused", totals.openings_refused},
                {"duplicates_answered", totals.duplicates},
                {"buffered_lost", totals.buffered_lost}},
               first, violations == 0);
}

TEST(Row26RandomWalk, ADiskThatLiesAboutSyncIsCaught) {
  const std::uint64_t first = first_seed();
  std::uint64_t caught = 0;
  constexpr std::uint64_t kSeeds = 5;
  for (std::uint64_t seed = first; seed < first + kSeeds; ++seed) {
    RandomWalk walk(seed, kSteps);
    walk.lie_about_sync();
    if (!walk.run().empty()) ++caught;
  }
  EXPECT_EQ(caught, kSeeds) << "seeds from " << first;
}

}  // namespace
}  // namespace tidemark::proof
