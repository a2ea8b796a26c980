// Lines in batches from a pipe.
// tests/tools/: see tools/line_batches.hpp.
#include "tools/line_batches.hpp"

#include <string_view>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using Outcome = LineBatches::Outcome;

class LineBatchesTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::pipe(fds_), 0); }
  void TearDown() override {
    ::close(fds_[0]);
    if (fds_[1] >= 0) ::close(fds_[1]);
  }
  void write(std::string_view text) const {
    ASSERT_EQ(::write(fds_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void finish() {
    ::close(fds_[1]);
    fds_[1] = -1;
  }
  LineBatches make(BatchLimits limits) const {
    return LineBatches(fds_[0], limits, [] { return false; });
  }

  int fds_[2] = {-1, -1};
  std::vector<std::string> batch;
};

TEST_F(LineBatchesTest, TakesWhatIsThereAndWaitsForNoMore) {
  auto lines = make({});
  write("a\nb\nhalf");
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("a", "b"));
  write(" a line\n");
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("half a line"));
  EXPECT_EQ(lines.first_line(), 3U);
}

TEST_F(LineBatchesTest, ALastLineWithoutALineFeedCounts) {
  auto lines = make({});
  write("a\nlast");
  finish();
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("a"));
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("last"));
  EXPECT_EQ(lines.next(batch), Outcome::end);
  EXPECT_EQ(lines.bytes_read(), 6U);
}

TEST_F(LineBatchesTest, KeepsBytesAsTheyAre) {
  auto lines = make({});
  write(std::string_view("\0\r\n\xff\n", 5));
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre(std::string("\0\r", 2), "\xff"));
}

TEST_F(LineBatchesTest, ABatchEndsAtItsLimits) {
  auto by_lines = make({.lines = 2});
  write("1\n2\n3\n4\n5\n");
  EXPECT_EQ(by_lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("1", "2"));
  EXPECT_EQ(by_lines.next(batch), Outcome::batch);
  EXPECT_EQ(by_lines.first_line(), 3U);
  auto by_bytes = make({.bytes = 3});
  write("aa\nbb\ncc\n");
  EXPECT_EQ(by_bytes.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("aa", "bb"));
}

TEST_F(LineBatchesTest, ExactBatchesAreFilledButForTheLast) {
  auto lines = make({.lines = 3, .bytes = 1, .exact = true});
  write("1\n2\n");
  write("3\n4\n");
  finish();
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("1", "2", "3"));
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("4"));
  EXPECT_EQ(lines.next(batch), Outcome::end);
}

TEST_F(LineBatchesTest, SkipsEmptyLinesButCountsThem) {
  auto lines = make({.skip_empty = true});
  write("\n\na\n\nb\n\n");
  finish();
  EXPECT_EQ(lines.next(batch), Outcome::batch);
  EXPECT_THAT(batch, ElementsAre("a", "b"));
  EXPECT_EQ(lines.first_line(), 3U);
  EXPECT_EQ(lines.next(batch), Outcome::end);
}

TEST_F(LineBatchesTest, ALineBeyondTheLimitIsTold) {
  auto lines = make({.line_bytes = 10});
  write("this is too long");
  EXPECT_EQ(lines.next(batch), Outcome::too_long);
}

TEST_F(LineBatchesTest, AnUnreadableDescriptorIsTold) {
  LineBatches lines(-1, {}, [] { return false; });
  EXPECT_EQ(lines.next(batch), Outcome::failed);
}

}  // namespace
}  // namespace tidemark::tools
