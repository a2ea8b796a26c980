// Segment: appending, reading, frames.
// tests/: unit.
#include "storage/segment.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/storage_fixture.hpp"

namespace tidemark::storage {
namespace {

using testing::batch_value;
using testing::topic_name;

constexpr TopicId kTopic{7};
constexpr Epoch kEpoch{99};

std::shared_ptr<const TopicFramers> framers() {
  return std::make_shared<const TopicFramers>(topic_name("t"), "application/json");
}

BatchView view_of(const std::string& value, Offset first) {
  return BatchView::parse(kTopic, first, value).value();
}

TEST(Segment, GivesBackWhatWasAppended) {
  Segment segment(framers(), kEpoch, Offset{5}, {.record_bytes = 1000, .events = 10});
  const auto one = batch_value(kTopic, kEpoch, Offset{5}, Timestamp{1}, {"1", "22"});
  const auto two = batch_value(kTopic, kEpoch, Offset{7}, Timestamp{2}, {"333"});
  ASSERT_TRUE(segment.append(view_of(one, Offset{5})));
  ASSERT_TRUE(segment.append(view_of(two, Offset{7})));
  EXPECT_EQ(segment.end(), Offset{8});
  EXPECT_EQ(segment.event(Offset{6}).data, "22");
  EXPECT_EQ(segment.event(Offset{6}).time, Timestamp{1});
  EXPECT_EQ(segment.event(Offset{7}).data, "333");
  EXPECT_EQ(segment.event(Offset{7}).time, Timestamp{2});
  EXPECT_EQ(segment.event(Offset{7}).offset, Offset{7});
}

TEST(Segment, FramesEndBeforeTheEventTheyAreToEndBefore) {
  Segment segment(framers(), kEpoch, Offset{1}, {.record_bytes = 1000, .events = 10});
  const auto batch = batch_value(kTopic, kEpoch, Offset{1}, Timestamp{1}, {"1", "2", "3", "4"});
  ASSERT_TRUE(segment.append(view_of(batch, Offset{1})));
  const FrameRun all = segment.frames(FrameForm::json, Offset{2}, 1000);
  const FrameRun two = segment.frames(FrameForm::json, Offset{2}, 1000, Offset{4});
  EXPECT_EQ(all.offsets, (OffsetRange{Offset{2}, Offset{5}}));
  EXPECT_EQ(two.offsets, (OffsetRange{Offset{2}, Offset{4}}));
  EXPECT_EQ(two.data, all.data);
  EXPECT_LT(two.bytes, all.bytes);
  EXPECT_EQ(segment.frames(FrameForm::json, Offset{2}, 1, Offset{4}).offsets,
            (OffsetRange{Offset{2}, Offset{3}}));
  EXPECT_EQ(segment.frames(FrameForm::json, Offset{3}, 1000, Offset{9}).offsets.end, Offset{5});
}

TEST(Segment, TakesABatchWholeOrNotAtAll) {
  Segment few(framers(), kEpoch, Offset{1}, {.record_bytes = 1000, .events = 2});
  const auto three = batch_value(kTopic, kEpoch, Offset{1}, Timestamp{1}, {"1", "2", "3"});
  EXPECT_FALSE(few.append(view_of(three, Offset{1})));
  EXPECT_EQ(few.end(), Offset{1});
  Segment small(framers(), kEpoch, Offset{1}, {.record_bytes = 5, .events = 10});
  EXPECT_FALSE(small.append(view_of(three, Offset{1})));
  EXPECT_EQ(small.end(), Offset{1});
}

TEST(Segment, FramesAreTheFramersBytesOneAfterAnother) {
  const auto shared = framers();
  Segment segment(shared, kEpoch, Offset{1}, {.record_bytes = 10'000, .events = 100});
  std::vector<std::string> payloads;
  for (int i = 0; i < 40; ++i)
    payloads.push_back(std::string(static_cast<std::size_t>(i) + 1, '7'));
  const auto value = batch_value(kTopic, kEpoch, Offset{1}, Timestamp{3}, payloads);
  ASSERT_TRUE(segment.append(view_of(value, Offset{1})));
  for (const FrameForm form :
       {FrameForm::json, FrameForm::binary, FrameForm::body, FrameForm::sse, FrameForm::event}) {
    std::string expected;
    for (std::uint64_t o = 4; o < 41; ++o) {
      const EventView event = segment.event(Offset{o});
      std::string frame(shared->of(form).size(event), '\0');
      shared->of(form).write(event, frame.data());
      expected += frame;
    }
    std::string got;
    Offset next{4};
    while (next < segment.end()) {
      const FrameRun run = segment.frames(form, next, 300);
      ASSERT_EQ(run.offsets.first, next);
      ASSERT_GT(run.offsets.end, next);
      if (run.offsets.count() > 1) {
        EXPECT_LE(run.bytes, 300U);
      }
      got.append(run.data, run.bytes);
      next = run.offsets.end;
    }
    EXPECT_EQ(got, expected);
  }
}

TEST(Segment, AFrameLargerThanTheLimitComesAlone) {
  Segment segment(framers(), kEpoch, Offset{1}, {.record_bytes = 10'000, .events = 10});
  const auto value = batch_value(kTopic, kEpoch, Offset{1}, Timestamp{3},
                                 {"\"" + std::string(2000, 'x') + "\"", "1"});
  ASSERT_TRUE(segment.append(view_of(value, Offset{1})));
  const FrameRun run = segment.frames(FrameForm::json, Offset{1}, 64);
  EXPECT_EQ(run.offsets, (OffsetRange{Offset{1}, Offset{2}}));
  EXPECT_GT(run.bytes, 2000U);
}

TEST(Segment, MemoryCountsTheFramesReadersAskedFor) {
  Segment segment(framers(), kEpoch, Offset{1}, {.record_bytes = 10'000, .events = 10});
  const auto value = batch_value(kTopic, kEpoch, Offset{1}, Timestamp{3}, {"1", "2"});
  ASSERT_TRUE(segment.append(view_of(value, Offset{1})));
  const std::size_t before = segment.memory();
  const FrameRun run = segment.frames(FrameForm::json, Offset{1}, 1000);
  EXPECT_GE(segment.memory(), before + run.bytes);
}

TEST(Segment, ReadersSeeWholeBatchesWhileOneAppends) {
  constexpr std::uint32_t kBatches = 2000;
  Segment segment(framers(), kEpoch, Offset{1},
                  {.record_bytes = kBatches * 3 * 10, .events = kBatches * 3});
  std::atomic<bool> wrong{false};
  std::atomic<bool> done{false};
  const auto reader = [&](FrameForm form) {
    Offset next{1};
    while (!done || next < segment.end()) {
      const Offset end = segment.end();
      if ((end.value - 1) % 3 != 0) wrong = true;
      if (next >= end) continue;
      const FrameRun run = segment.frames(form, next, 4096);
      for (Offset o = next; o < run.offsets.end; o = o.next()) {
        if (segment.event(o).data != std::to_string(o.value)) wrong = true;
      }
      next = run.offsets.end;
    }
  };
  std::thread one(reader, FrameForm::json);
  std::thread two(reader, FrameForm::json);
  std::thread three(reader, FrameForm::binary);
  for (std::uint32_t b = 0; b < kBatches; ++b) {
    const Offset first{1 + std::uint64_t{b} * 3};
    const auto value = batch_value(kTopic, kEpoch, first, Timestamp{b},
                                   {std::to_string(first.value), std::to_string(first.value + 1),
                                    std::to_string(first.value + 2)});
    ASSERT_TRUE(segment.append(view_of(value, first)));
  }
  done = true;
  one.join();
  two.join();
  three.join();
  EXPECT_FALSE(wrong);
}

TEST(Segment, GathersDataWhereItLies) {
  Segment segment(framers(), kEpoch, Offset{1}, {.record_bytes = 1'000, .events = 10});
  const auto value =
      batch_value(kTopic, kEpoch, Offset{1}, Timestamp{3}, {"11", "22", "3333", "5"});
  ASSERT_TRUE(segment.append(view_of(value, Offset{1})));
  std::vector<std::string_view> pieces;
  EXPECT_EQ(segment.gather(Offset{2}, 6, pieces), Offset{4});
  EXPECT_EQ(pieces, (std::vector<std::string_view>{"22", "3333"}));
  EXPECT_EQ(pieces.front().data(), segment.event(Offset{2}).data.data()) << "not a copy";
  EXPECT_EQ(segment.gather(Offset{3}, 1, pieces), Offset{4}) << "one at least";
  EXPECT_EQ(segment.gather(Offset{4}, 100, pieces), Offset{5});
  EXPECT_GT(segment.mean_record_bytes(), 2U);
}

}  // namespace
}  // namespace tidemark::storage
