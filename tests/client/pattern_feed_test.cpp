// What a pattern asks for after a lost connection, without sockets.
// tests/client/: see protocol/client/pattern_feed.hpp.
#include "protocol/client/pattern_feed.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class PatternFeedTest : public testing::Test {
 protected:
  PatternFeed make(PatternOptions options) {
    return PatternFeed(io.get_executor(), "a/*", std::move(options),
                       Backoff(milliseconds(10), milliseconds(100), 1));
  }
  /// Lost and made again: what it asks for.
  Subscribe connect(PatternFeed& feed) {
    feed.disconnected();
    auto out = feed.ask(++last_id);
    feed.following();
    return out;
  }
  static void begin(PatternFeed& feed, Position position) {
    feed.topic_begins({.topic = "a/1", .position = position, .content_type = "text/plain"});
  }
  static Place& place(PatternFeed& feed) {
    auto* out = feed.place_of("a/1");
    if (out == nullptr) throw std::logic_error("the topic is not followed");
    return *out;
  }
  static Gap gap() {
    return {.lost = {{3}, {9}}, .cause = GapCause::count, .epoch = {7}, .earliest = {9}};
  }
  static State first_part() {
    return {.topic = "a/1", .position = {{7}, {20}}, .first = true, .last = false};
  }

  boost::asio::io_context io;
  RequestId last_id = 0;
};

TEST_F(PatternFeedTest, SaysWhereItIsOnceItHasBeenAnswered) {
  PatternFeed feed = make({.start = StartLast{3}, .cursor = "c"});
  const auto first = feed.ask(++last_id);
  EXPECT_EQ(first.pattern, "a/*");
  EXPECT_EQ(first.topic, "");
  EXPECT_EQ(first.start, Start(StartLast{3}));
  EXPECT_EQ(first.cursor, "c");
  EXPECT_FALSE(first.positions.has_value());
  EXPECT_FALSE(connect(feed).positions.has_value()) << "nobody has answered yet";
  const auto next = connect(feed);
  ASSERT_TRUE(next.positions.has_value()) << "topics made meanwhile begin with their first event";
  EXPECT_THAT(*next.positions, IsEmpty());
  EXPECT_EQ(next.start, Start(StartNow{}));
  EXPECT_EQ(next.cursor, "");
  begin(feed, {{7}, {4}});
  EXPECT_THAT(*connect(feed).positions, ElementsAre(TopicPosition{"a/1", {{7}, {4}}}));
}

TEST_F(PatternFeedTest, TakesWhatMatchesWhileItIsLive) {
  PatternFeed feed = make({});
  EXPECT_FALSE(feed.takes("a/1"));
  connect(feed);
  EXPECT_TRUE(feed.takes("a/1"));
  EXPECT_FALSE(feed.takes("a/1/2"));
  EXPECT_EQ(feed.place_of("a/1"), nullptr);
  begin(feed, {{7}, {4}});
  EXPECT_NE(feed.place_of("a/1"), nullptr);
  feed.disconnected();
  EXPECT_EQ(feed.place_of("a/1"), nullptr);
}

TEST_F(PatternFeedTest, ATopicInTheMiddleOfAStateIsLeftOutUntilItHasOne) {
  PatternFeed feed = make({.state = true});
  connect(feed);
  begin(feed, {{7}, {2}});
  State whole = first_part();
  whole.position = {{7}, {2}};
  whole.last = true;
  EXPECT_FALSE(place(feed).state(whole));
  place(feed).gap(gap());
  EXPECT_FALSE(place(feed).state(first_part()));
  EXPECT_THAT(*connect(feed).positions, IsEmpty());
  begin(feed, {{7}, {20}});
  EXPECT_THAT(*connect(feed).positions, IsEmpty()) << "nothing of it has come";
  begin(feed, {{7}, {20}});
  EXPECT_TRUE(place(feed).event({.topic = "a/1", .offset = {3}, .data = "3"}).has_value())
      << "the state comes first";
}

TEST_F(PatternFeedTest, AStateThatOnlyAGapHasBroughtIsBroughtByItAgain) {
  PatternFeed feed = make({.start = StartEarliest{}, .on_gap = OnGap::state});
  connect(feed);
  begin(feed, {{7}, {2}});
  EXPECT_FALSE(place(feed).event({.topic = "a/1", .offset = {3}, .data = "3"}));
  place(feed).gap(gap());
  EXPECT_FALSE(place(feed).state(first_part()));
  const auto asked = connect(feed);
  EXPECT_FALSE(asked.state);
  EXPECT_THAT(*asked.positions, ElementsAre(TopicPosition{"a/1", {{7}, {0}}}));
}

TEST_F(PatternFeedTest, ATopicThatEndedOtherwiseThanByDeletionKeepsItsPlace) {
  PatternFeed feed = make({.on_gap = OnGap::fail});
  connect(feed);
  begin(feed, {{7}, {2}});
  feed.topic_ends({.topic = "a/1", .reason = Errc::position_trimmed}, {});
  EXPECT_THAT(*connect(feed).positions, ElementsAre(TopicPosition{"a/1", {{7}, {2}}}));
  EXPECT_FALSE(feed.over());
  feed.topic_ends({.topic = "a/1", .reason = Errc::topic_deleted}, {});
  EXPECT_THAT(*connect(feed).positions, IsEmpty());
}

TEST_F(PatternFeedTest, ItsEndIsThatOfThePattern) {
  PatternFeed feed = make({});
  const auto id = feed.ask(++last_id).id;
  feed.refused({.id = id, .code = Errc::overloaded}, Clock::time_point{});
  EXPECT_FALSE(feed.over());
  EXPECT_TRUE(feed.retry_at().has_value());
  feed.refused({.id = id, .code = Errc::forbidden}, Clock::time_point{});
  EXPECT_TRUE(feed.over());
}

}  // namespace
}  // namespace tidemark::client
