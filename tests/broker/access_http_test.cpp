// Who may do what over HTTP: every route with every kind of credential.
// tests/: broker/http_session, broker/judgement and the routes behind them.
#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log.hpp"
#include "tests/broker/access_fixture.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Something that can be done with a topic over HTTP.
struct Operation {
  std::string name;
  std::string method;
  std::string path;  ///< with {} for the topic
  std::string right;
  std::string fields = {};
  std::string body = {};
};

const std::vector<Operation>& operations() {
  static const std::string json = "Content-Type: application/json\r\n";
  static const std::string text = "Content-Type: text/plain\r\n";
  static const std::vector<Operation> all{
      {"Publish", "POST", "/v1/topics/{}/events", "publish", json, R"({"data":1})"},
      {"Show", "GET", "/v1/topics/{}", "subscribe"},
      {"ShowManaged", "GET", "/v1/topics/{}", "manage"},
      {"ShowHead", "HEAD", "/v1/topics/{}", "subscribe"},
      {"Configure", "PUT", "/v1/topics/{}", "manage", json, "{}"},
      {"Trim", "POST", "/v1/topics/{}/trim", "manage", json, R"({"keep":1})"},
      {"Delete", "DELETE", "/v1/topics/{}", "manage"},
      {"Create", "PUT", "/v1/stream/{}", "publish", json},
      {"Append", "POST", "/v1/stream/{}", "publish", json, "[1]"},
      {"CloseStream", "POST", "/v1/stream/{}", "publish", "Stream-Closed: true\r\n"},
      {"CatchUp", "GET", "/v1/stream/{}?offset=-1", "subscribe"},
      {"Head", "HEAD", "/v1/stream/{}", "subscribe"},
      {"LongPoll", "GET", "/v1/stream/{}?offset=-1&live=long-poll", "subscribe"},
      {"EventStream", "GET", "/v1/stream/{}?offset=-1&live=sse", "subscribe"},
      {"DeleteStream", "DELETE", "/v1/stream/{}", "manage"},
      {"ReadState", "GET", "/v1/state/{}", "subscribe"},
      {"StateHead", "HEAD", "/v1/state/{}", "subscribe"},
      {"StoreState", "PUT", "/v1/state/{}", "publish", json + "Tidemark-Offset: 1\r\n", "[1]"},
      {"DeleteState", "DELETE", "/v1/state/{}", "publish"},
      {"BeginWithState", "GET", "/v1/stream/{}?live=sse&state=true", "subscribe"},
      {"ReadCursor", "GET", "/v1/cursors/{}?cursor=c", "subscribe"},
      {"MoveCursor", "PUT", "/v1/cursors/{}?cursor=c", "subscribe", json, R"({"offset":1})"},
      {"ForceCursor", "PUT", "/v1/cursors/{}?cursor=c&force=true", "manage", json,
       R"({"offset":0})"},
      {"DeleteCursor", "DELETE", "/v1/cursors/{}?cursor=c", "manage"},
      {"Unread", "GET", "/v1/unread/{}?after=-1", "subscribe"},
  };
  return all;
}

class AccessHttp : public testing::TestWithParam<Operation> {
 protected:
  AccessHttp() {
    const auto lobby = name_of("rooms/lobby");
    auto& memory = server_.memory;
    memory.requester.publish(lobby, 1);
    auto state = std::make_unique<storage::StoreStateRequest>(lobby);
    state->state = storage::StoredState{
        .position = {{}, {1}}, .stored = {}, .content_type = "application/json", .data = "[]"};
    EXPECT_FALSE(memory.requester.run(std::move(state))->error);
    EXPECT_TRUE(memory.store.cursors().acknowledge(*memory.topic(lobby), "c", {{}, {1}}));
  }

  /// Does the operation with a topic; `fields` say who asks.
  HttpAnswer answer_to(const std::string& topic, const std::string& fields) {
    const auto& op = GetParam();
    auto path = op.path;
    path.replace(path.find("{}"), 2, topic);
    RawClient client(server_.server.port());
    client.send(http_request(op.method + " " + path, op.body, op.fields + fields));
    return read_answer(client, op.method != "HEAD");
  }
  /// What is answered to who may not: the same for a topic that is there and one that is not.
  void expect_refused(const std::string& fields, int status, const std::string& code) {
    const auto there = answer_to("rooms/lobby", fields);
    const auto not_there = answer_to("rooms/none", fields);
    EXPECT_EQ(there.status, status);
    EXPECT_EQ(without_date(there.head), without_date(not_there.head));
    EXPECT_EQ(there.body, not_there.body);
    if (GetParam().method != "HEAD") {
      EXPECT_EQ(there.error(), code);
    }
    EXPECT_THAT(there.head, HasSubstr("Cache-Control: no-store"));
    const bool challenged = there.head.find("WWW-Authenticate: Bearer") != std::string::npos;
    EXPECT_EQ(challenged, status == 401);
  }
  static std::string without_date(std::string head) {
    const auto at = head.find("\r\nDate: ");
    return head.erase(at, head.find("\r\n", at + 2) - at);
  }
  std::string with_right(const std::string& patterns) const {
    return TestAccess::bearer(access_.token(R"({")" + GetParam().right + R"(":)" + patterns + "}"));
  }

  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_P(AccessHttp, WithoutACredentialNothingIsDone) { expect_refused("", 401, "unauthorized"); }

TEST_P(AccessHttp, AWrongCredentialIsRefused) {
  expect_refused("Authorization: Bearer garbage\r\n", 401, "unauthorized");
  EXPECT_THAT(answer_to("rooms/lobby", "Authorization: Bearer garbage\r\n").head,
              HasSubstr("WWW-Authenticate: Bearer error=\"invalid_token\""));
}

TEST_P(AccessHttp, AnExpiredTokenIsRefused) {
  const auto token = access_.token({.grants = R"({"publish":["**"]})", .lives_ms = -1'000});
  expect_refused(TestAccess::bearer(token), 401, "token_expired");
}

TEST_P(AccessHttp, ATokenWithoutTheRightIsForbidden) {
  std::string grants;
  for (const auto* right : {"publish", "subscribe", "manage"}) {
    const bool helps = right == GetParam().right ||
                       (GetParam().name.starts_with("Show") && right != std::string("publish"));
    grants += std::string(grants.empty() ? "{" : ",") + "\"" + right + "\":[\"" +
              (helps ? "other/**" : "**") + "\"]";
  }
  expect_refused(TestAccess::bearer(access_.token(grants + "}")), 403, "forbidden");
}

TEST_P(AccessHttp, WhatIsTakenAwayIsForbidden) {
  expect_refused(with_right(R"(["rooms/**","!rooms/lobby","!rooms/none"])"), 403, "forbidden");
}

TEST_P(AccessHttp, ATokenWithTheRightMay) {
  const auto answer = answer_to("rooms/lobby", with_right(R"(["rooms/*"])"));
  EXPECT_THAT(answer.status, testing::AnyOf(200, 201, 204)) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("Vary: Origin, Authorization, Cookie"));
  EXPECT_THAT(answer.head, Not(HasSubstr("public")));
}

INSTANTIATE_TEST_SUITE_P(EveryOperation, AccessHttp, testing::ValuesIn(operations()),
                         [](const auto& param) { return param.param.name; });

// ---- forks ----

class AccessToForks : public testing::Test {
 protected:
  AccessToForks() { server_.memory.requester.publish(name_of("staff/plans"), 1); }
  HttpAnswer fork(const std::string& source, const std::string& grants) {
    return ask(server_.server.port(),
               http_request("PUT /v1/stream/rooms/copy", {},
                            "Content-Type: application/json\r\nStream-Forked-From: /v1/stream/" +
                                source + "\r\n" + TestAccess::bearer(access_.token(grants))));
  }
  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(AccessToForks, TheSourceMustBeSubscribable) {
  const auto* const grants = R"({"publish":["rooms/*"],"manage":["staff/*"]})";
  const auto there = fork("staff/plans", grants);
  const auto not_there = fork("staff/none", grants);
  EXPECT_EQ(there.status, 403);
  EXPECT_EQ(there.body, not_there.body);
  EXPECT_EQ(not_there.status, 403);
  const auto allowed = R"({"publish":["rooms/*"],"subscribe":["staff/plans"]})";
  EXPECT_EQ(fork("staff/plans", allowed).status, 201);
}

TEST_F(AccessToForks, WhoMayNotSeeTheSourceIsNotToldOfIt) {
  fork("staff/plans", R"({"publish":["rooms/*"],"subscribe":["staff/plans"]})");
  const auto show = [&](const std::string& grants) {
    return ask(server_.server.port(), http_request("GET /v1/topics/rooms/copy", {},
                                                   TestAccess::bearer(access_.token(grants))));
  };
  EXPECT_THAT(show(R"({"subscribe":["rooms/*"]})").body,
              AllOf(HasSubstr("rooms/copy"), Not(HasSubstr("staff"))));
  EXPECT_THAT(show(R"({"subscribe":["**"]})").body, HasSubstr("staff/plans"));
}

// ---- where a credential may stand ----

class AccessPlaces : public testing::Test {
 protected:
  explicit AccessPlaces(AccessRules rules = {}) : access_(std::move(rules)) {
    server_.memory.requester.publish(name_of("a"), 1);
  }
  HttpAnswer get(const std::string& path, const std::string& fields = {}) {
    return ask(server_.server.port(), http_request("GET " + path, {}, fields));
  }
  static ServerOptions with_origin(ServerOptions options) {
    options.allowed_origins = {"https://app.example"};
    return options;
  }

  TestAccess access_;
  TestServer server_{with_origin(access_.options())};
  std::string token_ = access_.token(R"({"subscribe":["a"]})");
};

TEST_F(AccessPlaces, CookiesAndParametersCountForNothingUnlessConfigured) {
  EXPECT_EQ(get("/v1/stream/a?offset=-1", "Cookie: session=" + token_ + "\r\n").status, 401);
  EXPECT_EQ(get("/v1/stream/a?offset=-1&access_token=" + token_).status, 401);
  EXPECT_EQ(get("/v1/stream/a?offset=-1", TestAccess::bearer(token_)).status, 200);
}

TEST_F(AccessPlaces, PagesOfOtherOriginsMaySendNoCookieUnlessConfigured) {
  EXPECT_THAT(get("/v1/stream/a", "Origin: https://app.example\r\n").head,
              AllOf(HasSubstr("Access-Control-Allow-Origin: https://app.example"),
                    Not(HasSubstr("Access-Control-Allow-Credentials"))));
}

class AccessPlacesEverywhere : public AccessPlaces {
 protected:
  AccessPlacesEverywhere() : AccessPlaces({.cookie = "session", .query_token = true}) {}
};

TEST_F(AccessPlacesEverywhere, CookiesAndParametersCount) {
  EXPECT_EQ(get("/v1/stream/a?offset=-1", "Cookie: session=" + token_ + "\r\n").status, 200);
  EXPECT_EQ(get("/v1/stream/a?offset=-1&access_token=" + token_).status, 200);
  EXPECT_EQ(get("/v1/stream/a?access%5Ftoken=" + token_ + "&offset=-1").status, 200);
  EXPECT_EQ(get("/v1/topics?access_token=" + token_ + "&limit=5").status, 200);
}

TEST_F(AccessPlacesEverywhere, TwoDifferentOnesAreABadRequest) {
  const auto other = access_.token({.subject = "bob", .grants = R"({"subscribe":["**"]})"});
  EXPECT_EQ(get("/v1/stream/a?offset=-1&access_token=" + token_, TestAccess::bearer(other)).status,
            400);
  EXPECT_EQ(
      get("/v1/stream/a?offset=-1", "Cookie: session=" + token_ + "; session=" + other + "\r\n")
          .status,
      400);
  EXPECT_EQ(get("/v1/stream/a?offset=-1&access_token=" + token_, TestAccess::bearer(token_)).status,
            200);
}

TEST_F(AccessPlacesEverywhere, ListedOriginsOnlyMaySendTheCookie) {
  const auto allowed = HasSubstr("Access-Control-Allow-Credentials: true");
  EXPECT_THAT(get("/v1/stream/a", "Origin: https://app.example\r\n").head, allowed);
  EXPECT_THAT(get("/v1/stream/a", "Origin: https://evil.example\r\n").head, Not(allowed));
  EXPECT_THAT(get("/v1/stream/a").head, Not(allowed));
  const auto preflight =
      ask(server_.server.port(), http_request("OPTIONS /v1/stream/a", {},
                                              "Origin: https://app.example\r\n"
                                              "Access-Control-Request-Method: POST\r\n"));
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(preflight.head, allowed);
}

TEST_F(AccessPlacesEverywhere, ACookieGivesAForeignPageNoRightToChangeAnything) {
  const auto manager = access_.token(R"({"manage":["**"]})");
  const auto answer =
      ask(server_.server.port(),
          http_request("DELETE /v1/topics/a", {},
                       "Origin: https://evil.example\r\nCookie: session=" + manager + "\r\n"));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.error(), "forbidden_origin");
}

/// Whatever is asked and however it ends, nothing of the token in the URL is told to anybody.
TEST_F(AccessPlacesEverywhere, NoAnswerAndNoLogTellsTheTokenInItsUrl) {
  const log::Capture capture;
  const std::string good = "access_token=" + access_.token(R"({"publish":["**"],"subscribe":["**"],
                                                               "manage":["**"]})");
  const std::string bad = "access_token=CANARY.CANARY.CANARY";
  const std::string json = "Content-Type: application/json\r\n";
  const std::vector<std::array<std::string, 3>> requests{
      {"GET /v1/topics?limit=1&", "", ""},
      {"GET /v1/topics?limit=x&", "", ""},
      {"GET /v1/topics?after=:x&", "", ""},
      {"GET /v1/topics/a?", "", ""},
      {"GET /v1/topics/none?", "", ""},
      {"GET /v1/topics/a//b?", "", ""},
      {"PATCH /v1/topics/a?", "", ""},
      {"GET /v1/nothing?", "", ""},
      {"GET /v1/ws?", "", ""},
      {"PUT /v1/topics/a?", json, "{nonsense"},
      {"POST /v1/topics/a/events?", json, "{\"nonsense\":1}"},
      {"PUT /v1/stream/new?", json, ""},
      {"PUT /v1/stream/other?", "Stream-TTL: nonsense\r\n", ""},
      {"POST /v1/stream/a?", json, "[1]"},
      {"GET /v1/stream/a?offset=nonsense&", "", ""},
      {"GET /v1/stream/a?offset=-1&", "", ""},
      {"GET /v1/stream/a?offset=-1&offset=-1&", "", ""},
      {"GET /v1/stream/a?offset=-1&live=sse&", "", ""},
      {"HEAD /v1/stream/a?", "", ""},
      {"OPTIONS /v1/stream/a?", "", ""},
      {"GET /healthz?", "", ""},
      {"DELETE /v1/stream/new?", "", ""},
  };
  for (const auto& credential : {good, bad}) {
    const auto secret = credential.substr(credential.find('=') + 1);
    const auto signature = secret.substr(secret.rfind('.') + 1);
    for (const auto& [line, fields, body] : requests) {
      RawClient client(server_.server.port());
      client.send(http_request(line + credential, body, fields + "Connection: close\r\n"));
      const bool endless = line.find("live=sse") != std::string::npos && credential == good;
      const auto answer = endless ? client.read_until("event: control") : client.read_all();
      EXPECT_THAT(answer, AllOf(HasSubstr("HTTP/1.1 "), Not(HasSubstr(secret)),
                                Not(HasSubstr(signature)), Not(HasSubstr("access_token"))))
          << line;
    }
    EXPECT_THAT(capture.text(), AllOf(Not(HasSubstr(secret)), Not(HasSubstr(signature))));
  }
  EXPECT_THAT(capture.text(), AllOf(HasSubstr("auth_refused"), HasSubstr("client=127.0.0.1")));
}

// ---- lists ----

class AccessToLists : public testing::Test {
 protected:
  AccessToLists() {
    for (const auto* name : {"a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "b/4", "c/1"}) {
      server_.memory.requester.publish(name_of(name), 1);
    }
  }
  ServerOptions options() const {
    auto out = access_.options();
    out.limits.hidden_per_page = 3;
    return out;
  }
  boost::json::value list(const std::string& query, const std::string& grants) {
    const auto answer =
        ask(server_.server.port(),
            http_request("GET /v1/topics?" + query, {}, TestAccess::bearer(access_.token(grants))));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  /// All pages one after another.
  std::vector<std::string> list_all(const std::string& limit, const std::string& grants) {
    std::vector<std::string> names;
    std::string after;
    for (int pages = 0; pages < 20; ++pages) {
      const auto page = list("limit=" + limit + after, grants);
      for (const auto& topic : page.at("topics").as_array()) {
        names.emplace_back(topic.at("name").as_string());
      }
      const auto* next = page.as_object().if_contains("next");
      if (next == nullptr) return names;
      after = "&after=" + std::string(next->as_string());
    }
    ADD_FAILURE() << "the pages have no end";
    return names;
  }

  TestAccess access_;
  TestServer server_{options()};
};

TEST_F(AccessToLists, ShowWhatMayBeSubscribedToOrManaged) {
  using testing::ElementsAre;
  EXPECT_THAT(list_all("100", R"({"subscribe":["a/*"],"manage":["c/1"]})"),
              ElementsAre("a/1", "a/2", "a/3", "c/1"));
  EXPECT_THAT(list_all("100", R"({"subscribe":["**","!b/*"]})"),
              ElementsAre("a/1", "a/2", "a/3", "c/1"));
  EXPECT_THAT(list_all("100", R"({"publish":["**"]})"), IsEmpty());
  EXPECT_THAT(list_all("100", R"({"manage":["**"]})"), testing::SizeIs(8));
}

TEST_F(AccessToLists, PagesGoPastWhatIsHiddenWithoutTellingIt) {
  for (const auto* limit : {"1", "2", "3", "100"}) {
    EXPECT_THAT(list_all(limit, R"({"subscribe":["a/1","c/*"]})"),
                testing::ElementsAre("a/1", "c/1"));
  }
  // What hidden names a page has gone past is sealed.
  const auto page = list("limit=2", R"({"subscribe":["c/*"]})");
  EXPECT_THAT(page.at("topics").as_array(), IsEmpty());
  EXPECT_TRUE(page.at("next").as_string().starts_with(':'));
}

TEST_F(AccessToLists, APlaceThatIsOfNoPageIsABadRequest) {
  const auto answer = ask(server_.server.port(),
                          http_request("GET /v1/topics?after=:AAAA", {},
                                       TestAccess::bearer(access_.token(R"({"manage":["**"]})"))));
  EXPECT_EQ(answer.status, 400);
}

TEST_F(AccessToLists, HealthIsForEverybodyAndHowMuchThereIsIsNot) {
  const auto answer = ask(server_.server.port(), http_request("GET /healthz"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(boost::json::serialize(answer.json()), R"({"status":"ok","problems":[]})");
}

// ---- operators ----

class AccessOfOperators : public testing::Test {
 protected:
  static ServerOptions with_admin(ServerOptions options) {
    options.admin = AdminOptions{.address = "127.0.0.1", .port = 0};
    return options;
  }
  static HttpAnswer get(std::uint16_t port, const std::string& path,
                        const std::string& fields = {}) {
    return ask(port, http_request("GET " + path, {}, fields));
  }
  std::string manager_of(const std::string& patterns) const {
    return TestAccess::bearer(access_.token(R"({"manage":)" + patterns + "}"));
  }

  TestAccess access_;
  TestServer server_{with_admin(access_.options())};
};

TEST_F(AccessOfOperators, FiguresAreForWhoMayManageEverything) {
  const auto port = server_.server.port();
  EXPECT_EQ(get(port, "/metrics").status, 401);
  EXPECT_EQ(get(port, "/metrics", manager_of(R"(["a/**"])")).status, 403);
  EXPECT_EQ(get(port, "/metrics", manager_of(R"(["**","!secret"])")).status, 403);
  EXPECT_EQ(get(port, "/metrics", manager_of(R"(["**"])")).status, 200);
}

TEST_F(AccessOfOperators, WhatIsWrongIsForEverybodyAndWhatItIsAboutIsForThem) {
  server_.memory.log.fail_recovery(Errc::storage_failed);
  server_.memory.log.fail_next_write(Errc::storage_failed);
  const auto manager = manager_of(R"(["**"])");
  ASSERT_EQ(ask(server_.server.port(), http_request("PUT /v1/topics/t", "{}", manager)).status,
            500);
  const auto told = get(server_.server.port(), "/readyz").json();
  EXPECT_EQ(boost::json::serialize(told.at("reasons")), R"(["recovering"])");
  EXPECT_FALSE(told.as_object().contains("details"));
  const auto in_detail = get(server_.server.admin_port(), "/readyz").json();
  EXPECT_TRUE(in_detail.at("details").as_object().contains("recovering"));
  server_.memory.log.fail_recovery(std::nullopt);
}

TEST_F(AccessOfOperators, AtTheirOwnAddressFiguresNeedNoTokenAndTopicsDo) {
  const auto port = server_.server.admin_port();
  EXPECT_EQ(get(port, "/metrics").status, 200);
  EXPECT_EQ(get(port, "/readyz").status, 200);
  EXPECT_TRUE(get(port, "/healthz").json().as_object().contains("topics"));
  EXPECT_EQ(get(port, "/v1/topics").status, 401);
  EXPECT_EQ(get(port, "/v1/stream/a?offset=-1").status, 401);
}

// ---- one connection, many callers ----

class AccessOfOneConnection : public testing::Test {
 protected:
  AccessOfOneConnection() { server_.memory.requester.publish(name_of("a"), 1); }
  TestAccess access_;
  TestServer server_{access_.options()};
};

TEST_F(AccessOfOneConnection, EveryRequestIsJudgedByItsOwnCredential) {
  const auto may = TestAccess::bearer(access_.token(R"({"subscribe":["a"],"publish":["a"]})"));
  const auto may_not = TestAccess::bearer(access_.token(R"({"subscribe":["b"],"publish":["b"]})"));
  const std::string json = "Content-Type: application/json\r\n";
  std::string requests;
  for (const auto& who : {may, may_not, std::string(), may}) {
    requests += http_request("GET /v1/stream/a?offset=-1", {}, who);
    requests += http_request("POST /v1/stream/a", "[1]", json + who);
  }
  RawClient client(server_.server.port());
  client.send(requests);
  std::vector<int> statuses;
  for (int i = 0; i < 8; ++i) statuses.push_back(read_answer(client).status);
  EXPECT_THAT(statuses, testing::ElementsAre(200, 204, 403, 403, 401, 401, 200, 204));
}

TEST_F(AccessOfOneConnection, ALargeBodyOfWhoMayNotIsNotWaitedFor) {
  RawClient client(server_.server.port());
  client.send(
      "POST /v1/stream/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
      "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
}

TEST_F(AccessOfOneConnection, WhatAnonymousClientsMayReadIsSharedAndNothingElse) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"a"};
  access_.replace(rules);
  auto options = access_.options();
  options.limits.shared_caching = true;
  TestServer server(options);
  server.memory.requester.publish(name_of("a"), 1);
  const auto get = [&](const std::string& fields) {
    return ask(server.server.port(), http_request("GET /v1/stream/a?offset=-1", {}, fields)).head;
  };
  EXPECT_THAT(get(""), AllOf(HasSubstr("Cache-Control: public"), HasSubstr("Vary: Origin\r\n")));
  EXPECT_THAT(get(TestAccess::bearer(access_.token(R"({"subscribe":["a"]})"))),
              AllOf(HasSubstr("Cache-Control: private"), HasSubstr("Vary: Origin, Authorization")));
}

TEST_F(AccessOfOneConnection, ARefusedCredentialIsNotTakenForNone) {
  auto rules = access_.rules();
  rules.anonymous.subscribe = {"a"};
  access_.replace(rules);
  const auto get = [&](const std::string& fields) {
    return ask(server_.server.port(), http_request("GET /v1/stream/a?offset=-1", {}, fields));
  };
  EXPECT_EQ(get("").status, 200);
  EXPECT_EQ(get("Authorization: Bearer garbage\r\n").status, 401);
}

}  // namespace
}  // namespace tidemark::broker
