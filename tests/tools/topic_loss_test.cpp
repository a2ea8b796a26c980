// What goes, as people and as programs read it.
// tests/tools/: see tools/topic_loss.hpp; against brokers in cli_changes_test.
#include "tools/topic_loss.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TopicLoss sample_loss() {
  TopicLoss loss;
  loss.topic = "orders";
  loss.events = {Offset{1}, Offset{41}};
  loss.kept = {Offset{41}, Offset{42}};
  loss.bytes = 2'048;
  return loss;
}

TEST(TopicLoss, IsToldInLines) {
  auto loss = sample_loss();
  EXPECT_EQ(loss_text(loss),
            "orders loses 40 events, 1 to 40: 2.0 KiB\n"
            "1 event stays, 41\n");
  loss.about = true;
  loss.keys = 3;
  EXPECT_EQ(loss_text(loss),
            "orders loses 40 events, 1 to 40: about 2.0 KiB\n"
            "1 event stays, 41\n"
            "the newest event of each of 3 keys stays beside the log\n");
  loss.kept = {Offset{41}, Offset{41}};
  EXPECT_THAT(loss_text(loss), HasSubstr("no event stays\n"));
}

TEST(TopicLoss, NamesTwentyCursorsAndCountsTheRest) {
  auto loss = sample_loss();
  for (int i = 0; i < 25; ++i) loss.cursors.push_back({"c" + std::to_string(i), 1, 2});
  loss.cursor_count = 30;
  const auto text = loss_text(loss);
  EXPECT_THAT(text, HasSubstr("have not read all that goes: 30\n"));
  EXPECT_THAT(text, HasSubstr("  c19  at 1, loses 2\n  … and 10 more\n"));
  EXPECT_THAT(text, Not(HasSubstr("c20")));
  EXPECT_EQ(loss_object(loss).at("cursors").at("list").as_array().size(), 25U);
}

TEST(TopicLoss, HostileNamesDoNotSteer) {
  auto loss = sample_loss();
  loss.cursors = {{"\x1b[31m", 1, 2}};
  loss.cursor_count = 1;
  EXPECT_THAT(loss_text(loss), Not(HasSubstr("\x1b")));
}

TEST(TopicLoss, ForksThatMayNotBeSeenAreCounted) {
  auto loss = sample_loss();
  loss.fork_count = 2;
  EXPECT_THAT(loss_text(loss), EndsWith("2 forks still read these events, whose space is given "
                                        "back when no fork is left\n"));
  loss.forks = {"a"};
  EXPECT_THAT(loss_text(loss), EndsWith("no fork is left: a, …\n"));
  loss.forks = {"a", "b"};
  EXPECT_THAT(loss_text(loss), EndsWith("no fork is left: a, b\n"));
}

TEST(TopicLoss, ADeletionIsOfEverything) {
  auto loss = sample_loss();
  loss.deleted = true;
  loss.producers = 1;
  loss.subscribers = 2;
  EXPECT_EQ(loss_text(loss),
            "orders goes with 40 events, 1 to 40: 2.0 KiB\n"
            "and with it what is remembered of 1 producer\n"
            "2 subscribers at this moment\n");
  loss.events = {Offset{41}, Offset{41}};
  EXPECT_THAT(loss_text(loss), HasSubstr("orders goes; it holds no events\n"));
}

TEST(TopicLoss, OfNoEventsNamesNone) {
  TopicLoss loss = sample_loss();
  loss.events = {Offset{41}, Offset{41}};
  loss.bytes = 0;
  const auto object = loss_object(loss);
  EXPECT_EQ(object.at("drops"),
            boost::json::parse(R"({"events":0,"bytes":0,"bytes_estimated":false})"));
  EXPECT_EQ(object.at("keep").to_number<std::uint64_t>(), 41U);
}

}  // namespace
}  // namespace tidemark::tools
