// Named cursors over HTTP: moved, shown, listed, forgotten; and what is unread.
// tests/: broker/cursor_routes, over real sockets.
#include "broker/cursor_routes.hpp"

#include "protocol/position_token.hpp"
#include "tests/broker/access_fixture.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CursorRoutesTest : public StreamTest {
 protected:
  CursorRoutesTest() { tail_ = next(put("t", "application/json", "[1,2,3]")); }

  HttpAnswer ask_api(const std::string& line, std::string_view body = {}) const {
    return ask(port(), http_request(line, body, "Content-Type: application/json\r\n"));
  }
  HttpAnswer move(const std::string& cursor, std::string_view body) const {
    return ask_api("PUT /v1/cursors/t?cursor=" + cursor, body);
  }
  HttpAnswer show(const std::string& cursor) const {
    return ask_api("GET /v1/cursors/t?cursor=" + cursor);
  }
  /// "topic/cursor" of each of a page.
  static std::vector<std::string> names(const HttpAnswer& page) {
    std::vector<std::string> out;
    const auto list = page.json();
    for (const auto& cursor : list.at("cursors").as_array()) {
      out.push_back(std::string(cursor.at("topic").as_string()) + "/" +
                    std::string(cursor.at("cursor").as_string()));
    }
    return out;
  }

  std::string tail_;  ///< token of the topic's end
};

TEST_F(CursorRoutesTest, ACursorIsMadeByAnAcknowledgement) {
  EXPECT_EQ(show("c").status, 404);
  EXPECT_EQ(show("c").error(), "unknown_cursor");
  const auto moved = move("c", R"({"offset":2})");
  EXPECT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(moved.json().at("cursor").as_string(), "c");
  EXPECT_EQ(number(moved.json(), "offset"), 2);
  const auto shown = show("c").json();
  EXPECT_EQ(shown.at("topic").as_string(), "t");
  EXPECT_EQ(shown.at("token").as_string(), moved.json().at("token").as_string());
  EXPECT_EQ(number(shown.at("lag"), "events"), 1);
  EXPECT_EQ(number(shown.at("lag"), "lost"), 0);
  EXPECT_FALSE(shown.at("falling").as_bool());
  EXPECT_TRUE(shown.at("in_epoch").as_bool());
  EXPECT_THAT(std::string(shown.at("acknowledged").as_string()), testing::EndsWith("Z"));
}

TEST_F(CursorRoutesTest, ATokenIsAPositionToo) {
  EXPECT_EQ(number(move("c", R"({"after":")" + tail_ + "\"}").json(), "offset"), 3);
  const auto epoch = std::to_string(parse_token(tail_)->epoch.value);
  EXPECT_EQ(number(move("d", R"({"offset":1,"epoch":)" + epoch + "}").json(), "offset"), 1);
}

TEST_F(CursorRoutesTest, OneThatIsFurtherStaysUnlessItIsForced) {
  move("c", R"({"offset":3})");
  EXPECT_EQ(number(move("c", R"({"offset":1})").json(), "offset"), 3);
  EXPECT_EQ(number(move("c&force=true", R"({"offset":1})").json(), "offset"), 1);
  EXPECT_EQ(number(show("c").json(), "offset"), 1);
  EXPECT_EQ(number(move("c&force=false", R"({"offset":2})").json(), "offset"), 2);
}

TEST_F(CursorRoutesTest, WhatIsNoPlaceIsRefused) {
  EXPECT_EQ(move("c", R"({"offset":4})").error(), "position_ahead");
  EXPECT_EQ(move("c", R"({"offset":1,"epoch":99})").error(), "wrong_epoch");
  for (const auto* body :
       {"", "{}", R"({"epoch":1})", R"({"offset":-1})", R"({"after":"x"})", R"({"after":1})",
        R"({"after":"-1","offset":1})", R"({"offset":1,"more":1})", "[]"}) {
    EXPECT_EQ(move("c", body).error(), "malformed_message") << body;
  }
  EXPECT_EQ(show("c").status, 404) << "nothing was made";
}

TEST_F(CursorRoutesTest, NamesAreWhatTheProtocolTakes) {
  EXPECT_EQ(ask_api("PUT /v1/cursors/t", R"({"offset":1})").error(), "invalid_cursor");
  EXPECT_EQ(move("", R"({"offset":1})").error(), "invalid_cursor");
  EXPECT_EQ(move("a%00b", R"({"offset":1})").error(), "invalid_cursor");
  EXPECT_EQ(move("a&cursor=b", R"({"offset":1})").error(), "malformed_message");
  EXPECT_EQ(move("a&other=b", R"({"offset":1})").error(), "malformed_message");
  EXPECT_EQ(move("a&force=yes", R"({"offset":1})").error(), "malformed_message");
  EXPECT_EQ(move("%C3%A4%20/", R"({"offset":1})").status, 200);
  EXPECT_EQ(show("%C3%A4%20/").json().at("cursor").as_string(), "ä /");
}

TEST_F(CursorRoutesTest, ShowsTheOneThatIsNamedAmongItsLike) {
  for (const auto* name : {"a", "b", "aa", "ab", "b!"}) move(name, R"({"offset":1})");
  move("ab", R"({"offset":2})");
  for (const auto* name : {"a", "b", "aa", "ab", "b!"}) {
    EXPECT_EQ(show(name).json().at("cursor").as_string(), name);
  }
  EXPECT_EQ(number(show("ab").json(), "offset"), 2);
  EXPECT_EQ(show("ac").error(), "unknown_cursor");
}

TEST_F(CursorRoutesTest, OneThatIsForgottenIsNoMore) {
  move("c", R"({"offset":3})");
  EXPECT_EQ(ask_api("DELETE /v1/cursors/t?cursor=c").status, 204);
  EXPECT_EQ(ask_api("DELETE /v1/cursors/t?cursor=c").error(), "unknown_cursor");
  EXPECT_EQ(show("c").status, 404);
  EXPECT_EQ(number(move("c", R"({"offset":1})").json(), "offset"), 1) << "it begins anew";
}

TEST_F(CursorRoutesTest, AreListedByTopicAndName) {
  put("u/1", "application/json", "[1]");
  put("u/2", "application/json", "[1]");
  for (const auto* name : {"b", "a", "c"}) move(name, R"({"offset":1})");
  ask_api("PUT /v1/cursors/u/2?cursor=x", R"({"offset":1})");
  ask_api("PUT /v1/cursors/u/1?cursor=y", R"({"offset":1})");
  EXPECT_THAT(names(ask_api("GET /v1/cursors")),
              ElementsAre("t/a", "t/b", "t/c", "u/1/y", "u/2/x"));
  EXPECT_THAT(names(ask_api("GET /v1/cursors?topic=t")), ElementsAre("t/a", "t/b", "t/c"));
  EXPECT_THAT(names(ask_api("GET /v1/cursors?prefix=u/")), ElementsAre("u/1/y", "u/2/x"));
  EXPECT_THAT(names(ask_api("GET /v1/cursors?topic=u/2&prefix=u/1")), ElementsAre());
}

TEST_F(CursorRoutesTest, PagesFollowOneAnother) {
  for (const auto* name : {"a", "b", "c", "d", "e"}) move(name, R"({"offset":1})");
  std::vector<std::string> all;
  std::string after;
  for (int pages = 0; pages < 4; ++pages) {
    const auto page = ask_api("GET /v1/cursors?limit=2" + after);
    for (auto& name : names(page)) all.push_back(std::move(name));
    const auto body = page.json();
    const auto* token = body.as_object().if_contains("next");
    if (token == nullptr) break;
    std::string escaped;
    for (const char c : std::string(token->as_string())) {
      escaped += c == '+' ? "%2B" : c == '/' ? "%2F" : c == '=' ? "%3D" : std::string(1, c);
    }
    after = "&after=" + escaped;
  }
  EXPECT_THAT(all, ElementsAre("t/a", "t/b", "t/c", "t/d", "t/e"));
  for (const auto* query : {"?limit=0", "?limit=1001", "?limit=x", "?after=x", "?after=:x",
                            "?what=1", "?limit=1&limit=2"}) {
    EXPECT_EQ(ask_api("GET /v1/cursors" + std::string(query)).error(), "malformed_message")
        << query;
  }
}

// ---- unread ----

TEST_F(CursorRoutesTest, UnreadIsWhatFollows) {
  const auto begin = ask_api("GET /v1/unread/t?after=-1").json();
  EXPECT_EQ(number(begin, "unread"), 3);
  EXPECT_EQ(number(begin, "head"), 3);
  EXPECT_EQ(number(begin, "lost"), 0);
  EXPECT_GT(number(begin, "bytes"), 0);
  const auto nothing = ask_api("GET /v1/unread/t?after=" + tail_).json();
  EXPECT_EQ(number(nothing, "unread"), 0);
  EXPECT_EQ(number(nothing, "bytes"), 0);
  post("t", "application/json", "[4]");
  EXPECT_EQ(number(ask_api("GET /v1/unread/t?after=" + tail_).json(), "unread"), 1);
  move("c", R"({"offset":2})");
  const auto by_cursor = ask_api("GET /v1/unread/t?cursor=c").json();
  EXPECT_EQ(number(by_cursor, "unread"), 2);
  EXPECT_EQ(number(by_cursor, "offset"), 2);
}

TEST_F(CursorRoutesTest, WhatIsLostIsCountedToo) {
  move("c", R"({"offset":1})");
  server_.memory.requester.trim(name_of("t"), Offset{3});
  const auto counted = ask_api("GET /v1/unread/t?cursor=c").json();
  EXPECT_EQ(number(counted, "unread"), 2);
  EXPECT_EQ(number(counted, "lost"), 1);
}

TEST_F(CursorRoutesTest, APositionOfAnotherHistoryHasNothingUnread) {
  auto position = *parse_token(tail_);
  position.offset.value += 1;
  EXPECT_EQ(ask_api("GET /v1/unread/t?after=" + to_token(position)).status, 409);
  EXPECT_EQ(ask_api("GET /v1/unread/t?after=" + to_token(position)).error(), "position_ahead");
  position = {.epoch = {position.epoch.value + 1}, .offset = {1}};
  EXPECT_EQ(ask_api("GET /v1/unread/t?after=" + to_token(position)).error(), "wrong_epoch");
  EXPECT_EQ(ask_api("GET /v1/unread/t?cursor=none").error(), "unknown_cursor");
  EXPECT_EQ(ask_api("GET /v1/unread/none?after=-1").error(), "unknown_topic");
  for (const auto* query : {"", "?after=x", "?after=-1&cursor=c", "?afte=-1"}) {
    EXPECT_EQ(ask_api("GET /v1/unread/t" + std::string(query)).error(), "malformed_message")
        << query;
  }
}

// ---- who may see them ----

class CursorAccess : public testing::Test {
 protected:
  CursorAccess() {
    auto& memory = server_.memory;
    for (const auto* topic : {"rooms/a", "rooms/b", "staff/a"}) {
      memory.requester.publish(name_of(topic), 1);
      EXPECT_TRUE(
          memory.store.cursors().acknowledge(*memory.topic(name_of(topic)), "c", {{}, {1}}));
    }
  }
  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(CursorAccess, ListsShowTopicsThatTheCallerManages) {
  const auto list = [&](const std::string& grants) {
    return ask(server_.server.port(),
               http_request("GET /v1/cursors", {}, TestAccess::bearer(access_.token(grants))))
        .body;
  };
  EXPECT_THAT(list(R"({"manage":["rooms/*"]})"),
              testing::AllOf(HasSubstr("rooms/a"), HasSubstr("rooms/b"), Not(HasSubstr("staff"))));
  EXPECT_THAT(list(R"({"subscribe":["**"]})"), Not(HasSubstr("rooms")));
}

}  // namespace
}  // namespace tidemark::broker
