// The client and a real broker with TLS between them, and brokers that are not to be believed.
// tests/client/: see protocol/client/secure_stream.hpp and trust.hpp.
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/hub.hpp"
#include "broker/server.hpp"
#include "storage/event_store.hpp"
#include "tests/client/harness.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/memory_log.hpp"

namespace tidemark::client {
namespace {

using std::chrono::milliseconds;
using test::Harness;
using test::one;
using test::quick;
using test::StatusLog;
using testing::AllOf;
using testing::HasSubstr;

class ClientTls : public testing::Test {
 protected:
  /// A broker with this certificate; none: in the clear. At the port of an earlier one.
  void serve(const std::optional<Certificates::Pair>& pair) {
    broker::ServerOptions options;
    options.port = port_;
    if (pair) options.tls = broker::TlsOptions{pair->certificate, pair->key};
    server_.emplace(hub_, options);
    port_ = server_->port();
  }
  void serve() { serve(certificates_.make("broker")); }

  [[nodiscard]] std::string url(const std::string& scheme = "wss",
                                const std::string& host = "localhost") const {
    return scheme + "://" + host + ":" + std::to_string(port_);
  }
  [[nodiscard]] ClientOptions options(const std::string& at) const {
    auto out = quick(at);
    out.trust.ca_file = certificates_.authority().string();
    return out;
  }
  /// What the first try came to.
  std::string connect(ClientOptions with) {
    Client client(harness_.executor(), std::move(with));
    const auto connected = harness_.get(client.connect());
    return connected ? "connected" : connected.error().text;
  }
  std::string next_event(Subscription& subscription) {
    for (;;) {
      auto reply = harness_.get(subscription.next());
      if (!reply) return reply.error().text;
      if (auto* event = std::get_if<Event>(&*reply)) return event->data;
    }
  }

  Certificates certificates_;
  storage::EventStore store_{std::make_unique<storage::MemoryLog>(), {}};
  broker::Hub hub_{store_, {}};
  std::uint16_t port_ = 0;
  std::optional<broker::Server> server_;
  Harness harness_;
};

TEST_F(ClientTls, PublishesFollowsAndResumesInBothForms) {
  serve();
  for (const auto form : {WireForm::binary, WireForm::json}) {
    const std::string topic = form == WireForm::binary ? "binary" : "json";
    auto with = options(url());
    with.form = form;
    Client client(harness_.executor(), with);
    for (int i = 1; i <= 3; ++i) {
      const auto receipt = harness_.get(client.publish(topic, one(std::to_string(i))));
      ASSERT_TRUE(receipt) << receipt.error().text;
    }
    std::optional<Position> seen;
    {
      auto first = client.subscribe(topic, {.start = StartEarliest{}});
      EXPECT_EQ(next_event(first), "1");
      EXPECT_EQ(next_event(first), "2");
      seen = first.position();
    }
    Client later(harness_.executor(), with);
    auto second = later.subscribe(topic, {.start = StartAfter{*seen}});
    EXPECT_EQ(next_event(second), "3");
    ASSERT_TRUE(harness_.get(client.publish(topic, one("4"))));
    EXPECT_EQ(next_event(second), "4");
    harness_.get(later.close());
    harness_.get(client.close());
  }
}

TEST_F(ClientTls, GoesOnWithAnotherBrokerAndItsNewCertificate) {
  serve();
  StatusLog log;
  auto with = options(url("https", "127.0.0.1"));
  with.on_status = std::ref(log);
  Client client(harness_.executor(), with);
  ASSERT_TRUE(harness_.get(client.publish("t", one("1"))));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  EXPECT_EQ(next_event(subscription), "1");
  server_->stop();
  server_.reset();
  log.wait_for<Disconnected>();
  serve();
  ASSERT_TRUE(harness_.get(client.publish("t", one("2"))));
  EXPECT_EQ(next_event(subscription), "2");
  harness_.get(client.close());
}

TEST_F(ClientTls, LargeMessagesPassBothWays) {
  serve();
  auto with = options(url());
  Client client(harness_.executor(), with);
  // JSON, and nearly as large as an event may be.
  std::string large(1'000'000, '"');
  for (std::size_t i = 1; i + 1 < large.size(); ++i) {
    large[i] = static_cast<char>('a' + i / 1000 % 26);
  }
  auto subscription = client.subscribe("t", {.start = StartEarliest{}, .wait_for_topic = true});
  ASSERT_TRUE(harness_.get(client.publish("t", one(large))));
  EXPECT_EQ(next_event(subscription), large);
  harness_.get(client.close());
}

TEST_F(ClientTls, ManyEventsArriveInOrder) {
  serve();
  Client client(harness_.executor(), options(url()));
  Client reader(harness_.executor(), options(url()));
  auto subscription = reader.subscribe("t", {.start = StartEarliest{}, .wait_for_topic = true});
  for (int i = 0; i < 200; ++i) {
    std::vector<NewEvent> events(100);
    for (int j = 0; j < 100; ++j)
      events[static_cast<std::size_t>(j)].data = std::to_string(i * 100 + j);
    ASSERT_TRUE(harness_.get(client.publish("t", std::move(events))));
  }
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(next_event(subscription), std::to_string(i));
  harness_.get(reader.close());
  harness_.get(client.close());
}

// ---- whom not to believe ----

TEST_F(ClientTls, ABrokerNobodyVouchesForIsRefused) {
  serve();
  const auto by_the_system = connect(quick(url()));
  EXPECT_THAT(by_the_system, AllOf(HasSubstr("no TLS with localhost"),
                                   HasSubstr("its certificate is not trusted: ")));
  const Certificates others;
  auto with = quick(url());
  with.trust.ca_file = others.authority().string();
  EXPECT_THAT(connect(with), HasSubstr("its certificate is not trusted: "));
}

TEST_F(ClientTls, ACertificateForAnotherNameOrAddressIsRefused) {
  serve(certificates_.make_for("DNS:elsewhere.example,IP:127.0.0.2", "other"));
  EXPECT_THAT(connect(options(url())), HasSubstr("not trusted: hostname mismatch"));
  EXPECT_THAT(connect(options(url("wss", "127.0.0.1"))),
              HasSubstr("not trusted: IP address mismatch"));
}

TEST_F(ClientTls, VerificationIsLeftOutOnlyIfThatIsSaid) {
  serve(certificates_.make_for("DNS:elsewhere.example", "other"));
  auto with = quick(url());
  with.trust.verify_peer = false;
  EXPECT_EQ(connect(with), "connected");
  with.trust.verify_peer = true;
  EXPECT_NE(connect(with), "connected");
}

TEST_F(ClientTls, AnAuthorityThatCannotBeReadIsAnErrorAtOnce) {
  auto with = quick("wss://localhost:1");
  with.trust.ca_file = "/nowhere/ca.pem";
  try {
    const Client client(harness_.executor(), with);
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/ca.pem"));
  }
}

// ---- one side speaks TLS, the other does not ----

TEST_F(ClientTls, APlainClientLearnsThatTheBrokerSpeaksTls) {
  serve();
  EXPECT_THAT(connect(options(url("ws"))), HasSubstr("answered 400"));
}

TEST_F(ClientTls, ABrokerInTheClearIsNamedAsSuch) {
  serve(std::nullopt);
  EXPECT_THAT(connect(options(url())), HasSubstr("it does not speak TLS there"));
}

TEST_F(ClientTls, AHandshakeThatIsNotAnsweredTimesOut) {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
  port_ = silent.local_endpoint().port();
  auto with = options(url());
  with.connect_timeout = milliseconds(100);
  EXPECT_THAT(connect(with), HasSubstr("within the connect timeout"));
}

}  // namespace
}  // namespace tidemark::client
