// The cursor's steps, one by one, and random histories against a simple reader.
// tests/: broker/cursor.
#include "broker/cursor.hpp"

#include <random>

#include <gtest/gtest.h>

#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {
namespace {

class CursorTest : public ::testing::Test {
 protected:
  Cursor cursor_at(Position position, OnGap on_gap = OnGap::fail) {
    return {memory.topic(name), position, on_gap};
  }
  [[nodiscard]] Epoch epoch() { return memory.topic(name)->bounds().epoch; }

  template <class T>
  T expect(Cursor& cursor) {
    Step step = cursor.next(memory.store);
    if (!std::holds_alternative<T>(step)) {
      ADD_FAILURE() << "step " << step.index() << " instead";
      return T{};
    }
    return std::get<T>(std::move(step));
  }
  /// Takes all events of the next step; they must be exactly `wanted`.
  void expect_events(Cursor& cursor, OffsetRange wanted) {
    const auto events = expect<step::Events>(cursor);
    ASSERT_NE(events.slice.segment, nullptr);
    EXPECT_EQ(events.slice.offsets, wanted);
    for (Offset at = wanted.first; at < wanted.end; at = at.next()) {
      EXPECT_EQ(events.slice.segment->event(at).data, std::to_string(at.value));
    }
    cursor.advance({wanted.end.value - 1});
  }

  const TopicName name = name_of("scores");
  MemoryStore memory;
};

TEST_F(CursorTest, ReadsWhatIsThereThenWaitsThenReadsWhatComes) {
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({epoch(), {0}});
  EXPECT_FALSE(cursor.gap_at_start());
  expect_events(cursor, {{1}, {4}});
  EXPECT_EQ(expect<step::CaughtUp>(cursor).message, (CaughtUp{"scores", {3}}));
  expect<step::Wait>(cursor);
  memory.requester.publish(name, 2);
  expect_events(cursor, {{4}, {6}});
  EXPECT_EQ(cursor.position(), (Position{epoch(), {5}}));
}

TEST_F(CursorTest, SaysCaughtUpOnce) {
  memory.requester.publish(name, 1);
  Cursor cursor = cursor_at({epoch(), {1}});
  expect<step::CaughtUp>(cursor);
  for (int i = 0; i < 3; ++i) {
    expect<step::Wait>(cursor);
    const OffsetRange more = memory.requester.publish(name, 1);
    expect_events(cursor, more);
  }
  expect<step::Wait>(cursor);
}

TEST_F(CursorTest, APortionOfASliceMayBeTaken) {
  memory.requester.publish(name, 9);
  Cursor cursor = cursor_at({epoch(), {0}});
  for (std::uint64_t at = 3; at <= 9; at += 3) {
    EXPECT_EQ(expect<step::Events>(cursor).slice.offsets.first, Offset{at - 2});
    cursor.advance({at});
  }
  expect<step::CaughtUp>(cursor);
}

TEST_F(CursorTest, ANewEpochIsToldBeforeItsFirstEvent) {
  memory.requester.publish(name, 3);
  const Epoch old = epoch();
  Cursor cursor = cursor_at({old, {1}});
  memory.begin_epoch();
  memory.requester.publish(name, 2);
  ASSERT_NE(epoch(), old);
  expect_events(cursor, {{2}, {4}});
  EXPECT_EQ(expect<step::Epoch>(cursor).notice, (EpochNotice{"scores", epoch(), {4}}));
  EXPECT_EQ(cursor.position(), (Position{epoch(), {3}}));
  expect_events(cursor, {{4}, {6}});
  expect<step::CaughtUp>(cursor);
}

TEST_F(CursorTest, AnEpochJoinedInItsMiddleIsToldWithItsBeginning) {
  memory.requester.publish(name, 3);
  memory.begin_epoch();
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({{0}, {4}});
  EXPECT_EQ(expect<step::Epoch>(cursor).notice, (EpochNotice{"scores", epoch(), {4}}));
  expect_events(cursor, {{5}, {7}});
}

TEST_F(CursorTest, ATrimmedPositionEndsTheSubscription) {
  memory.requester.publish(name, 9);
  Cursor cursor = cursor_at({epoch(), {2}});
  memory.requester.trim(name, {6});
  const Gap gap{{{3}, {6}}, GapCause::trimmed, epoch(), {6}, {9}};
  EXPECT_EQ(cursor.gap_at_start(), gap);
  EXPECT_EQ(expect<step::Gap>(cursor).notice, (GapNotice{"scores", gap}));
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::position_trimmed);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::position_trimmed);
}

TEST_F(CursorTest, ATrimmedPositionGoesOnWithTheEarliestIfAskedTo) {
  memory.requester.publish(name, 9);
  Cursor cursor = cursor_at({epoch(), {2}}, OnGap::earliest);
  memory.requester.trim(name, {6});
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.lost, (OffsetRange{{3}, {6}}));
  EXPECT_EQ(cursor.position(), (Position{epoch(), {5}}));
  expect_events(cursor, {{6}, {10}});
  expect<step::CaughtUp>(cursor);
  expect<step::Wait>(cursor);
}

TEST_F(CursorTest, AfterAGapItIsCaughtUpAgain) {
  memory.requester.publish(name, 2);
  Cursor cursor = cursor_at({epoch(), {2}}, OnGap::earliest);
  expect<step::CaughtUp>(cursor);
  memory.requester.publish(name, 3);
  memory.requester.trim(name, {6});
  expect<step::Gap>(cursor);
  EXPECT_EQ(expect<step::CaughtUp>(cursor).message.offset, Offset{5});
  expect<step::Wait>(cursor);
}

TEST_F(CursorTest, APositionAheadIsNeverUpToDate) {
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({epoch(), {4}});
  ASSERT_TRUE(cursor.gap_at_start());
  EXPECT_EQ(cursor.gap_at_start()->cause, GapCause::ahead);
  expect<step::Gap>(cursor);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::position_ahead);
}

TEST_F(CursorTest, APositionOfAnUnknownHistoryIsAGap) {
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({{999}, {2}});
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.cause, GapCause::epoch);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::wrong_epoch);
}

TEST_F(CursorTest, APositionPastTheEndOfItsEpochIsAGap) {
  memory.requester.publish(name, 3);
  const Epoch old = epoch();
  memory.begin_epoch();
  memory.requester.publish(name, 3);
  Cursor at_its_end = cursor_at({old, {3}});
  EXPECT_FALSE(at_its_end.gap_at_start());
  Cursor past_it = cursor_at({old, {4}});
  EXPECT_EQ(expect<step::Gap>(past_it).notice.gap.lost, (OffsetRange{{4}, {5}}));
  EXPECT_EQ(expect<step::Ended>(past_it).reason, Errc::wrong_epoch);
}

TEST_F(CursorTest, AfterAGapTheReaderIsToldTheEpochItLandsIn) {
  memory.requester.publish(name, 3);
  const Epoch old = epoch();
  memory.begin_epoch();
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({{999}, {5}}, OnGap::earliest);
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.epoch, epoch());
  EXPECT_EQ(expect<step::Epoch>(cursor).notice, (EpochNotice{"scores", old, {1}}));
  expect_events(cursor, {{1}, {4}});
  EXPECT_EQ(expect<step::Epoch>(cursor).notice, (EpochNotice{"scores", epoch(), {4}}));
  expect_events(cursor, {{4}, {7}});
}

TEST_F(CursorTest, DamageIsSkippedNotWhatIsBeforeIt) {
  memory.requester.publish(name, 9);
  memory.topic(name)->mark_damaged({{4}, {7}});
  Cursor cursor = cursor_at({epoch(), {3}}, OnGap::earliest);
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.lost, (OffsetRange{{4}, {7}}));
  expect_events(cursor, {{7}, {10}});
  Cursor strict = cursor_at({epoch(), {3}});
  EXPECT_EQ(expect<step::Gap>(strict).notice.gap.cause, GapCause::corrupt);
  EXPECT_EQ(expect<step::Ended>(strict).reason, Errc::corrupt_record);
}

TEST_F(CursorTest, AGapIsToldThenNothingComesBeforeTheState) {
  memory.requester.publish(name, 9);
  Cursor cursor = cursor_at({epoch(), {2}}, OnGap::state);
  memory.requester.trim(name, {6});
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.lost, (OffsetRange{{3}, {6}}));
  expect<step::State>(cursor);
  memory.requester.publish(name, 1);
  expect<step::State>(cursor);
  cursor.restart({epoch(), {8}});
  EXPECT_EQ(cursor.position(), (Position{epoch(), {8}}));
  expect_events(cursor, {{9}, {11}});
}

TEST_F(CursorTest, AfterAStateItIsCaughtUpAgain) {
  memory.requester.publish(name, 2);
  Cursor cursor = cursor_at({epoch(), {2}}, OnGap::state);
  expect<step::CaughtUp>(cursor);
  memory.requester.publish(name, 3);
  memory.requester.trim(name, {6});
  expect<step::Gap>(cursor);
  cursor.restart({epoch(), {5}});
  EXPECT_EQ(expect<step::CaughtUp>(cursor).message.offset, Offset{5});
  expect<step::Wait>(cursor);
}

TEST_F(CursorTest, TheStateTellsTheEpoch) {
  memory.requester.publish(name, 3);
  memory.begin_epoch();
  memory.requester.publish(name, 3);
  Cursor cursor = cursor_at({{999}, {5}}, OnGap::state);
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.cause, GapCause::epoch);
  cursor.restart({epoch(), {4}});
  expect_events(cursor, {{5}, {7}});
}

TEST_F(CursorTest, AGapThatTheStateDoesNotLeadPastEndsTheSubscription) {
  memory.requester.publish(name, 9);
  memory.topic(name)->mark_damaged({{4}, {7}});
  Cursor cursor = cursor_at({epoch(), {3}}, OnGap::state);
  expect<step::Gap>(cursor);
  expect<step::State>(cursor);
  cursor.restart({epoch(), {3}});
  EXPECT_EQ(expect<step::Gap>(cursor).notice.gap.cause, GapCause::corrupt);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::corrupt_record);
}

TEST_F(CursorTest, WhatIsNotInMemoryIsAskedFor) {
  memory.requester.publish(name, 5);
  const auto topic = memory.topic(name);
  topic->shrink(true);
  Cursor cursor = cursor_at({epoch(), {0}});
  expect<step::Load>(cursor);
  ASSERT_TRUE(memory.store.load(*topic, cursor.position().offset));
  expect_events(cursor, {{1}, {6}});
  expect<step::CaughtUp>(cursor);
}

TEST_F(CursorTest, ADeletedTopicEndsTheSubscription) {
  memory.requester.publish(name, 5);
  Cursor cursor = cursor_at({epoch(), {2}});
  memory.requester.erase(name);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::topic_deleted);
  EXPECT_EQ(expect<step::Ended>(cursor).reason, Errc::topic_deleted);
}

TEST_F(CursorTest, EveryCauseOfAGapHasItsError) {
  EXPECT_EQ(errc_of(GapCause::count), Errc::position_trimmed);
  EXPECT_EQ(errc_of(GapCause::bytes), Errc::position_trimmed);
  EXPECT_EQ(errc_of(GapCause::age), Errc::position_trimmed);
  EXPECT_EQ(errc_of(GapCause::trimmed), Errc::position_trimmed);
  EXPECT_EQ(errc_of(GapCause::epoch), Errc::wrong_epoch);
  EXPECT_EQ(errc_of(GapCause::ahead), Errc::position_ahead);
  EXPECT_EQ(errc_of(GapCause::corrupt), Errc::corrupt_record);
}

/// Publishes, trims, opens epochs, empties the ring and reads, all at random. The reader keeps only
/// what it is told, and checks that events are contiguous but for the gaps it has been told, and of
/// the epoch it has been told.
class RandomHistory : public CursorTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  void change(unsigned dice) {
    if (dice < 50) memory.requester.publish(name, 1 + random() % 40);
    if (dice >= 50 && dice < 60) memory.begin_epoch();
    if (dice >= 60 && dice < 75) {
      const auto bounds = memory.topic(name)->bounds();
      const std::uint64_t span = bounds.head.value + 2 - bounds.earliest.value;
      memory.requester.trim(name, {bounds.earliest.value + random() % span});
    }
    if (dice >= 75) memory.topic(name)->shrink(true);
  }
  void read(Cursor& cursor, unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) {
      Step step = cursor.next(memory.store);
      if (auto* events = std::get_if<step::Events>(&step)) take(cursor, events->slice);
      if (auto* epoch = std::get_if<step::Epoch>(&step)) told_epoch = epoch->notice.epoch;
      if (auto* gap = std::get_if<step::Gap>(&step)) {
        EXPECT_EQ(gap->notice.gap.lost.first, last.next());
        last = {gap->notice.gap.earliest.value - 1};
      }
      if (auto* caught_up = std::get_if<step::CaughtUp>(&step)) {
        EXPECT_EQ(caught_up->message.offset, last);
        EXPECT_EQ(memory.topic(name)->bounds().head, last);
      }
      if (std::holds_alternative<step::Wait>(step)) {
        EXPECT_EQ(memory.topic(name)->bounds().head, last);
      }
      if (std::holds_alternative<step::Load>(step)) {
        ASSERT_TRUE(memory.store.load(*cursor.topic(), cursor.position().offset));
      }
      ASSERT_FALSE(std::holds_alternative<step::Ended>(step));
      ASSERT_EQ(cursor.position().offset, last);
    }
  }
  void take(Cursor& cursor, const storage::Slice& slice) {
    ASSERT_FALSE(slice.offsets.empty());
    const std::uint64_t count = 1 + random() % slice.offsets.count();
    for (std::uint64_t i = 0; i < count; ++i) {
      const EventView event = slice.segment->event({slice.offsets.first.value + i});
      ASSERT_EQ(event.offset, last.next());
      ASSERT_EQ(event.data, std::to_string(event.offset.value));
      ASSERT_EQ(told_epoch, memory.topic(name)->epoch_at(event.offset).start.epoch);
      last = event.offset;
    }
    cursor.advance(last);
  }

  std::mt19937 random{GetParam()};
  Offset last;
  Epoch told_epoch;
};

TEST_P(RandomHistory, IsReadWithoutASilentGap) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  memory.requester.publish(name, 1);
  told_epoch = epoch();
  Cursor cursor = cursor_at({told_epoch, {0}}, OnGap::earliest);
  for (int i = 0; i < 300 && !HasFatalFailure(); ++i) {
    change(static_cast<unsigned>(random() % 100));
    read(cursor, random() % 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace tidemark::broker
