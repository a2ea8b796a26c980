// Lines when something goes wrong with the store, and when it is over; not one a request.
// tests/tools/: daemon/trouble_log, with troubles of the test's own.
#include "tools/daemon/trouble_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"

namespace tidemark::tools {
namespace {

using storage::Problem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

struct TroubleLogTest : testing::Test {
  storage::Troubles troubles = storage::troubles_of({});
  std::vector<storage::DamagedTopic> damaged;
  TroubleLog log;
  TroubleLog::Time now{1h};

  storage::Trouble& of(Problem problem) { return troubles.at(static_cast<std::size_t>(problem)); }
  std::vector<std::string> look() {
    const broker::log::Capture capture;
    log.look(troubles, damaged, now);
    now += 1s;
    return capture.lines();
  }
};

TEST_F(TroubleLogTest, ALineWhenItBeginsAndOneWhenItEnds) {
  EXPECT_THAT(look(), IsEmpty());
  of(Problem::disk_full) = {
      .problem = Problem::disk_full, .now = true, .times = 1, .detail = "1.0 MiB are free"};
  EXPECT_THAT(look(),
              ElementsAre(AllOf(HasSubstr("warn"), HasSubstr("event=problem"),
                                HasSubstr("problem=disk_full"), HasSubstr("1.0 MiB are free"))));
  EXPECT_THAT(look(), IsEmpty()) << "it has been told";
  of(Problem::disk_full).now = false;
  EXPECT_THAT(look(),
              ElementsAre(AllOf(HasSubstr("event=problem_over"), HasSubstr("problem=disk_full"),
                                HasSubstr("after_ms=2000.000"))));
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(TroubleLogTest, WhatCameAndWentBetweenTwoLooksIsToldToo) {
  of(Problem::recovering).times = 3;
  EXPECT_THAT(look(), ElementsAre(AllOf(HasSubstr("problem=recovering"), HasSubstr("times=3")),
                                  HasSubstr("event=problem_over")));
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(TroubleLogTest, WhatBecomesWorseIsToldAgain) {
  of(Problem::clock_jumped) = {
      .problem = Problem::clock_jumped, .now = true, .times = 1, .detail = "forward"};
  EXPECT_EQ(look().size(), 1U);
  of(Problem::clock_jumped).times = 2;
  of(Problem::clock_jumped).detail = "back";
  EXPECT_THAT(look(), ElementsAre(HasSubstr("back")));
}

TEST_F(TroubleLogTest, DamageIsToldByTopicAndOnce) {
  damaged = {{.name = "orders", .id = {1}, .events = {{Offset{5}, Offset{8}}}},
             {.name = "prices", .id = {}, .events = {}}};
  EXPECT_THAT(look(),
              ElementsAre(AllOf(HasSubstr("event=damage"), HasSubstr("topic=orders"),
                                HasSubstr("first=5"), HasSubstr("last=7"), HasSubstr("events=3")),
                          AllOf(HasSubstr("topic=prices"), HasSubstr("can't be opened"))));
  EXPECT_THAT(look(), IsEmpty());
  damaged.front().events.front().end = Offset{9};
  EXPECT_THAT(look(), ElementsAre(HasSubstr("last=8")));
}

}  // namespace
}  // namespace tidemark::tools
