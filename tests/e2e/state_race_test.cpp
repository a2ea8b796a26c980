// State and events without a gap between them: every client ends with what the database holds.
// tests/e2e/: from all four sources of a state, with clients that come and go and a broker that is
// killed; TIDEMARK_SEEDS=N runs each race N times.
#include "tests/e2e/state_race.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/daemon.hpp"

namespace tidemark::test {
namespace {

std::string name_of(Source source) {
  switch (source) {
    case Source::hook:
      return "Hook";
    case Source::snapshot:
      return "Snapshot";
    case Source::keys:
      return "Keys";
    case Source::callback:
      return "Callback";
  }
  return {};
}

int seeds_wanted() {
  const char* const given = std::getenv("TIDEMARK_SEEDS");
  return given != nullptr ? std::max(1, std::atoi(given)) : 1;
}

class StateRace : public testing::TestWithParam<Source> {
 protected:
  static RaceOutcome race(const RaceOptions& options) {
    return options.source == Source::callback ? race_in_process(options)
                                              : race_over_network(options);
  }

  static void judge(const RaceOutcome& outcome) {
    EXPECT_EQ(outcome.failure, "");
    EXPECT_EQ(outcome.unfinished, 0U) << "someone did not finish in time";
    EXPECT_TRUE(outcome.database.contains(kEndKey));
    EXPECT_EQ(outcome.replicas.size(), kReaders);
    std::size_t states = 0;
    std::size_t events = 0;
    for (std::size_t i = 0; i < outcome.replicas.size(); ++i) {
      const auto& replica = outcome.replicas[i];
      EXPECT_EQ(replica.items(), outcome.database) << "client " << i;
      EXPECT_EQ(replica.faults(), std::vector<std::string>()) << "client " << i;
      EXPECT_GT(replica.states(), 0U) << "client " << i;
      states += replica.states();
      events += replica.events();
    }
    std::printf(
        "  %zu clients: %zu states and %zu events, %zu departures, %zu repeated joins; the "
        "application was asked %llu times\n",
        outcome.replicas.size(), states, events, outcome.departures, outcome.refusals,
        static_cast<unsigned long long>(outcome.asked));
    // Else nothing raced.
    EXPECT_GT(events, 0U);
    EXPECT_GT(outcome.departures, kReaders);
  }

  void run(bool tight) {
    auto seed = test_seed();
    for (int i = 0; i < seeds_wanted() && !HasFailure(); ++i, ++seed) {
      SCOPED_TRACE("TIDEMARK_SEED=" + std::to_string(seed));
      judge(race({.source = GetParam(), .tight = tight, .seed = seed}));
    }
  }
};

TEST_P(StateRace, EveryClientEndsWithTheDatabase) { run(false); }

// Retention keeps thirty events, and trims in between forget all: a source that takes its time, and
// readers who were away, are overtaken again and again.
TEST_P(StateRace, EveryClientEndsWithTheDatabaseWhenRetentionOvertakesTheSource) { run(true); }

INSTANTIATE_TEST_SUITE_P(EverySource, StateRace,
                         testing::Values(Source::hook, Source::snapshot, Source::keys,
                                         Source::callback),
                         [](const auto& raced) { return name_of(raced.param); });

// The judge itself: a replica that was sent something wrong has to say so.
TEST(StateRaceJudge, SeesWhatIsMissingDoubledOrOutOfPlace) {
  const State whole{.topic = "t", .position = {{1}, {5}}, .bundle = R"({"a":1})"};
  const auto faults_of = [&](const std::function<void(Replica&)>& happens) {
    Replica replica;
    happens(replica);
    return replica.faults().size();
  };
  EXPECT_EQ(faults_of([&](Replica& r) {
              r.state(whole);
              r.event({6}, "a", "2");
              r.event({7}, "a", "null");
            }),
            0U);
  EXPECT_EQ(faults_of([&](Replica& r) { r.event({1}, "a", "2"); }), 1U);
  EXPECT_EQ(faults_of([&](Replica& r) {
              r.state(whole);
              r.event({7}, "a", "2");  // 6 is missing
            }),
            1U);
  EXPECT_EQ(faults_of([&](Replica& r) {
              r.state(whole);
              r.event({5}, "a", "2");  // in the state already
            }),
            1U);
  EXPECT_EQ(faults_of([&](Replica& r) {
              r.state(whole);
              r.gap();
              r.event({9}, "a", "2");  // without a state after the gap
            }),
            1U);
  State half = whole;
  half.last = false;
  EXPECT_EQ(faults_of([&](Replica& r) {
              r.state(half);
              r.event({6}, "a", "2");
            }),
            1U);
  State rest = whole;
  rest.first = false;
  EXPECT_EQ(faults_of([&](Replica& r) { r.state(rest); }), 1U);
}

}  // namespace
}  // namespace tidemark::test
