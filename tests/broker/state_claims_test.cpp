// Whose state a hook is asked for: what it is told of the client, and that nobody else is given it.
// tests/: access, sessions and broker/state together, over real sockets.
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access/base64url.hpp"
#include "tests/broker/access_fixture.hpp"
#include "tests/broker/hook_server.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string value_of(const std::string& head, const std::string& field) {
  const auto at = head.find("\r\n" + field + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + field.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

/// Answers with the name of who it was asked for.
class StateClaims : public testing::Test {
 protected:
  static HubOptions asking(const HookServer& hook) {
    HubOptions out;
    out.states.rules = {{.pattern = "**",
                         .hook = {.url = hook.url(), .allow_private = true, .timeout = kPatience},
                         .callback = {},
                         .per_client = true}};
    return out;
  }
  std::string state_for(const std::string& credential) {
    RawClient client(server_.port());
    client.send(http_request("GET /v1/state/t", {}, credential));
    return read_answer(client).body;
  }
  std::string as(const std::string& subject, const std::string& team) {
    return TestAccess::bearer(
        access_.token({.subject = subject, .grants = R"({"subscribe":["**"]})", .team = team}));
  }

  TestAccess access_;
  HookServer hook_{[](const std::string& head) {
    return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" +
           value_of(head, "Tidemark-Subject");
  }};
  TestServer server_{access_.options(), {}, asking(hook_)};
};

TEST_F(StateClaims, AreThoseOfTheTokenAllOfThem) {
  server_.memory.requester.publish(name_of("t"), 1);
  EXPECT_EQ(state_for(as("ada", "red")), "ada");
  const auto head = hook_.requests().at(0);
  const auto told = from_base64url(value_of(head, "Tidemark-Claims"));
  ASSERT_TRUE(told) << head;
  const auto claims = boost::json::parse(*told);
  EXPECT_EQ(claims.at("sub").as_string(), "ada");
  EXPECT_EQ(claims.at("team").as_string(), "red");
  EXPECT_TRUE(claims.at("tidemark").is_object());
  EXPECT_THAT(head, Not(HasSubstr("Bearer"))) << "the token itself stays here";
}

TEST_F(StateClaims, NobodyIsGivenTheStateOfAnother) {
  server_.memory.requester.publish(name_of("t"), 1);
  for (const auto* who : {"ada", "bob", "ada"}) EXPECT_EQ(state_for(as(who, "red")), who);
  EXPECT_EQ(hook_.requests().size(), 3U);
}

}  // namespace
}  // namespace tidemark::broker
