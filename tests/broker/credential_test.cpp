// Where requests show their credentials, and that the one in a URL goes no further.
// tests/: broker/credential.
#include "broker/credential.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

namespace http = boost::beast::http;
using Head = http::request_header<>;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr CredentialPlaces kEverywhere{.cookie = "session", .query = true};

Head head_of(const Fields& fields, const std::string& target = "/v1/topics") {
  Head head;
  head.target(target);
  for (const auto& [name, value] : fields) head.insert(name, value);
  return head;
}

std::string found(const Head& head, const CredentialPlaces& places = kEverywhere) {
  const auto credential = find_credential(head, places);
  if (!credential) return "fault: " + std::string(credential.error().text);
  return credential->value_or("none");
}

TEST(Credential, IsABearerInAuthorizationHoweverTheSchemeIsSpelled) {
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer abc"}})), "abc");
  EXPECT_EQ(found(head_of({{"Authorization", "bEARER   abc "}})), "abc");
  EXPECT_EQ(found(head_of({})), "none");
}

TEST(Credential, AnEmptyBearerIsOneThatWillBeRefused) {
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer"}})), "");
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer "}})), "");
}

TEST(Credential, OtherSchemesAreAProxysAndPassedOver) {
  EXPECT_EQ(found(head_of({{"Authorization", "Basic YTpi"}})), "none");
  EXPECT_EQ(found(head_of({{"Authorization", "BearerX abc"}})), "none");
  EXPECT_EQ(found(head_of({{"Authorization", "Basic YTpi"}, {"Cookie", "session=abc"}})), "abc");
}

TEST(Credential, ACookieCountsByItsExactNameOnly) {
  EXPECT_EQ(found(head_of({{"Cookie", "a=1; session=abc; b=2"}})), "abc");
  EXPECT_EQ(found(head_of({{"Cookie", "Session=abc"}})), "none");
  EXPECT_EQ(found(head_of({{"Cookie", "mysession=abc; session2=abc; x=session=abc"}})), "none");
  EXPECT_EQ(found(head_of({{"Cookie", "session=a=b=="}})), "a=b==");
  EXPECT_EQ(found(head_of({{"Cookie", "a=1"}, {"Cookie", "session=abc"}})), "abc");
}

TEST(Credential, AForgottenCookieIsNone) {
  EXPECT_EQ(found(head_of({{"Cookie", "session="}})), "none");
  EXPECT_EQ(found(head_of({{"Cookie", "session"}})), "none");
}

TEST(Credential, CookieAndParameterCountOnlyIfConfigured) {
  const auto head = head_of({{"Cookie", "session=abc"}}, "/v1/topics?access_token=def");
  EXPECT_EQ(found(head, {}), "none");
  EXPECT_EQ(found(head, {.cookie = "session"}), "abc");
  EXPECT_EQ(found(head, {.query = true}), "def");
}

TEST(Credential, AParameterIsFoundHoweverItIsEscaped) {
  EXPECT_EQ(found(head_of({}, "/x?a=1&access_token=a%2Bb&c")), "a+b");
  EXPECT_EQ(found(head_of({}, "/x?access%5Ftoken=abc")), "abc");
  EXPECT_EQ(found(head_of({}, "/x?access_token=")), "");
  EXPECT_EQ(found(head_of({}, "/x?Access_Token=abc")), "none");
}

TEST(Credential, TheSameOneInTwoPlacesIsOne) {
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer abc"}, {"Cookie", "session=abc"}},
                          "/x?access_token=abc")),
            "abc");
}

TEST(Credential, DifferentOnesAreAFault) {
  const auto differ = "fault: the request shows two different credentials";
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer abc"}, {"Cookie", "session=def"}})), differ);
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer abc"}}, "/x?access_token=def")), differ);
  EXPECT_EQ(found(head_of({{"Cookie", "session=abc; session=def"}})), differ);
  EXPECT_EQ(found(head_of({{"Cookie", "session=abc"}, {"Cookie", "session=def"}})), differ);
}

TEST(Credential, SeveralOfAKindAreAFault) {
  EXPECT_EQ(found(head_of({{"Authorization", "Bearer abc"}, {"Authorization", "Bearer abc"}})),
            "fault: Authorization is there twice");
  EXPECT_EQ(found(head_of({}, "/x?access_token=a&access%5ftoken=a")),
            "fault: access_token is there twice");
}

TEST(Credential, NothingOfTheParameterIsLeftInTheTarget) {
  EXPECT_EQ(without_access_token("/v1/stream/a?offset=-1"), "/v1/stream/a?offset=-1");
  EXPECT_EQ(without_access_token("/v1/stream/a?access_token=s3cret"), "/v1/stream/a");
  EXPECT_EQ(without_access_token("/a?access_token=s3cret&live=sse&offset=1_2"),
            "/a?live=sse&offset=1_2");
  EXPECT_EQ(without_access_token("/a?live=sse&access%5Ftoken=s3cret&x"), "/a?live=sse&x");
  EXPECT_EQ(without_access_token("/a?%61ccess_token=s3&access_token&access_token=s3"), "/a");
  EXPECT_EQ(without_access_token("/a?access_tokens=kept"), "/a?access_tokens=kept");
  EXPECT_EQ(without_access_token("/access_token=x"), "/access_token=x");
}

}  // namespace
}  // namespace tidemark::broker
