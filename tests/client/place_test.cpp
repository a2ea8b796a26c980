// States, filters and what a feed asks for next, without sockets.
// tests/client/: see protocol/client/place.hpp and feed.hpp.
#include "protocol/client/place.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "protocol/client/feed.hpp"

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;

class PlaceTest : public testing::Test {
 protected:
  Feed make(SubscribeOptions options) {
    return Feed(io.get_executor(), "t", std::move(options),
                Backoff(milliseconds(10), milliseconds(100), 1));
  }
  void answer(Feed& feed, Position position, const std::string& content_type = "text/plain") {
    const auto id = feed.ask(++last_id).id;
    feed.subscribed({.id = id, .topic = "t", .position = position, .content_type = content_type});
  }
  static Event event(std::uint64_t offset) {
    return {.topic = "t", .offset = {offset}, .data = std::to_string(offset)};
  }
  static State part(Position position, bool first, bool last, std::vector<std::string> keys) {
    State out{.topic = "t", .position = position, .first = first, .last = last};
    for (auto& key : keys) out.entries.push_back({.key = key, .offset = {1}, .data = "of " + key});
    return out;
  }
  static std::optional<Delivery> take(Feed& feed) {
    bool made_room = false;
    auto taken = feed.take(made_room);
    if (!taken || !*taken) return std::nullopt;
    return std::move(**taken);
  }
  static void take_all(Feed& feed) {
    while (take(feed)) {
    }
  }

  boost::asio::io_context io;
  RequestId last_id = 0;
};

TEST_F(PlaceTest, AsksForTheStateOnlyTheFirstTime) {
  Feed feed = make({.state = true});
  const auto first = feed.ask(1);
  EXPECT_TRUE(first.state);
  EXPECT_EQ(first.start, Start(StartNow{}));
  EXPECT_EQ(first.on_gap, OnGap::state);
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().state(part({{7}, {4}}, true, true, {"a"})));
  EXPECT_FALSE(feed.place().event(event(5)));
  feed.disconnected();
  const auto next = feed.ask(9);
  EXPECT_FALSE(next.state);
  EXPECT_EQ(next.start, Start(StartAfter{{{7}, {5}}}));
  EXPECT_EQ(next.on_gap, OnGap::state);
}

TEST_F(PlaceTest, OnGapIsWhatIsAskedForOrFollowsFromTheState) {
  EXPECT_EQ(make({}).ask(1).on_gap, OnGap::earliest);
  EXPECT_EQ(make({.state = true}).ask(1).on_gap, OnGap::state);
  EXPECT_EQ(make({.state = true, .on_gap = OnGap::fail}).ask(1).on_gap, OnGap::fail);
}

TEST_F(PlaceTest, AStateThatNeverCameIsAskedForAnew) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  feed.disconnected();
  EXPECT_TRUE(feed.ask(9).state);
  EXPECT_EQ(feed.position(), Position{});
}

TEST_F(PlaceTest, HalfAStateIsAskedForAnew) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().state(part({{7}, {4}}, true, false, {"a"})));
  feed.disconnected();
  EXPECT_TRUE(feed.ask(9).state);
}

TEST_F(PlaceTest, PositionIsThatOfTheStateWithItsLastPart) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  EXPECT_FALSE(feed.place().state(part({{7}, {4}}, true, false, {"a"})));
  EXPECT_FALSE(feed.place().state(part({{7}, {4}}, false, true, {"b"})));
  ASSERT_TRUE(take(feed));
  EXPECT_EQ(feed.position(), Position{});
  ASSERT_TRUE(take(feed));
  EXPECT_EQ(feed.position(), (Position{{7}, {4}}));
}

TEST_F(PlaceTest, AGapThatAStateFillsDoesNotMoveThePosition) {
  Feed feed = make({.start = StartAfter{{{7}, {2}}}, .on_gap = OnGap::state});
  answer(feed, {{7}, {2}});
  EXPECT_FALSE(feed.place().event(event(3)));
  feed.place().gap({.lost = {{4}, {9}}, .cause = GapCause::count, .epoch = {7}, .earliest = {9}});
  take_all(feed);
  EXPECT_EQ(feed.position(), (Position{{7}, {3}}));
  EXPECT_TRUE(feed.place().event(event(9)).has_value()) << "the state has not come";
  EXPECT_FALSE(feed.place().state(part({{7}, {20}}, true, true, {})));
  EXPECT_FALSE(feed.place().event(event(21)));
  take_all(feed);
  EXPECT_EQ(feed.position(), (Position{{7}, {21}}));
}

TEST_F(PlaceTest, AfterAToldGapTheStateIsAskedForIfTheConnectionIsLost) {
  Feed feed = make({.on_gap = OnGap::state, .cursor = "c"});
  answer(feed, {{7}, {2}});
  feed.place().gap({.lost = {{3}, {9}}, .cause = GapCause::count, .epoch = {7}, .earliest = {9}});
  feed.disconnected();
  const auto next = feed.ask(9);
  EXPECT_TRUE(next.state);
  EXPECT_EQ(next.cursor, "") << "what the application has is older than its cursor may be";
}

TEST_F(PlaceTest, AStateInPlaceOfABacklogIsNotTakenForReceivedBeforeItComes) {
  Feed feed = make({.start = StartEarliest{}, .state_if_behind = StateIfBehind{.events = 10}});
  answer(feed, {{7}, {50}});
  feed.disconnected();
  const auto again = feed.ask(9);
  EXPECT_EQ(again.start, Start(StartEarliest{}));
  EXPECT_EQ(again.state_if_behind, (StateIfBehind{.events = 10}));
  EXPECT_EQ(feed.position(), Position{});
}

TEST_F(PlaceTest, ASubscriptionFromNowOnKeepsWhereThatWas) {
  Feed feed = make({.on_gap = OnGap::state});
  answer(feed, {{7}, {50}});
  feed.disconnected();
  EXPECT_EQ(feed.ask(9).start, Start(StartAfter{{{7}, {50}}}));
}

TEST_F(PlaceTest, TheCursorIsAskedForOnlyTheFirstTime) {
  Feed feed = make({.state = true, .cursor = "c"});
  EXPECT_EQ(feed.ask(1).cursor, "c");
  answer(feed, {{7}, {50}});
  EXPECT_FALSE(feed.place().event(event(51))) << "there is a cursor, so no state comes";
  feed.disconnected();
  const auto next = feed.ask(9);
  EXPECT_EQ(next.cursor, "");
  EXPECT_FALSE(next.state);
  EXPECT_EQ(next.start, Start(StartAfter{{{7}, {51}}}));
}

TEST_F(PlaceTest, AnEventBeforeTheStateIsABrokenPromise) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  EXPECT_TRUE(feed.place().event(event(5)).has_value());
  EXPECT_FALSE(take(feed));
}

TEST_F(PlaceTest, ASecondPartWithoutAFirstIsABrokenPromise) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  EXPECT_TRUE(feed.place().state(part({{7}, {4}}, false, true, {"b"})).has_value());
  EXPECT_FALSE(take(feed));
}

TEST_F(PlaceTest, EntriesAreSettledByTheTopicsContentType) {
  Feed feed = make({.state = true});
  answer(feed, {{7}, {4}});
  State state = part({{7}, {4}}, true, true, {"a"});
  state.entries.front().data = "\"x\\ty\"";
  state.entries.front().form = Form::json;
  EXPECT_FALSE(feed.place().state(state));
  const auto taken = take(feed);
  ASSERT_TRUE(taken && std::holds_alternative<State>(*taken));
  EXPECT_EQ(std::get<State>(*taken).entries.front().data, "x\ty");
  state.entries.front().data = "{}";
  state.entries.front().form = Form::json;
  EXPECT_TRUE(feed.place().state(state).has_value()) << "an object is no text";
}

TEST_F(PlaceTest, AStateFillsTheQueueByItsBytes) {
  Feed feed = make({.state = true, .queued_bytes = 100'000});
  answer(feed, {{7}, {4}});
  State entries = part({{7}, {4}}, true, false, {"a"});
  entries.entries.front().data.resize(60'000);
  EXPECT_FALSE(feed.place().state(entries));
  EXPECT_FALSE(feed.full());
  State more = part({{7}, {4}}, false, true, {"b"});
  more.entries.front().data.resize(60'000);
  EXPECT_FALSE(feed.place().state(more));
  EXPECT_TRUE(feed.full());

  Feed other = make({.state = true, .queued_bytes = 100'000});
  answer(other, {{7}, {4}});
  State bundle = part({{7}, {4}}, true, true, {});
  bundle.bundle = std::string(100'000, 'x');
  EXPECT_FALSE(other.place().state(bundle));
  EXPECT_TRUE(other.full());
}

TEST_F(PlaceTest, AFilterLeavesHolesAndWithoutOneTheyAreABrokenPromise) {
  Feed feed = make({.filter = {.keys = {"a"}, .headers = {}}});
  EXPECT_EQ(feed.ask(1).filter.keys, std::vector<std::string>{"a"});
  answer(feed, {{7}, {0}});
  EXPECT_FALSE(feed.place().event(event(3)));
  EXPECT_FALSE(feed.place().event(event(7)));
  feed.disconnected();
  EXPECT_EQ(feed.ask(9).filter.keys, std::vector<std::string>{"a"});
  Feed plain = make({});
  answer(plain, {{7}, {0}});
  EXPECT_TRUE(plain.place().advanced({.topic = "t", .offset = {5}}).has_value());
}

TEST_F(PlaceTest, WhatWasFilteredOutCountsWhenAllBeforeItIsHandedOver) {
  Feed feed = make({.filter = {.keys = {"a"}, .headers = {}}});
  answer(feed, {{7}, {0}});
  EXPECT_FALSE(feed.place().event(event(3)));
  EXPECT_FALSE(feed.place().advanced({.topic = "t", .offset = {9}}));
  EXPECT_EQ(feed.position(), (Position{{7}, {0}}));
  ASSERT_TRUE(take(feed));
  EXPECT_EQ(feed.position(), (Position{{7}, {9}}));
  EXPECT_FALSE(feed.holds());
  EXPECT_FALSE(feed.place().advanced({.topic = "t", .offset = {12}}));
  EXPECT_EQ(feed.position(), (Position{{7}, {12}}));
  feed.disconnected();
  EXPECT_EQ(feed.ask(9).start, Start(StartAfter{{{7}, {12}}}));
}

TEST_F(PlaceTest, AStateThatCouldNotBeHadIsAskedForAgain) {
  Feed feed = make({.state = true});
  static_cast<void>(feed.ask(1));
  feed.refused({.id = 1, .code = Errc::state_failed}, Clock::time_point{});
  EXPECT_FALSE(feed.over());
  EXPECT_TRUE(feed.retry_at().has_value());
  static_cast<void>(feed.ask(2));
  feed.refused({.id = 2, .code = Errc::no_state}, Clock::time_point{});
  EXPECT_TRUE(feed.over());
}

}  // namespace
}  // namespace tidemark::client
