// Lineages of a log and of a file, side by side.
// tests/tools/: see tools/transfer/import_history.hpp.
#include "tools/transfer/import_history.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

using Lineage = std::vector<storage::EpochStart>;

const Lineage kFile{{{10}, {1}}, {{20}, {41}}};

Kinship kinship(const Lineage& there, Offset head, Offset file_head, const Lineage& imported) {
  return kinship_of({there, head}, {kFile, file_head}, imported);
}
bool may_be(const Lineage& there, Offset head, Offset file_head) {
  return may_be_one({there, head}, {kFile, file_head});
}

TEST(ImportHistory, ABeginningIsOfTheSameHistory) {
  const Lineage begun{{{10}, {1}}};
  EXPECT_TRUE(may_be(begun, {20}, {60}));
  EXPECT_EQ(kinship(begun, {20}, {60}, begun), Kinship::as_imported);
  EXPECT_EQ(kinship(begun, {20}, {60}, {}), Kinship::as_written);
  EXPECT_EQ(kinship(kFile, {50}, {60}, kFile), Kinship::as_imported);
}

TEST(ImportHistory, WhoGoesOnWhereTheOtherBeganAnEpochIsOfAnother) {
  const Lineage begun{{{10}, {1}}};
  EXPECT_FALSE(may_be(begun, {45}, {60}));
  EXPECT_EQ(kinship(begun, {45}, {60}, kFile), Kinship::none);
  const Lineage earlier{{{10}, {1}}, {{20}, {39}}};
  EXPECT_TRUE(may_be(earlier, {45}, {60})) << "by the epochs' numbers alone";
  EXPECT_EQ(kinship(earlier, {45}, {60}, kFile), Kinship::none);
  EXPECT_FALSE(may_be({{{11}, {1}}}, {20}, {60}));
}

TEST(ImportHistory, AnEpochThatHasBegunBehindTheEndHasToBeTheOthersToo) {
  EXPECT_EQ(kinship(kFile, {40}, {60}, {{{10}, {1}}}), Kinship::as_imported);
  const Lineage other{{{10}, {1}}, {{15}, {41}}};
  EXPECT_FALSE(may_be(other, {40}, {60}));
  EXPECT_EQ(kinship(other, {40}, {60}, {{{10}, {1}}}), Kinship::none);
  // The file has nothing that would have to follow it.
  EXPECT_EQ(kinship({{{10}, {1}}, {{20}, {41}}, {{30}, {61}}}, {60}, {60}, kFile),
            Kinship::as_imported);
}

TEST(ImportHistory, WhatIsThereMayHaveMore) {
  const Lineage more{{{10}, {1}}, {{20}, {41}}, {{30}, {70}}};
  EXPECT_TRUE(may_be(more, {90}, {60}));
  EXPECT_EQ(kinship(more, {90}, {60}, kFile), Kinship::as_imported);
}

TEST(ImportHistory, EpochsThatAnImportHasMadeBehindHolesAreItsOwn) {
  const Lineage holed{{{10}, {1}}, {{12}, {31}}, {{20}, {41}}};
  EXPECT_TRUE(may_be(holed, {50}, {60}));
  EXPECT_EQ(kinship(holed, {50}, {60}, holed), Kinship::as_imported);
  EXPECT_EQ(kinship(holed, {50}, {60}, kFile), Kinship::none);
  EXPECT_EQ(kinship(kFile, {50}, {60}, holed), Kinship::as_written) << "there the hole is filled";
}

TEST(ImportHistory, TheTextHasTheLastEpochs) {
  EXPECT_EQ(text_of(HistoryView{kFile, {60}}), "10 from 1, 20 from 41, up to 60");
  const Lineage many{{{1}, {1}}, {{2}, {2}}, {{3}, {3}}, {{4}, {4}}, {{5}, {5}}};
  EXPECT_EQ(text_of(HistoryView{many, {5}}), "… 2 from 2, 3 from 3, 4 from 4, 5 from 5, up to 5");
}

}  // namespace
}  // namespace tidemark::tools
