// Publishing over real sockets that break.
// tests/client/: see protocol/client/client.hpp.
#include <numeric>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/harness.hpp"

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;
using test::FakeBroker;
using test::Fault;
using test::Harness;
using test::one;
using test::quick;
using testing::ElementsAre;

std::vector<std::string> numbers(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
  return out;
}

/// Publishes 0 … count - 1 all at once and expects each to be confirmed at its offset.
void publish_all(Harness& harness, Client& client, int count) {
  std::vector<std::future<Reply<PublishReceipt>>> replies;
  for (const auto& data : numbers(count)) {
    replies.push_back(
        harness.start(client.publish("t", one(data), {.content_type = "text/plain"})));
  }
  std::uint64_t offset = 1;
  for (auto& future : replies) {
    const auto reply = Harness::await(std::move(future));
    ASSERT_TRUE(reply.has_value()) << reply.error().text;
    EXPECT_EQ(reply->offsets, (OffsetRange{{offset}, {offset + 1}}));
    ++offset;
  }
}

class ClientPublish : public testing::TestWithParam<WireForm> {
 protected:
  ClientOptions options(const FakeBroker& broker) {
    ClientOptions out = quick(broker.url());
    out.form = GetParam();
    return out;
  }
};

TEST_P(ClientPublish, ConfirmsWithOffsetsInTheOrderOfTheCalls) {
  FakeBroker broker(GetParam());
  Harness harness;
  Client client(harness.executor(), options(broker));
  publish_all(harness, client, 300);
  EXPECT_EQ(broker.log("t"), numbers(300));
  EXPECT_EQ(broker.connections(), 1U);
}

TEST_P(ClientPublish, CarriesAnyBytesKeyAndHeaders) {
  FakeBroker broker(GetParam());
  Harness harness;
  Client client(harness.executor(), options(broker));
  std::vector<NewEvent> events = one(std::string("\0\xff\r\n", 4));
  events.front().key = "k";
  events.front().headers = {{"a", "b"}};
  ASSERT_TRUE(harness.get(client.publish("t", events)).has_value());
  const auto seen = broker.publishes();
  EXPECT_EQ(seen.front().events.front().key, "k");
  EXPECT_EQ(seen.front().events.front().headers, events.front().headers);
  EXPECT_THAT(broker.log("t"), ElementsAre(events.front().data));
}

TEST_P(ClientPublish, ADropAtAnyPublishBeforeOrAfterItIsAppendedNeitherLosesNorDoubles) {
  constexpr int kCount = 8;
  for (const auto kind : {Fault::Kind::drop_before, Fault::Kind::drop_after}) {
    for (std::uint64_t at = 0; at < kCount; ++at) {
      FakeBroker broker(GetParam());
      broker.on_publish = [=](const Publish&, std::uint64_t nth) {
        return Fault{.kind = nth == at ? kind : Fault::Kind::none};
      };
      Harness harness;
      Client client(harness.executor(), options(broker));
      publish_all(harness, client, kCount);
      EXPECT_EQ(broker.log("t"), numbers(kCount)) << "drop at " << at;
      EXPECT_EQ(broker.connections(), 2U);
    }
  }
}

TEST_P(ClientPublish, RandomDropsAndRefusalsThatPassNeitherLoseNorDouble) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    FakeBroker broker(GetParam());
    broker.on_publish = [&](const Publish&, std::uint64_t) {
      const auto dice = random() % 40;
      if (dice == 0) return Fault{.kind = Fault::Kind::drop_before};
      if (dice == 1) return Fault{.kind = Fault::Kind::drop_after};
      if (dice == 2) return Fault{.kind = Fault::Kind::refuse, .code = Errc::overloaded};
      if (dice == 3) return Fault{.kind = Fault::Kind::refuse, .code = Errc::disk_full};
      return Fault{};
    };
    Harness harness;
    auto few = options(broker);
    few.publishes_in_flight = 8;
    Client client(harness.executor(), few);
    publish_all(harness, client, 200);
    EXPECT_EQ(broker.log("t"), numbers(200));
  }
}

TEST_P(ClientPublish, ARefusalInThePipelineLosesNeitherTheOthersNorTheirOrder) {
  FakeBroker broker(GetParam());
  broker.on_publish = [](const Publish& publish, std::uint64_t) {
    const bool bad = publish.events.front().data == "bad";
    return Fault{.kind = bad ? Fault::Kind::refuse : Fault::Kind::none,
                 .code = Errc::invalid_payload};
  };
  Harness harness;
  Client client(harness.executor(), options(broker));
  std::vector<std::future<Reply<PublishReceipt>>> replies;
  const std::vector<std::string> all{"0", "1", "bad", "2", "3", "bad", "bad", "4"};
  for (const auto& data : all) replies.push_back(harness.start(client.publish("t", one(data))));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto reply = Harness::await(std::move(replies[i]));
    EXPECT_EQ(reply.has_value(), all[i] != "bad");
    if (!reply) {
      EXPECT_EQ(reply.error().code, Errc::invalid_payload);
      EXPECT_EQ(reply.error().text, "as ordered");
      EXPECT_FALSE(reply.error().outcome_unknown);
    }
  }
  EXPECT_EQ(broker.log("t"), numbers(5));
}

INSTANTIATE_TEST_SUITE_P(Forms, ClientPublish, testing::Values(WireForm::json, WireForm::binary),
                         [](const auto& form) {
                           return form.param == WireForm::json ? "Json" : "Binary";
                         });

TEST(ClientPublishing, AnExpectationThatFailsTellsTheHead) {
  FakeBroker broker;
  broker.create("t");
  broker.append("t", "x");
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  const auto refused = harness.get(client.publish("t", one("a"), {.expected_last = Offset{0}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::offset_mismatch);
  EXPECT_EQ(refused.error().head, Offset{1});
  EXPECT_TRUE(harness.get(client.publish("t", one("a"), {.expected_last = Offset{1}})).has_value());
}

TEST(ClientPublishing, WithoutAnAnswerItTimesOutWithAnUnknownOutcome) {
  FakeBroker broker;
  broker.on_publish = [](const Publish&, std::uint64_t nth) {
    return Fault{.kind = nth == 0 ? Fault::Kind::ignore : Fault::Kind::none};
  };
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  const auto reply = harness.get(client.publish("t", one("a"), {.timeout = milliseconds(50)}));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::timed_out);
  EXPECT_TRUE(reply.error().outcome_unknown);
  EXPECT_TRUE(harness.get(client.publish("t", one("b"))).has_value());
  EXPECT_THAT(broker.log("t"), ElementsAre("b"));
}

TEST(ClientPublishing, WithoutABrokerItTimesOutForCertain) {
  std::string url;
  {
    FakeBroker gone;
    url = gone.url();
  }
  Harness harness;
  Client client(harness.executor(), quick(url));
  const auto reply = harness.get(client.publish("t", one("a"), {.timeout = milliseconds(50)}));
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::timed_out);
  EXPECT_FALSE(reply.error().outcome_unknown);
}

TEST(ClientPublishing, ABrokerThatClosesOverSizeRefusesTheLargestOnly) {
  FakeBroker broker;
  broker.on_publish = [](const Publish& publish, std::uint64_t) {
    const bool large = publish.events.front().data.size() > 1000;
    return Fault{.kind = large ? Fault::Kind::close : Fault::Kind::none, .close_code = 1009};
  };
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto small = harness.start(client.publish("t", one("0")));
  auto large = harness.start(client.publish("t", one(std::string(2000, 'x'))));
  auto after = harness.start(client.publish("t", one("1")));
  EXPECT_TRUE(Harness::await(std::move(small)).has_value());
  const auto refused = Harness::await(std::move(large));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::message_too_large);
  EXPECT_TRUE(Harness::await(std::move(after)).has_value());
  EXPECT_EQ(broker.log("t"), numbers(2));
}

TEST(ClientPublishing, WhatCannotBeAskedIsRefusedAtOnce) {
  FakeBroker broker;
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  EXPECT_EQ(harness.get(client.publish("no spaces", one("a"))).error().code, Errc::invalid_topic);
  EXPECT_FALSE(harness.get(client.publish("t", {})).has_value());
  EXPECT_EQ(harness.get(client.publish("t", std::vector<NewEvent>(5'000))).error().code,
            Errc::too_many_events);
  EXPECT_EQ(broker.connections(), 0U);
}

TEST(ClientPublishing, AnIdentityOfTheApplicationsIsAnsweredAsDuplicateTheSecondTime) {
  FakeBroker broker;
  const ProducerStamp stamp{.id = "phone-7", .epoch = 3, .sequence = 0};
  for (const bool again : {false, true}) {
    Harness harness;
    Client client(harness.executor(), quick(broker.url()));
    const auto reply = harness.get(client.publish("t", one("a"), {.producer = stamp}));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->duplicate, again);
  }
  EXPECT_THAT(broker.log("t"), ElementsAre("a"));
}

TEST(ClientPublishing, RoomIsThereAgainWhenAnswersCome) {
  FakeBroker broker;
  Harness harness;
  auto options = quick(broker.url());
  options.publishes_in_flight = 2;
  Client client(harness.executor(), options);
  std::vector<std::future<Reply<PublishReceipt>>> replies;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(harness.get(client.room()).has_value());
    replies.push_back(harness.start(client.publish("t", one(std::to_string(i)))));
  }
  for (auto& reply : replies) EXPECT_TRUE(Harness::await(std::move(reply)).has_value());
  EXPECT_EQ(broker.log("t"), numbers(50));
}

}  // namespace
}  // namespace tidemark::client
