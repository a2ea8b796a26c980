// Who the client is: what it shows, when it asks for another credential, when it gives up.
// tests/client/: see ClientOptions::credential.
#include <atomic>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/harness.hpp"

namespace tidemark::client {
namespace {

using test::FakeBroker;
using test::Harness;
using test::one;
using test::quick;
using test::StatusLog;
using testing::ElementsAre;

/// Tokens as an application has them: another one when the test says so.
class Tokens {
 public:
  explicit Tokens(std::string first) : token_(std::move(first)) {}
  std::string operator()() {
    const std::scoped_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    return token_;
  }
  void set(std::string token) {
    const std::scoped_lock lock(mutex_);
    token_ = std::move(token);
  }
  void wait_for_asked(int times) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, test::kPatience, [&] { return asked_ >= times; })) {
      throw std::runtime_error("nobody asks for a token");
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string token_;
  int asked_ = 0;
};

std::function<std::optional<Errc>(const std::string&)> taking(const std::string& token) {
  return [token](const std::string& shown) -> std::optional<Errc> {
    if (shown == token) return std::nullopt;
    return shown.starts_with("old") ? Errc::token_expired : Errc::unauthorized;
  };
}

class ClientCredential : public testing::Test {
 protected:
  ClientOptions options(Credential credential) {
    auto out = quick(broker_.url());
    out.credential = std::move(credential);
    out.on_status = std::ref(statuses_);
    return out;
  }
  ClientOptions options_of(Tokens& tokens) {
    return options(std::function<std::string()>(std::ref(tokens)));
  }
  template <class Condition>
  static void wait_for(Condition condition) {
    const auto end = Clock::now() + test::kPatience;
    while (!condition()) {  // the broker tells nobody, hence the polling
      if (Clock::now() > end) throw std::runtime_error("waited in vain");
      std::this_thread::yield();
    }
  }

  FakeBroker broker_;
  StatusLog statuses_;
  Harness harness_;
};

TEST_F(ClientCredential, ATextIsShownWithEveryUpgrade) {
  broker_.admit = taking("t1");
  Client client(harness_.executor(), options("t1"));
  EXPECT_TRUE(harness_.get(client.connect()));
  broker_.drop_all();
  statuses_.wait_for<Connected>(2);
  EXPECT_THAT(broker_.upgrades(), ElementsAre("t1", "t1"));
}

TEST_F(ClientCredential, WithoutOneNothingIsShown) {
  Client client(harness_.executor(), options({}));
  EXPECT_TRUE(harness_.get(client.connect()));
  EXPECT_THAT(broker_.upgrades(), ElementsAre(""));
}

TEST_F(ClientCredential, ATextThatIsRefusedEndsTheClientWithAClearError) {
  broker_.create("t");
  broker_.admit = taking("another");
  Client client(harness_.executor(), options("wrong"));
  auto publishing = harness_.start(client.publish("t", one("1"), {}));
  const auto refused = Harness::await(std::move(publishing));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthorized);
  EXPECT_EQ(statuses_.wait_for<GaveUp>().reason.code, Errc::unauthorized);
  auto subscription = client.subscribe("t");
  EXPECT_EQ(harness_.get(subscription.next()).error().code, Errc::unauthorized);
  EXPECT_EQ(harness_.get(client.connect()).error().code, Errc::unauthorized);
  EXPECT_EQ(harness_.get(client.room()).error().code, Errc::unauthorized);
  EXPECT_THAT(broker_.upgrades(), ElementsAre("wrong"));
  harness_.get(client.close());
}

TEST_F(ClientCredential, ATextThatHasExpiredEndsTheClientToo) {
  Client client(harness_.executor(), options("old"));
  EXPECT_TRUE(harness_.get(client.connect()));
  broker_.close_all(Errc::token_expired);
  const auto reason = statuses_.wait_for<GaveUp>().reason;
  EXPECT_EQ(reason.code, Errc::token_expired);
  EXPECT_EQ(reason.text, info(Errc::token_expired).text);
}

TEST_F(ClientCredential, AFunctionIsAskedOnceMoreAndTheOtherTokenIsShownAtOnce) {
  broker_.admit = taking("new");
  int asked = 0;
  auto with = options(std::function<std::string()>(
      [&asked] { return ++asked == 1 ? std::string("old") : std::string("new"); }));
  with.backoff_min = with.backoff_max = std::chrono::hours(1);
  Client client(harness_.executor(), with);
  EXPECT_TRUE(harness_.get(client.connect()));
  EXPECT_THAT(broker_.upgrades(), ElementsAre("old", "new"));
}

TEST_F(ClientCredential, AFunctionWithoutAnotherTokenIsAskedAgainWithBackoff) {
  broker_.admit = taking("new");
  Tokens tokens("old");
  Client client(harness_.executor(), options_of(tokens));
  const auto refused = harness_.get(client.connect());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::token_expired);
  statuses_.wait_for<Disconnected>(3);
  tokens.set("new");
  statuses_.wait_for<Connected>();
}

TEST_F(ClientCredential, AnExpiryIsAnsweredWithAnotherTokenInPlace) {
  Tokens tokens("first");
  Client client(harness_.executor(), options_of(tokens));
  EXPECT_TRUE(harness_.get(client.connect()));
  tokens.set("second");
  broker_.send(TokenExpires{.in_ms = 60'000});
  wait_for([&] { return broker_.auths() == std::vector<std::string>{"second"}; });
  EXPECT_EQ(broker_.connections(), 1U);
}

TEST_F(ClientCredential, ATokenThatComesLaterIsShownThen) {
  Tokens tokens("first");
  Client client(harness_.executor(), options_of(tokens));
  EXPECT_TRUE(harness_.get(client.connect()));
  broker_.send(TokenExpires{.in_ms = 3'000});
  tokens.wait_for_asked(2);  // at the connect, and now: there is none yet
  tokens.set("second");
  wait_for([&] { return !broker_.auths().empty(); });
  EXPECT_THAT(broker_.auths(), ElementsAre("second"));
}

TEST_F(ClientCredential, ASubscriptionGoesOnWithAnotherToken) {
  broker_.create("t");
  broker_.append("t", "1");
  Tokens tokens("first");
  Client client(harness_.executor(), options_of(tokens));
  auto subscription = client.subscribe("t", {.start = StartEarliest{}});
  EXPECT_EQ(std::get<Event>(*harness_.get(subscription.next())).data, "1");
  tokens.set("second");
  broker_.close_all(Errc::token_expired);
  statuses_.wait_for<Connected>(2);
  broker_.append("t", "2");
  Reply<Delivery> next;
  do {
    next = harness_.get(subscription.next());
    ASSERT_TRUE(next);
  } while (!std::holds_alternative<Event>(*next));
  EXPECT_EQ(std::get<Event>(*next).data, "2");
  EXPECT_THAT(broker_.upgrades(), ElementsAre("first", "second"));
}

TEST_F(ClientCredential, WhatNoTokenHoldsIsNotShown) {
  EXPECT_THROW(Client(harness_.executor(), options("a\r\nX: b")), std::invalid_argument);
  Client client(harness_.executor(),
                options(std::function<std::string()>([] { return std::string("a\r\nX: b"); })));
  EXPECT_TRUE(harness_.get(client.connect()));
  EXPECT_THAT(broker_.upgrades(), ElementsAre(""));
}

TEST_F(ClientCredential, AFunctionThatThrowsHasNoToken) {
  Client client(harness_.executor(), options(std::function<std::string()>(
                                         []() -> std::string { throw std::runtime_error("no"); })));
  EXPECT_TRUE(harness_.get(client.connect()));
  EXPECT_THAT(broker_.upgrades(), ElementsAre(""));
}

TEST_F(ClientCredential, ATopicThatIsForbiddenEndsItsSubscriptionOnly) {
  broker_.create("t");
  Client client(harness_.executor(), options("t1"));
  auto subscription = client.subscribe("t");
  EXPECT_TRUE(std::holds_alternative<CaughtUp>(*harness_.get(subscription.next())));
  broker_.send(Unsubscribed{.topic = "t", .reason = Errc::forbidden});
  EXPECT_EQ(harness_.get(subscription.next()).error().code, Errc::forbidden);
  EXPECT_TRUE(harness_.get(client.publish("t", one("1"), {})));
}

}  // namespace
}  // namespace tidemark::client
