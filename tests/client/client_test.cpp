// The connection: status, goodbye, pings, nonsense from the broker, closing.
// tests/client/: see protocol/client/client.hpp.
#include <random>
#include <stdexcept>

#include <boost/asio/experimental/awaitable_operators.hpp>
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
using test::StatusLog;

TEST(ClientTest, AnUrlThatIsNoneIsToldAtOnce) {
  Harness harness;
  EXPECT_THROW(Client(harness.executor(), quick("ftp://a")), std::invalid_argument);
}

TEST(ClientTest, ConnectSaysWhatWentWrong) {
  std::string url;
  {
    FakeBroker gone;
    url = gone.url();
  }
  Harness harness;
  Client client(harness.executor(), quick(url));
  const auto reply = harness.get(client.connect());
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::connection_lost);
  EXPECT_THAT(reply.error().text, testing::HasSubstr("cannot connect to 127.0.0.1:"));
  EXPECT_THAT(reply.error().text, testing::HasSubstr("refused"));
}

TEST(ClientTest, ConnectTimesOutOnABrokerThatSaysNothing) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
  Harness harness;
  auto options = quick("ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port()));
  options.connect_timeout = milliseconds(30);
  Client client(harness.executor(), options);
  const auto reply = harness.get(client.connect());
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::timed_out);
}

TEST(ClientTest, ABrokerOfAnotherFormIsNotSpokenTo) {
  FakeBroker broker(WireForm::json);
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  const auto reply = harness.get(client.connect());
  ASSERT_FALSE(reply.has_value());
  EXPECT_THAT(reply.error().text, testing::HasSubstr("tidemark.v1.cereal"));
}

TEST(ClientTest, ReportsWhatTheConnectionDoes) {
  FakeBroker broker;
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  ASSERT_TRUE(harness.get(client.connect()).has_value());
  broker.drop_all();
  statuses.wait_for<Connected>(2);
  const auto all = statuses.all();
  ASSERT_GE(all.size(), 5U);
  EXPECT_TRUE(std::holds_alternative<Connecting>(all[0]));
  EXPECT_TRUE(std::holds_alternative<Connected>(all[1]));
  ASSERT_TRUE(std::holds_alternative<Disconnected>(all[2]));
  const auto& lost = std::get<Disconnected>(all[2]);
  EXPECT_EQ(lost.reason.code, Errc::connection_lost);
  EXPECT_GE(lost.retry_in, options.backoff_min);
  EXPECT_LE(lost.retry_in, options.backoff_max);
  EXPECT_FALSE(lost.goodbye);
}

TEST(ClientTest, TriesAgainWithGrowingDelaysUntilTheBrokerIsThere) {
  auto gone = std::make_unique<FakeBroker>();
  const auto port = gone->port();
  gone.reset();
  StatusLog statuses;
  Harness harness;
  auto options = quick("ws://127.0.0.1:" + std::to_string(port));
  options.backoff_min = milliseconds(2);
  options.backoff_max = milliseconds(16);
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  auto published = harness.start(client.publish("t", one("a")));
  for (std::size_t n = 1; n <= 6; ++n) {
    const auto delay = statuses.wait_for<Disconnected>(n).retry_in.count();
    EXPECT_GE(delay, 2);
    EXPECT_LE(delay, std::min<std::int64_t>(16, std::int64_t{2} << n)) << "try " << n;
  }
  FakeBroker broker(WireForm::binary, port);
  EXPECT_TRUE(Harness::await(std::move(published)).has_value());
}

TEST(ClientTest, AfterAGoodbyeItComesBackWhenTold) {
  FakeBroker broker;
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  ASSERT_TRUE(harness.get(client.connect()).has_value());
  broker.say_goodbye(77);
  const auto left = statuses.wait_for<Disconnected>();
  EXPECT_TRUE(left.goodbye);
  EXPECT_EQ(left.retry_in, milliseconds(77));
  statuses.wait_for<Connected>(2);
}

TEST(ClientTest, AGoodbyesDelayIsBelievedOnlySoFar) {
  FakeBroker broker;
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.goodbye_max = milliseconds(50);
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  ASSERT_TRUE(harness.get(client.connect()).has_value());
  broker.say_goodbye(4'000'000'000);
  EXPECT_EQ(statuses.wait_for<Disconnected>().retry_in, milliseconds(50));
}

TEST(ClientTest, PublishesDuringAGoodbyeAreSentWhenItIsBack) {
  FakeBroker broker;
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  ASSERT_TRUE(harness.get(client.publish("t", one("a"))).has_value());
  broker.say_goodbye(5);
  ASSERT_TRUE(harness.get(client.publish("t", one("b"))).has_value());
  EXPECT_EQ(broker.log("t"), (std::vector<std::string>{"a", "b"}));
}

TEST(ClientTest, ASilentBrokerIsPingedAndThenLeft) {
  FakeBroker broker;
  std::atomic<bool> answering{true};
  broker.answer_pings = [&] { return answering.load(); };
  StatusLog statuses;
  Harness harness;
  auto options = quick(broker.url());
  options.ping_interval = milliseconds(20);
  options.on_status = std::ref(statuses);
  Client client(harness.executor(), options);
  ASSERT_TRUE(harness.get(client.connect()).has_value());
  while (broker.pings() < 3) std::this_thread::yield();
  EXPECT_EQ(broker.connections(), 1U);
  answering = false;
  EXPECT_EQ(statuses.wait_for<Disconnected>().reason.code, Errc::timed_out);
}

TEST(ClientTest, NonsenseFromTheBrokerIsTheEndOfTheConnectionOnly) {
  std::mt19937_64 random(7);
  FakeBroker broker;
  broker.create("t");
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  StatusLog statuses;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(harness.get(client.publish("t", one("x"))).has_value());
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (random() % 2 == 0 && !bytes.empty()) bytes.front() = static_cast<char>(0x11 + i % 10);
    broker.send_bytes(bytes);
  }
  for (int i = 0; i < 100; ++i) {
    for (;;) {
      const auto reply = harness.get(subscription.next());
      ASSERT_TRUE(reply.has_value()) << reply.error().text;
      if (const auto* event = std::get_if<Event>(&*reply)) {
        ASSERT_EQ(event->offset, Offset{static_cast<std::uint64_t>(i + 1)});
        break;
      }
    }
  }
}

TEST(ClientTest, MessagesNobodyAskedForChangeNothing) {
  FakeBroker broker;
  broker.create("t");
  broker.append("t", "1");
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  ASSERT_TRUE(harness.get(subscription.next()).has_value());
  broker.send(Subscribed{.id = 999, .topic = "t", .position = {{1}, {500}}});
  broker.send(Subscribed{.id = 0, .topic = "other"});
  broker.send(Published{.id = 12345, .topic = "t"});
  broker.send(Unsubscribed{.id = 4, .topic = "other"});
  broker.send(Event{.topic = "other", .offset = {5}});
  broker.send(GapNotice{.topic = "other"});
  broker.send(EpochNotice{.topic = "other"});
  broker.send(CaughtUp{.topic = "other"});
  broker.send(Failure{.id = 777, .code = Errc::not_subscribed});
  broker.send(Failure{.id = 0, .code = Errc::malformed_message});
  broker.send(Pong{.id = 8});
  ASSERT_TRUE(harness.get(client.publish("t", one("2"))).has_value());
  for (;;) {
    const auto reply = harness.get(subscription.next());
    ASSERT_TRUE(reply.has_value());
    if (const auto* event = std::get_if<Event>(&*reply)) {
      EXPECT_EQ(event->data, "2");
      break;
    }
  }
  EXPECT_EQ(broker.connections(), 1U);
}

TEST(ClientTest, ClosingRefusesWhatIsUnderWayAndEndsSubscriptions) {
  FakeBroker broker;
  broker.create("t");
  broker.on_publish = [](const Publish&, std::uint64_t) {
    return Fault{.kind = Fault::Kind::ignore};
  };
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t");
  ASSERT_TRUE(harness.get(subscription.next()).has_value());  // caught up
  auto next = harness.start(subscription.next());
  auto published = harness.start(client.publish("t", one("a")));
  while (broker.publishes().empty()) std::this_thread::yield();
  harness.get(client.close());
  const auto refused = Harness::await(std::move(published));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::cancelled);
  EXPECT_TRUE(refused.error().outcome_unknown);
  EXPECT_FALSE(Harness::await(std::move(next)).has_value());
  auto end = harness.get(subscription.next());
  ASSERT_FALSE(end.has_value());
  EXPECT_EQ(end.error().code, Errc::cancelled);
  EXPECT_EQ(harness.get(client.publish("t", one("b"))).error().code, Errc::cancelled);
  EXPECT_EQ(harness.get(client.connect()).error().code, Errc::cancelled);
}

TEST(ClientTest, ClosingWorksBeforeDuringAndAfterConnecting) {
  FakeBroker broker;
  Harness harness;
  Client unused(harness.executor(), quick(broker.url()));
  harness.get(unused.close());
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
  Client hanging(harness.executor(),
                 quick("ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port())));
  auto connecting = harness.start(hanging.connect());
  harness.get(hanging.close());
  EXPECT_FALSE(Harness::await(std::move(connecting)).has_value());
  Client used(harness.executor(), quick(broker.url()));
  ASSERT_TRUE(harness.get(used.connect()).has_value());
  harness.get(used.close());
  harness.get(used.close());
}

TEST(ClientTest, DestroyingItUnderWayIsSafe) {
  FakeBroker broker;
  broker.create("t");
  Harness harness;
  for (int i = 0; i < 20; ++i) {
    std::future<Reply<PublishReceipt>> published;
    std::optional<Subscription> subscription;
    {
      Client client(harness.executor(), quick(broker.url()));
      subscription.emplace(client.subscribe("t"));
      published = harness.start(client.publish("t", one("a")));
      if (i % 2 == 0) static_cast<void>(harness.get(client.connect()));
    }
    static_cast<void>(Harness::await(std::move(published)));
    while (harness.get(subscription->next()).has_value()) {
    }
  }
}

boost::asio::awaitable<bool> first_of(Subscription& subscription, milliseconds patience) {
  using namespace boost::asio::experimental::awaitable_operators;  // NOLINT
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, patience);
  auto both = subscription.next() || timer.async_wait(boost::asio::use_awaitable);
  auto first = co_await std::move(both);
  co_return first.index() == 0;
}

TEST(ClientTest, WaitingCanBeGivenUpAndTakenUpAgain) {
  FakeBroker broker;
  broker.create("t");
  Harness harness;
  Client client(harness.executor(), quick(broker.url()));
  auto subscription = client.subscribe("t");
  ASSERT_TRUE(harness.get(subscription.next()).has_value());  // caught up
  EXPECT_FALSE(harness.get(first_of(subscription, milliseconds(20))));
  broker.append("t", "1");
  const auto reply = harness.get(subscription.next());
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(std::get<Event>(*reply).data, "1");
}

}  // namespace
}  // namespace tidemark::client
