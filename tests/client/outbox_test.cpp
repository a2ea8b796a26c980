// The rules that keep retries from doubling, without sockets.
// tests/client/: see protocol/client/outbox.hpp.
#include "protocol/client/outbox.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Outbox::Time kNow{std::chrono::hours(1)};

class OutboxTest : public testing::Test {
 protected:
  Outbox::Options options() {
    Outbox::Options out;
    out.producer = {.id = "me", .epoch = 5};
    out.publishes_in_flight = 8;
    return out;
  }

  Outbox::Ticket add(const std::string& data, std::optional<Outbox::Time> deadline = {}) {
    Publish publish{.topic = "t"};
    publish.events.emplace_back().data = data;
    return add(std::move(publish), data, deadline);
  }
  Outbox::Ticket add(Publish publish, const std::string& name,
                     std::optional<Outbox::Time> deadline = {}) {
    return outbox.add(std::move(publish), deadline, [this, name](Reply<PublishReceipt> reply) {
      outcomes.push_back(name + " " + (reply ? "ok" : std::string(info(reply.error().code).name)) +
                         (!reply && reply.error().outcome_unknown ? "?" : ""));
    });
  }
  /// What goes out, as "data epoch.sequence".
  std::vector<std::string> pump(Outbox::Time now = kNow) {
    std::vector<std::string> out;
    outbox.pump(now, [&](const ClientMessage& message) {
      const auto& publish = std::get<Publish>(message);
      const auto& data = publish.events.front().data;
      ids[data] = publish.id;
      out.push_back(data + " " + std::to_string(publish.producer->epoch) + "." +
                    std::to_string(publish.producer->sequence));
    });
    return out;
  }
  void answer(const std::string& data) { outbox.published({.id = ids.at(data), .topic = "t"}); }
  void refuse(const std::string& data, Errc code, std::optional<std::uint64_t> wait_ms = {}) {
    EXPECT_TRUE(outbox.failed({.id = ids.at(data), .code = code, .retry_after_ms = wait_ms}, kNow));
  }

  RequestId last_id = 0;
  Outbox outbox{options(), [this] { return ++last_id; }};
  std::map<std::string, RequestId> ids;
  std::vector<std::string> outcomes;
};

TEST_F(OutboxTest, NumbersPerTopicFromZero) {
  add("a");
  add("b");
  EXPECT_THAT(pump(), ElementsAre("a 5.0", "b 5.1"));
  Publish other{.topic = "u"};
  other.events.emplace_back().data = "c";
  add(std::move(other), "c");
  EXPECT_THAT(pump(), ElementsAre("c 5.0"));
}

TEST_F(OutboxTest, SendsTheUnansweredAgainWithTheSameNumbers) {
  add("a");
  add("b");
  add("c");
  pump();
  answer("a");
  outbox.disconnected();
  EXPECT_THAT(pump(), ElementsAre("b 5.1", "c 5.2"));
  answer("b");
  answer("c");
  EXPECT_THAT(outcomes, ElementsAre("a ok", "b ok", "c ok"));
  EXPECT_EQ(outbox.waiting(), 0U);
  EXPECT_EQ(outbox.waiting_bytes(), 0U);
}

TEST_F(OutboxTest, AnswersOfALostConnectionAreNotListenedTo) {
  add("a");
  pump();
  const RequestId old = ids.at("a");
  outbox.disconnected();
  pump();
  outbox.published({.id = old, .topic = "t"});
  EXPECT_THAT(outcomes, IsEmpty());
}

TEST_F(OutboxTest, KeepsToItsWindow) {
  for (int i = 0; i < 20; ++i) add(std::to_string(i));
  EXPECT_EQ(pump().size(), 8U);
  EXPECT_FALSE(outbox.has_room());
  EXPECT_THAT(pump(), IsEmpty());
  answer("0");
  answer("1");
  EXPECT_THAT(pump(), ElementsAre("8 5.8", "9 5.9"));
}

TEST_F(OutboxTest, ARefusedLastOneGivesItsNumberToTheNext) {
  add("a");
  pump();
  refuse("a", Errc::event_too_large);
  add("b");
  EXPECT_THAT(pump(), ElementsAre("b 5.0"));
  EXPECT_THAT(outcomes, ElementsAre("a event_too_large"));
}

TEST_F(OutboxTest, ARefusedOneSentTwiceNeverGivesItsNumberAway) {
  add("a");
  pump();
  outbox.disconnected();
  pump();
  refuse("a", Errc::event_too_large);
  add("b");
  EXPECT_THAT(pump(), ElementsAre("b 6.0"));
}

TEST_F(OutboxTest, ThoseBehindARefusedOneMoveToTheNextEpochInOrder) {
  for (const auto* data : {"a", "b", "c", "d"}) add(data);
  pump();
  answer("a");
  refuse("b", Errc::invalid_payload);
  EXPECT_THAT(pump(), ElementsAre("c 6.0", "d 6.1"));
  add("e");
  EXPECT_THAT(pump(), ElementsAre("e 6.2"));
  answer("c");
  answer("d");
  answer("e");
  EXPECT_THAT(outcomes, ElementsAre("a ok", "b invalid_payload", "c ok", "d ok", "e ok"));
}

TEST_F(OutboxTest, TheNextEpochWaitsForThoseBeforeTheHole) {
  for (const auto* data : {"a", "b", "c"}) add(data);
  pump();
  refuse("b", Errc::invalid_payload);
  add("d");
  EXPECT_THAT(pump(), IsEmpty());
  outbox.disconnected();
  EXPECT_THAT(pump(), ElementsAre("a 5.0"));
  answer("a");
  EXPECT_THAT(pump(), ElementsAre("c 6.0", "d 6.1"));
}

TEST_F(OutboxTest, GapsBehindAPutOffOneAreSentAgainUnderTheirNumbers) {
  for (const auto* data : {"a", "b", "c"}) add(data);
  pump();
  refuse("a", Errc::overloaded);
  refuse("b", Errc::sequence_gap);
  refuse("c", Errc::sequence_gap);
  EXPECT_THAT(pump(), IsEmpty()) << "the broker asked for patience";
  const auto later = outbox.held_until();
  ASSERT_TRUE(later.has_value());
  EXPECT_THAT(pump(*later), ElementsAre("a 5.0", "b 5.1", "c 5.2"));
}

TEST_F(OutboxTest, ABrokerThatSaysHowLongToWaitIsBelieved) {
  add("a");
  pump();
  refuse("a", Errc::rate_limited, 7'000);
  EXPECT_THAT(pump(kNow + milliseconds(6'999)), IsEmpty());
  EXPECT_THAT(pump(kNow + milliseconds(7'000)), ElementsAre("a 5.0"));
}

TEST_F(OutboxTest, AGapThatComesAfterTheRetryWasAnsweredIsNoForgetting) {
  add("a");
  add("b");
  pump();
  refuse("a", Errc::overloaded);
  EXPECT_THAT(pump(*outbox.held_until()), ElementsAre("a 5.0"));
  answer("a");
  refuse("b", Errc::sequence_gap);  // of the time before a's retry
  EXPECT_THAT(pump(), ElementsAre("b 5.1"));
}

TEST_F(OutboxTest, ABrokerThatHasForgottenUsIsGivenTheNextEpoch) {
  add("a");
  pump();
  answer("a");
  add("b");
  add("c");
  pump();
  refuse("b", Errc::sequence_gap);
  EXPECT_THAT(pump(), ElementsAre("b 6.0", "c 6.1"));
}

TEST_F(OutboxTest, ABrokerThatAnswersGapForEverIsNotAskedForEver) {
  add("a");
  for (int i = 0; i < 10 && outcomes.empty(); ++i) {
    pump();
    refuse("a", Errc::sequence_gap);
  }
  EXPECT_THAT(outcomes, ElementsAre("a sequence_gap"));
}

TEST_F(OutboxTest, BeingFencedDoesNotFenceBack) {
  add("a");
  add("b");
  pump();
  refuse("a", Errc::producer_fenced);
  refuse("b", Errc::producer_fenced);
  add("c");
  EXPECT_THAT(pump(), ElementsAre("c 5.2"));
}

TEST_F(OutboxTest, OneThatWasNeverSentTimesOutForCertain) {
  add("a", kNow);
  outbox.expire(kNow);
  EXPECT_THAT(outcomes, ElementsAre("a timed_out"));
  add("b");
  EXPECT_THAT(pump(), ElementsAre("b 5.0"));
}

TEST_F(OutboxTest, OneThatWasSentTimesOutUnknownAndItsLateCopiesAreFenced) {
  add("a", kNow);
  pump(kNow - std::chrono::seconds(1));
  outbox.expire(kNow);
  EXPECT_THAT(outcomes, ElementsAre("a timed_out?"));
  add("b");
  EXPECT_THAT(pump(), ElementsAre("b 6.0"));
}

TEST_F(OutboxTest, OneThatTimedOutIsSentAgainWhileOthersDependOnIt) {
  add("a", kNow);
  add("b");
  pump(kNow - std::chrono::seconds(1));
  outbox.expire(kNow);
  outbox.disconnected();
  EXPECT_THAT(pump(), ElementsAre("a 5.0", "b 5.1"));
  answer("a");
  answer("b");
  EXPECT_THAT(outcomes, ElementsAre("a timed_out?", "b ok"));
  EXPECT_EQ(outbox.waiting(), 0U);
}

TEST_F(OutboxTest, AnAbandonedOneCallsNobody) {
  const auto sent = add("a");
  pump();
  const auto unsent = add("b");
  EXPECT_TRUE(outbox.abandon(unsent));
  EXPECT_FALSE(outbox.abandon(sent));
  EXPECT_EQ(outbox.waiting(), 0U);
  outbox.published({.id = ids.at("a"), .topic = "t"});
  EXPECT_THAT(outcomes, IsEmpty());
}

TEST_F(OutboxTest, AnIdentityOfTheApplicationsIsNeverRenumbered) {
  for (std::uint64_t n : {7, 8}) {
    Publish publish{.topic = "t"};
    publish.events.emplace_back().data = std::to_string(n);
    publish.producer = ProducerStamp{.id = "phone", .epoch = 1, .sequence = n};
    add(std::move(publish), std::to_string(n));
  }
  EXPECT_THAT(pump(), ElementsAre("7 1.7", "8 1.8"));
  refuse("7", Errc::invalid_payload);
  refuse("8", Errc::sequence_gap);
  EXPECT_THAT(pump(), ElementsAre("8 1.8")) << "once more, now that nothing is before it";
  refuse("8", Errc::sequence_gap);
  EXPECT_THAT(outcomes, ElementsAre("7 invalid_payload", "8 sequence_gap"));
}

TEST_F(OutboxTest, TooLargeWithoutANameIsTheLargest) {
  add("a");
  add(std::string(1000, 'b'));
  add("c");
  pump();
  outbox.too_large(refusal_of(Errc::message_too_large));
  outbox.disconnected();
  EXPECT_THAT(outcomes, ElementsAre(std::string(1000, 'b') + " message_too_large"));
  EXPECT_THAT(pump(), ElementsAre("a 5.0"));
  answer("a");
  EXPECT_THAT(pump(), ElementsAre("c 6.0"));
}

TEST_F(OutboxTest, RefusingAllSaysWhatIsUnknown) {
  add("a");
  pump();
  add("b");
  outbox.refuse_all(refusal_of(Errc::cancelled));
  EXPECT_THAT(outcomes, ElementsAre("a cancelled?", "b cancelled"));
}

/// What a broker does, with copies of lost connections that arrive whenever they like.
struct ModelBroker {
  std::uint64_t epoch = 0;
  std::vector<std::string> accepted;  ///< of this epoch, by sequence
  std::vector<std::string> log;

  ServerMessage handle(const Publish& publish) {
    const auto& stamp = *publish.producer;
    const auto& data = publish.events.front().data;
    if (stamp.epoch < epoch) return Failure{.id = publish.id, .code = Errc::producer_fenced};
    const bool fresh = stamp.epoch > epoch;
    if (!fresh && stamp.sequence < accepted.size()) {
      EXPECT_EQ(accepted[stamp.sequence], data) << "a number was given to another event";
      return Published{.id = publish.id, .topic = "t", .duplicate = true};
    }
    if (data.starts_with("bad")) return Failure{.id = publish.id, .code = Errc::invalid_payload};
    if (stamp.sequence != (fresh ? 0 : accepted.size())) {
      return Failure{.id = publish.id, .code = Errc::sequence_gap};
    }
    if (fresh) accepted.clear();
    epoch = stamp.epoch;
    accepted.push_back(data);
    log.push_back(data);
    return Published{.id = publish.id, .topic = "t"};
  }
};

/// Random drops, refusals, overload, timeouts and late copies: the log must hold each that was
/// confirmed once and in the order they were added, and of the others only those whose outcome was
/// said to be unknown.
void survive(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  RequestId last_id = 0;
  Outbox outbox({.producer = {.id = "me"}, .publishes_in_flight = 6}, [&] { return ++last_id; });
  ModelBroker broker;
  std::map<std::string, Reply<PublishReceipt>> replies;
  std::vector<std::string> added;
  std::vector<Publish> strays;
  std::deque<Publish> on_the_way;
  int left = 60;
  auto now = kNow;
  for (int step = 0; step < 20'000 && (left > 0 || outbox.waiting() > 0); ++step) {
    now += std::chrono::seconds(20);  // past any hold
    if (left > 0 && chance(40)) {
      Publish publish{.topic = "t"};
      const std::string data = (chance(15) ? "bad" : "good") + std::to_string(left--);
      publish.events.emplace_back().data = data;
      added.push_back(data);
      std::optional<Outbox::Time> deadline;
      if (chance(10)) deadline = now + std::chrono::minutes(random() % 20);
      outbox.add(std::move(publish), deadline, [&replies, data](Reply<PublishReceipt> reply) {
        EXPECT_TRUE(replies.emplace(data, std::move(reply)).second) << "answered twice";
      });
    }
    outbox.expire(now);
    outbox.pump(now, [&](const ClientMessage& message) {
      on_the_way.push_back(std::get<Publish>(message));
    });
    if (chance(10)) {  // a lost connection; what was on the way may still arrive, in order
      strays.insert(strays.end(), on_the_way.begin(), on_the_way.end());
      on_the_way.clear();
      outbox.disconnected();
    }
    if (!strays.empty() && chance(50)) {
      static_cast<void>(broker.handle(strays.front()));
      strays.erase(strays.begin());
    }
    if (on_the_way.empty() || chance(30)) continue;
    const Publish publish = on_the_way.front();
    on_the_way.pop_front();
    ServerMessage answer =
        chance(10) ? Failure{.id = publish.id, .code = Errc::overloaded} : broker.handle(publish);
    if (const auto* good = std::get_if<Published>(&answer)) outbox.published(*good);
    if (const auto* bad = std::get_if<Failure>(&answer)) outbox.failed(*bad, now);
  }
  EXPECT_EQ(left, 0);
  EXPECT_EQ(outbox.waiting(), 0U);
  EXPECT_EQ(replies.size(), added.size());
  std::vector<std::string> expected;
  for (const auto& data : added) {
    const auto& reply = replies.at(data);
    const bool in_log = std::ranges::find(broker.log, data) != broker.log.end();
    if (reply || (reply.error().outcome_unknown && in_log)) expected.push_back(data);
    if (!reply && reply.error().code != Errc::timed_out) {
      EXPECT_TRUE(data.starts_with("bad")) << data;
    }
  }
  EXPECT_EQ(broker.log, expected);
}

TEST(OutboxModel, ConfirmedIsAppendedOnceAndInOrderWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 500 && !testing::Test::HasFailure(); ++seed) survive(seed);
}

}  // namespace
}  // namespace tidemark::client
