// Forks: where they leave their source, what they inherit, what of it stays their own affair.
// tests/: the units lifecycle and committer, on a store on disk and what is found there again.
#include "tests/storage/lifecycle_fixture.hpp"

namespace tidemark::storage {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Data = std::vector<std::string>;

constexpr const char* kJson = "application/json";
constexpr const char* kText = "text/plain";

Position at(std::uint64_t offset) { return {.epoch = {0}, .offset = {offset}}; }

TEST_F(ForkTest, BeginsAtTheTailOfItsSourceAndGoesItsOwnWay) {
  const auto forked = run(fork_of("fork", "source"));
  ASSERT_FALSE(forked->error);
  EXPECT_TRUE(forked->created);
  EXPECT_EQ(forked->tail, topic("source")->end().tail);
  EXPECT_EQ(forked->settings.content_type, kJson);
  EXPECT_FALSE(publish("source", {"4"}));
  EXPECT_FALSE(publish("fork", {"40", "50"}));
  now_and_after_reopening([&] {
    EXPECT_EQ(read("source"), (Data{"1", "2", "3", "4"}));
    EXPECT_EQ(read("fork"), (Data{"1", "2", "3", "40", "50"}));
    EXPECT_EQ(forks("source"), 1U);
  });
}

TEST_F(ForkTest, MayLeaveItsSourceAnywhere) {
  for (std::uint64_t offset = 0; offset <= 3; ++offset) {
    const std::string name = "fork" + std::to_string(offset);
    const auto forked = run(fork_of(name, "source", at(offset)));
    ASSERT_FALSE(forked->error);
    EXPECT_EQ(forked->tail.offset, Offset{offset});
    EXPECT_FALSE(publish(name, {"\"own\""}));
  }
  now_and_after_reopening([&] {
    EXPECT_EQ(read("fork0"), Data{"\"own\""});
    EXPECT_EQ(read("fork1"), (Data{"1", "\"own\""}));
    EXPECT_EQ(read("fork3"), (Data{"1", "2", "3", "\"own\""}));
    EXPECT_EQ(forks("source"), 4U);
  });
}

TEST_F(ForkTest, PositionsOfItsSourceHoldUpToWhereItLeaves) {
  const Epoch epoch = topic("source")->end().tail.epoch;
  ASSERT_FALSE(run(fork_of("fork", "source", Position{epoch, {2}}))->error);
  EXPECT_FALSE(publish("fork", {"30", "40"}));
  now_and_after_reopening([&] {
    EXPECT_EQ(read("fork", {epoch, {1}}), (Data{"2", "30", "40"}));
    EXPECT_EQ(read("fork", {epoch, {2}}), (Data{"30", "40"}));
    const auto answer = store_->read(*topic("fork"), {epoch, {3}});
    EXPECT_EQ(answer.state, ReadAnswer::State::gap);
    EXPECT_EQ(answer.gap.cause, GapCause::epoch);
    EXPECT_NE(topic("fork")->end().tail.epoch, epoch);
  });
}

TEST_F(ForkTest, BeginsWithinItsSource) {
  EXPECT_EQ(run(fork_of("fork", "source", at(4)))->error, Errc::invalid_fork);
  const Epoch other{topic("source")->end().tail.epoch.value + 1};
  EXPECT_EQ(run(fork_of("fork", "source", Position{other, {1}}))->error, Errc::invalid_fork);
  EXPECT_EQ(run(fork_of("fork", "source", at(3), 1))->error, Errc::invalid_fork);
  EXPECT_EQ(run(fork_of("fork", "nowhere"))->error, Errc::unknown_topic);
  EXPECT_EQ(run(fork_of("fork", "fork"))->error, Errc::unknown_topic);
  auto typed = fork_of("fork", "source");
  typed->content_type = kText;
  EXPECT_EQ(run(std::move(typed))->error, Errc::content_type_mismatch);
  auto bad = fork_of("fork", "source");
  bad->events.push_back(text_event("not json"));
  EXPECT_EQ(run(std::move(bad))->error, Errc::invalid_payload);
  now_and_after_reopening([&] {
    EXPECT_EQ(refused("fork"), Errc::unknown_topic);
    EXPECT_EQ(forks("source"), 0U) << "what is refused is not counted";
  });
  EXPECT_FALSE(erase("source"));
  EXPECT_EQ(refused("source"), Errc::unknown_topic);
}

TEST_F(ForkTest, ASubOffsetOfJsonCountsEvents) {
  const auto forked = run(fork_of("fork", "source", at(1), 1));
  ASSERT_FALSE(forked->error);
  EXPECT_EQ(forked->tail.offset, Offset{2});
  EXPECT_EQ(run(fork_of("all", "source", at(0), 3))->tail.offset, Offset{3});
  EXPECT_EQ(run(fork_of("more", "source", at(0), 4))->error, Errc::invalid_fork);
  now_and_after_reopening([&] { EXPECT_EQ(read("fork"), (Data{"1", "2"})); });
}

TEST_F(ForkTest, OnlyJsonItselfCountsEvents) {
  ASSERT_FALSE(run(create_of("geo", "application/geo+json", {"[1]", "[2]"}))->error);
  EXPECT_EQ(run(fork_of("cut", "geo", at(0), 2))->error, Errc::invalid_fork);
  EXPECT_FALSE(run(fork_of("whole", "geo", at(0), 3))->error);
  EXPECT_EQ(read("whole"), Data{"[1]"});
}

TEST_F(ForkTest, ASubOffsetOfBytesCutsTheEvent) {
  ASSERT_FALSE(run(create_of("bytes", {}, {"hello", "world"}))->error);
  auto request = fork_of("fork", "bytes", at(1), 3);
  request->events.push_back(text_event("ld"));
  const auto forked = run(std::move(request));
  ASSERT_FALSE(forked->error);
  EXPECT_EQ(forked->tail.offset, Offset{3});
  ASSERT_FALSE(run(fork_of("again", "fork", at(1), 2))->error);
  now_and_after_reopening([&] {
    EXPECT_EQ(read("fork"), (Data{"hello", "wor", "ld"}));
    EXPECT_EQ(read("again"), (Data{"hello", "wo"}));
    EXPECT_EQ(read("bytes"), (Data{"hello", "world"}));
  });
}

TEST_F(ForkTest, AnEventCutAtItsEndIsInheritedWhole) {
  ASSERT_FALSE(run(create_of("bytes", {}, {"hello"}))->error);
  const auto forked = run(fork_of("fork", "bytes", at(0), 5));
  ASSERT_FALSE(forked->error);
  EXPECT_EQ(forked->tail, topic("bytes")->end().tail);
  EXPECT_FALSE(run(fork_of("fork", "bytes", at(0), 5))->error) << "and asked for again the same";
  EXPECT_EQ(run(fork_of("more", "bytes", at(0), 6))->error, Errc::invalid_fork);
  EXPECT_EQ(run(fork_of("more", "bytes", at(1), 1))->error, Errc::invalid_fork);
  ASSERT_FALSE(run(create_of("empty"))->error);
  EXPECT_EQ(run(fork_of("more", "empty", {}, 1))->error, Errc::invalid_fork);
  EXPECT_EQ(forks("bytes"), 1U);
  EXPECT_EQ(forks("empty"), 0U);
}

TEST_F(ForkTest, TextIsNotCutWithinACharacter) {
  ASSERT_FALSE(run(create_of("text", kText, {"a\xc3\xa9"}))->error);
  EXPECT_EQ(run(fork_of("fork", "text", at(0), 2))->error, Errc::invalid_fork);
  EXPECT_FALSE(run(fork_of("fork", "text", at(0), 1))->error);
  EXPECT_EQ(read("fork"), Data{"a"});
}

TEST_F(ForkTest, WhatThePublishBeforeItAppendedIsInherited) {
  std::vector<std::unique_ptr<Request>> requests;
  ASSERT_FALSE(run(create_of("bytes", {}, {}))->error);
  requests.push_back(publish_of("bytes", {"hello"}));
  requests.push_back(fork_of("fork", "bytes", at(0), 2));
  requests.push_back(publish_of("bytes", {"more"}));
  requests.push_back(publish_of("fork", {"own"}));
  ASSERT_TRUE(store_->submit(requests));
  EXPECT_FALSE(publish("fork", {"last"}));
  now_and_after_reopening([&] { EXPECT_EQ(read("fork"), (Data{"he", "own", "last"})); });
}

TEST_F(ForkTest, OfAClosedTopicIsOpen) {
  auto closing = publish_of("source", {"4"});
  closing->close = true;
  ASSERT_FALSE(run(std::move(closing))->error);
  EXPECT_FALSE(run(fork_of("fork", "source"))->closed);
  EXPECT_FALSE(publish("fork", {"5"}));
  auto closed = fork_of("closed", "source");
  closed->close = true;
  EXPECT_TRUE(run(std::move(closed))->closed);
}

TEST_F(ForkTest, ProducersAndSequencesBeginAnew) {
  const auto send = [&](const char* name) {
    auto request = publish_of(name, {"7"});
    request->producer = ProducerStamp{"p", 0, 0};
    request->sequence = "5";
    return run(std::move(request));
  };
  ASSERT_FALSE(send("source")->error);
  ASSERT_FALSE(run(fork_of("fork", "source"))->error);
  const auto first = send("fork");
  EXPECT_FALSE(first->error);
  EXPECT_FALSE(first->duplicate);
}

TEST_F(ForkTest, ForksOfForksReadThroughAllOfThem) {
  ASSERT_FALSE(run(fork_of("b", "source", at(2)))->error);
  ASSERT_FALSE(publish("b", {"30", "40"}));
  ASSERT_FALSE(run(fork_of("c", "b", at(3)))->error);
  ASSERT_FALSE(publish("c", {"400"}));
  ASSERT_FALSE(run(fork_of("d", "b", at(1)))->error);
  now_and_after_reopening([&] {
    EXPECT_EQ(read("c"), (Data{"1", "2", "30", "400"}));
    EXPECT_EQ(read("d"), Data{"1"});
    EXPECT_EQ(forks("source"), 1U);
    EXPECT_EQ(forks("b"), 2U);
  });
}

TEST_F(ForkTest, DepthHasALimit) {
  std::string last = "source";
  for (std::uint32_t depth = 1; depth <= kMaxForkDepth; ++depth) {
    const std::string name = "f" + std::to_string(depth);
    ASSERT_FALSE(run(fork_of(name, last))->error);
    ASSERT_FALSE(publish(name, {std::to_string(depth)}));
    last = name;
  }
  EXPECT_EQ(run(fork_of("one-more", last))->error, Errc::too_many_forks);
  EXPECT_EQ(read(last).size(), 3 + kMaxForkDepth);
}

TEST_F(ForkTest, HasTheLifetimeOfItsSourceUnlessItHasItsOwn) {
  auto source = create_of("limited", kText);
  source->ttl = seconds(100);
  ASSERT_FALSE(run(std::move(source))->error);
  EXPECT_EQ(run(fork_of("same", "limited"))->settings.ttl, seconds(100));
  auto own = fork_of("own", "limited");
  own->expires_at = Timestamp{4'000'000'000'000};
  const auto done = run(std::move(own));
  EXPECT_EQ(done->settings.ttl, std::nullopt);
  EXPECT_EQ(done->settings.expires_at, (Timestamp{4'000'000'000'000}));
}

TEST_F(ForkTest, AskedForAgainIsTheSameIfWhatIsSaidIs) {
  auto source = create_of("limited", kText, {"a", "b"});
  source->ttl = seconds(100);
  ASSERT_FALSE(run(std::move(source))->error);
  ASSERT_TRUE(run(fork_of("fork", "limited", at(1), 1))->created);
  const auto again = [&](const auto& change) {
    auto request = fork_of("fork", "limited", at(1), 1);
    change(*request);
    const auto done = run(std::move(request));
    EXPECT_FALSE(done->created);
    return done->error;
  };
  const auto differs = std::optional(Errc::topic_differs);
  now_and_after_reopening([&] {
    EXPECT_EQ(again([](CreateRequest&) {}), std::nullopt);
    EXPECT_EQ(again([](CreateRequest& r) { r.fork->after.reset(); }), std::nullopt);
    EXPECT_EQ(again([](CreateRequest& r) { r.content_type = kText; }), std::nullopt);
    EXPECT_EQ(again([](CreateRequest& r) { r.ttl = seconds(100); }), std::nullopt);
    EXPECT_EQ(again([](CreateRequest& r) { r.ttl = seconds(99); }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.content_type = kJson; }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.close = true; }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.fork->after = at(0); }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.fork->sub_offset = 0; }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.fork->source = topic_name("source"); }), differs);
    EXPECT_EQ(again([](CreateRequest& r) { r.fork.reset(); }), differs);
    EXPECT_EQ(forks("limited"), 1U);
  });
}

TEST_F(ForkTest, OfATrimmedTopicBeginsWhereThatDoes) {
  ASSERT_FALSE(publish("source", {"4", "5"}));
  ASSERT_FALSE(trim("source", 4));
  ASSERT_FALSE(run(fork_of("late", "source"))->error);
  ASSERT_FALSE(run(fork_of("early", "source", at(2)))->error);
  ASSERT_FALSE(publish("early", {"30"}));
  now_and_after_reopening([&] {
    EXPECT_EQ(topic("late")->bounds().earliest, Offset{4});
    EXPECT_EQ(read("late", at(3)), (Data{"4", "5"}));
    EXPECT_EQ(topic("early")->bounds().earliest, Offset{3});
    EXPECT_EQ(read("early", at(2)), Data{"30"});
    const auto answer = store_->read(*topic("early"), at(0));
    ASSERT_EQ(answer.state, ReadAnswer::State::gap);
    EXPECT_EQ(answer.gap.lost, (OffsetRange{{1}, {3}}));
    EXPECT_EQ(answer.gap.cause, GapCause::trimmed);
  });
}

}  // namespace
}  // namespace tidemark::storage
