// A subscription's place and queue, without sockets.
// tests/client/: see protocol/client/feed.hpp.
#include "protocol/client/feed.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;

class FeedTest : public testing::Test {
 protected:
  Feed make(SubscribeOptions options) {
    return Feed(io.get_executor(), "t", std::move(options),
                Backoff(milliseconds(10), milliseconds(100), 1));
  }
  void answer(Feed& feed, Position position, std::string content_type = "text/plain") {
    const auto id = feed.ask(++last_id).id;
    ASSERT_TRUE(feed.asked(id));
    feed.subscribed({.id = id, .topic = "t", .position = position, .content_type = content_type});
  }
  static Event event(std::uint64_t offset) {
    return {.topic = "t", .offset = {offset}, .data = std::to_string(offset)};
  }
  static std::optional<Reply<Delivery>> take(Feed& feed) {
    bool made_room = false;
    return feed.take(made_room);
  }
  static std::string text(const std::optional<Reply<Delivery>>& taken) {
    if (!taken) return "nothing";
    if (!*taken) return std::string(info(taken->error().code).name);
    if (const auto* event = std::get_if<Event>(&**taken)) return event->data;
    if (const auto* gap = std::get_if<Gap>(&**taken))
      return "gap " + std::string(to_string(gap->cause));
    if (std::holds_alternative<CaughtUp>(**taken)) return "caught up";
    return "epoch";
  }

  boost::asio::io_context io;
  RequestId last_id = 0;
};

TEST_F(FeedTest, GoesOnAfterTheLastEventReceived) {
  Feed feed = make({.start = StartEarliest{}});
  EXPECT_EQ(feed.ask(1).start, Start(StartEarliest{}));
  answer(feed, {{7}, {0}});
  EXPECT_FALSE(feed.place().event(event(1)));
  EXPECT_FALSE(feed.place().event(event(2)));
  feed.disconnected();
  EXPECT_EQ(feed.ask(9).start, Start(StartAfter{{{7}, {2}}}));
}

TEST_F(FeedTest, AsksAsAtFirstUntilItHasBeenAnswered) {
  Feed feed = make({.start = StartLast{5}});
  static_cast<void>(feed.ask(1));
  feed.disconnected();
  EXPECT_EQ(feed.ask(2).start, Start(StartLast{5}));
}

TEST_F(FeedTest, PositionIsWhatWasHandedOverNotWhatWaits) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().event(event(5)));
  EXPECT_FALSE(feed.place().event(event(6)));
  EXPECT_EQ(feed.position(), (Position{{7}, {4}}));
  EXPECT_EQ(text(take(feed)), "5");
  EXPECT_EQ(feed.position(), (Position{{7}, {5}}));
}

TEST_F(FeedTest, DropsWhatItHasSeen) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().event(event(5)));
  EXPECT_FALSE(feed.place().event(event(5)));
  EXPECT_FALSE(feed.place().event(event(3)));
  EXPECT_EQ(text(take(feed)), "5");
  EXPECT_EQ(text(take(feed)), "nothing");
}

TEST_F(FeedTest, ASilentGapIsABrokenPromise) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  EXPECT_TRUE(feed.place().event(event(6)).has_value());
  EXPECT_EQ(text(take(feed)), "nothing");
  feed.disconnected();
  EXPECT_EQ(feed.ask(9).start, Start(StartAfter{{{7}, {4}}}));
}

TEST_F(FeedTest, AToldGapMovesThePosition) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  feed.place().gap({.lost = {{5}, {10}}, .cause = GapCause::count, .epoch = {7}, .earliest = {10}});
  EXPECT_FALSE(feed.place().event(event(10)));
  EXPECT_EQ(text(take(feed)), "gap count");
  EXPECT_EQ(feed.position(), (Position{{7}, {9}}));
  EXPECT_EQ(text(take(feed)), "10");
}

TEST_F(FeedTest, ADamagedStretchInTheMiddleIsPassed) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  feed.place().gap(
      {.lost = {{5}, {10}}, .cause = GapCause::corrupt, .epoch = {7}, .earliest = {1}});
  feed.disconnected();
  EXPECT_EQ(feed.ask(3).start, Start(StartAfter{{{7}, {9}}}));
}

TEST_F(FeedTest, AnotherHistoryBeginsAtItsEarliest) {
  Feed feed = make({});
  answer(feed, {{7}, {100}});
  feed.place().gap(
      {.lost = {{51}, {101}}, .cause = GapCause::epoch, .epoch = {8}, .earliest = {1}});
  EXPECT_FALSE(feed.place().event(event(1)));
  EXPECT_EQ(text(take(feed)), "gap epoch");
  EXPECT_EQ(text(take(feed)), "1");
  EXPECT_EQ(feed.position(), (Position{{8}, {1}}));
}

TEST_F(FeedTest, ANewEpochIsPartOfThePosition) {
  Feed feed = make({});
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().epoch({.topic = "t", .epoch = {8}, .first = {5}}));
  EXPECT_EQ(text(take(feed)), "epoch");
  EXPECT_EQ(feed.position(), (Position{{8}, {4}}));
}

TEST_F(FeedTest, WhatCameBeforeTheAnswerIsOfAnEarlierSubscription) {
  Feed feed = make({});
  static_cast<void>(feed.ask(1));
  EXPECT_FALSE(feed.place().event(event(9)));
  EXPECT_FALSE(feed.place().caught_up({.topic = "t", .offset = {9}}));
  feed.place().gap({});
  feed.unsubscribed({.topic = "t", .reason = Errc::topic_deleted}, {});
  EXPECT_EQ(text(take(feed)), "nothing");
  EXPECT_FALSE(feed.over());
}

TEST_F(FeedTest, IsFullByCountAndEmptyAgainAtHalf) {
  Feed feed = make({.queued_events = 4});
  answer(feed, {{7}, {0}});
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_FALSE(feed.place().event(event(i)));
  EXPECT_TRUE(feed.full());
  bool made_room = false;
  static_cast<void>(feed.take(made_room));
  EXPECT_FALSE(made_room);
  static_cast<void>(feed.take(made_room));
  EXPECT_TRUE(made_room);
  EXPECT_FALSE(feed.full());
}

TEST_F(FeedTest, IsFullByBytes) {
  Feed feed = make({.queued_bytes = 100'000});
  answer(feed, {{7}, {0}});
  Event large = event(1);
  large.data.resize(100'000);
  EXPECT_FALSE(feed.place().event(large));
  EXPECT_TRUE(feed.full());
}

TEST_F(FeedTest, EndsAfterWhatWaits) {
  Feed feed = make({});
  answer(feed, {{7}, {0}});
  EXPECT_FALSE(feed.place().event(event(1)));
  feed.unsubscribed({.topic = "t", .reason = Errc::topic_deleted}, {});
  EXPECT_EQ(text(take(feed)), "1");
  EXPECT_EQ(text(take(feed)), "topic_deleted");
  EXPECT_EQ(text(take(feed)), "topic_deleted");
}

TEST_F(FeedTest, ARefusedPositionTellsTheGapFirst) {
  Feed feed = make({.on_gap = OnGap::fail});
  static_cast<void>(feed.ask(1));
  feed.refused({.id = 1, .code = Errc::position_trimmed, .gap = Gap{.cause = GapCause::age}}, {});
  EXPECT_EQ(text(take(feed)), "gap age");
  EXPECT_EQ(text(take(feed)), "position_trimmed");
}

TEST_F(FeedTest, TriesAgainWhatMayPass) {
  Feed feed = make({});
  static_cast<void>(feed.ask(1));
  feed.refused({.id = 1, .code = Errc::overloaded}, Clock::time_point{});
  EXPECT_FALSE(feed.over());
  ASSERT_TRUE(feed.retry_at().has_value());
  EXPECT_GE(*feed.retry_at(), Clock::time_point{} + milliseconds(10));
}

TEST_F(FeedTest, AnUnknownTopicIsTheEndUnlessWaitedFor) {
  Feed impatient = make({});
  static_cast<void>(impatient.ask(1));
  impatient.refused({.id = 1, .code = Errc::unknown_topic}, {});
  EXPECT_EQ(text(take(impatient)), "unknown_topic");
  Feed patient = make({.wait_for_topic = true});
  static_cast<void>(patient.ask(1));
  patient.refused({.id = 1, .code = Errc::unknown_topic}, {});
  EXPECT_FALSE(patient.over());
}

TEST_F(FeedTest, JsonDataIsSettledByTheTopicsContentType) {
  Feed feed = make({});
  answer(feed, {{7}, {0}}, "text/plain");
  Event quoted = event(1);
  quoted.data = "\"a\\nb\"";
  quoted.form = Form::json;
  EXPECT_FALSE(feed.place().event(quoted));
  EXPECT_EQ(text(take(feed)), "a\nb");
  quoted.offset = {2};
  quoted.data = "{}";
  EXPECT_TRUE(feed.place().event(quoted).has_value()) << "an object is no text";
}

}  // namespace
}  // namespace tidemark::client
