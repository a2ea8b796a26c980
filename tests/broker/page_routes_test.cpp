// Pages as browsers get them: what is served, under which rules, and what is not there.
// tests/: broker/page_routes, by itself with a table of pages and over real sockets.
#include "broker/page_routes.hpp"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"
#include "tests/broker/gunzipped.hpp"
#include "tests/broker/stream_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr PageRules kAllOn{.console = true, .demo = true};
constexpr PageRules kAllOff{.console = false, .demo = false};
constexpr std::string_view kPolicy =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'\r\n";

/// Large enough to be compressed.
const std::string& long_script() {
  static const std::string text = [] {
    std::string out;
    while (out.size() < 4096) out += "console.log('more of the same');\n";
    return out;
  }();
  return text;
}

// ---- by itself ----

class PageRoutes : public testing::Test {
 protected:
  [[nodiscard]] HttpReply get(std::string_view path, const PageRules& rules = kAllOn) const {
    return page_reply(served_, rules, {.path = path});
  }
  [[nodiscard]] unsigned status(std::string_view path, const PageRules& rules = kAllOn) const {
    return get(path, rules).status;
  }
  static std::string body(const HttpReply& reply) {
    std::string out = reply.body;
    for (const auto piece : reply.pieces) out += piece;
    return out + reply.tail;
  }
  /// The value of a header field of the reply.
  static std::string field_in(const HttpReply& reply, std::string_view name) {
    return field_of({.status = 0, .head = "\r\n" + reply.fields, .body = {}}, name);
  }

  const std::array<Page, 5> pages_{
      Page{"/client/client.js", "text/javascript", long_script(), "\"c1\""},
      Page{"/console/index.html", "text/html", "<p>console", "\"c2\""},
      Page{"/console/parts/a.js", "text/javascript", "a", "\"c3\""},
      Page{"/console/picture.png", "image/png", long_script(), "\"c4\""},
      Page{"/demo/index.html", "text/html", "<p>demo", "\"c5\""},
  };
  const ServedPages served_{pages_};
};

TEST_F(PageRoutes, APageIsServedAsItIs) {
  const auto reply = get("/console/parts/a.js");
  EXPECT_EQ(reply.status, 200U);
  EXPECT_EQ(reply.content_type, "text/javascript");
  EXPECT_EQ(body(reply), "a");
  EXPECT_EQ(field_in(reply, "ETag"), "\"c3\"");
  EXPECT_EQ(reply.cache_control, "no-cache");
}

TEST_F(PageRoutes, AFolderStandsForItsIndex) {
  EXPECT_EQ(body(get("/console/")), "<p>console");
  EXPECT_EQ(body(get("/console/index.html")), "<p>console");
  EXPECT_EQ(body(get("/demo/")), "<p>demo");
  EXPECT_EQ(status("/console/parts/"), 404U) << "it has none";
  EXPECT_EQ(status("/client/"), 404U);
}

TEST_F(PageRoutes, PathsWithoutTheSlashLeadToTheFolder) {
  for (const auto& [from, to] : {std::pair("/", "/console/"), std::pair("/console", "/console/"),
                                 std::pair("/demo", "/demo/")}) {
    const auto reply = get(from);
    EXPECT_EQ(reply.status, 302U) << from;
    EXPECT_EQ(field_in(reply, "Location"), to);
    EXPECT_EQ(reply.content_type, "") << "no body";
  }
}

TEST_F(PageRoutes, NamesAreExact) {
  for (const auto* path :
       {"/console/index", "/console/INDEX.HTML", "/console//", "/console//index.html",
        "/console/./index.html", "/console/parts/../index.html", "/console/../console/index.html",
        "/console/%69ndex.html", "/console/index.html/", "/console/index.html%00",
        "/console/x.html", "/console/parts", "/client/../console/index.html",
        "/demo/../../etc/passwd", "/v1/topics", "/index.html", ""}) {
    EXPECT_EQ(status(path), 404U) << path;
  }
}

TEST_F(PageRoutes, WhatIsSwitchedOffIsNotThere) {
  const PageRules console{.console = true, .demo = false};
  const PageRules demo{.console = false, .demo = true};
  for (const auto* path : {"/", "/console", "/console/", "/console/parts/a.js"}) {
    EXPECT_NE(status(path, console), 404U) << path;
    EXPECT_EQ(status(path, demo), 404U) << path;
    EXPECT_EQ(status(path, kAllOff), 404U) << path;
  }
  for (const auto* path : {"/demo", "/demo/"}) {
    EXPECT_NE(status(path, demo), 404U) << path;
    EXPECT_EQ(status(path, console), 404U) << path;
    EXPECT_EQ(status(path, kAllOff), 404U) << path;
  }
}

TEST_F(PageRoutes, TheClientGoesWithThePagesThatUseIt) {
  const auto* const client = "/client/client.js";
  EXPECT_EQ(status(client, {.console = true, .demo = false}), 200U);
  EXPECT_EQ(status(client, {.console = false, .demo = true}), 200U);
  EXPECT_EQ(status(client, kAllOff), 404U);
}

TEST_F(PageRoutes, EveryAnswerButARefusalHoldsTheBrowserToTheRules) {
  const PageRequest kept{.path = "/console/", .if_none_match = "\"c2\""};
  for (const auto& reply : {get("/console/"), get("/"), page_reply(served_, kAllOn, kept)}) {
    EXPECT_THAT(reply.fields, HasSubstr(kPolicy)) << reply.status;
    EXPECT_EQ(field_in(reply, "Referrer-Policy"), "no-referrer");
    EXPECT_EQ(field_in(reply, "Cross-Origin-Opener-Policy"), "same-origin");
    EXPECT_EQ(reply.cache_control, "no-cache");
  }
}

TEST_F(PageRoutes, WhoHasAPageIsNotSentItAgain) {
  const auto again = [&](std::string_view tags, bool gzip = false) {
    return page_reply(served_, kAllOn,
                      {.path = "/client/client.js", .if_none_match = tags, .gzip = gzip});
  };
  for (const auto* tags : {"\"c1\"", "W/\"c1\"", "\"other\", \"c1\"", "*"}) {
    const auto reply = again(tags);
    EXPECT_EQ(reply.status, 304U) << tags;
    EXPECT_EQ(body(reply), "");
    EXPECT_EQ(reply.content_type, "");
    EXPECT_EQ(field_in(reply, "ETag"), "\"c1\"");
  }
  EXPECT_EQ(again("\"c2\"").status, 200U);
  EXPECT_EQ(again("c1").status, 200U);
  EXPECT_EQ(again("\"c1;gzip\"").status, 200U) << "other bytes than those it would get";
  EXPECT_EQ(again("\"c1;gzip\"", true).status, 304U);
}

TEST_F(PageRoutes, TextComesAsGzipToWhomItSuits) {
  const auto ask_for = [&](std::string_view path, bool gzip) {
    return page_reply(served_, kAllOn, {.path = path, .gzip = gzip});
  };
  const auto packed = ask_for("/client/client.js", true);
  EXPECT_EQ(field_in(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(field_in(packed, "ETag"), "\"c1;gzip\"");
  EXPECT_EQ(gunzipped(body(packed)), long_script());
  EXPECT_EQ(packed.content_type, "text/javascript");

  const auto plain = ask_for("/client/client.js", false);
  EXPECT_EQ(field_in(plain, "Content-Encoding"), "");
  EXPECT_EQ(body(plain), long_script());
  for (const auto& reply : {packed, plain}) EXPECT_EQ(field_in(reply, "Vary"), "Accept-Encoding");

  for (const auto* path : {"/console/", "/console/picture.png"}) {  // too short; a picture
    const auto reply = ask_for(path, true);
    EXPECT_EQ(reply.status, 200U);
    EXPECT_EQ(field_in(reply, "Content-Encoding"), "") << path;
    EXPECT_EQ(field_in(reply, "Vary"), "") << path;
  }
}

// ---- over HTTP: those in the binary ----

class PagesOverHttp : public testing::Test {
 protected:
  static ServerOptions with(const PageRules& rules) {
    ServerOptions options;
    options.pages = rules;
    options.allowed_origins = {"https://app.example"};
    return options;
  }
  [[nodiscard]] HttpAnswer get(std::string_view path, std::string_view fields = {}) const {
    return ask(server_.port(), http_request("GET " + std::string(path), {}, fields));
  }

  TestServer server_{with(kAllOn)};
};

TEST_F(PagesOverHttp, EveryPageComesWholeAndItsHeadAlone) {
  ASSERT_FALSE(embedded_pages().empty());
  for (const Page& page : embedded_pages()) {
    const auto answer = get(page.path);
    EXPECT_EQ(answer.status, 200) << page.path;
    EXPECT_EQ(answer.body, page.body) << page.path;
    EXPECT_EQ(field_of(answer, "Content-Type"), page.content_type);
    EXPECT_THAT(answer.head, HasSubstr(kPolicy));
    EXPECT_EQ(field_of(answer, "X-Content-Type-Options"), "nosniff");

    RawClient client(server_.port());
    client.send(http_request("HEAD " + std::string(page.path)));
    const auto head = read_answer(client, false);
    EXPECT_EQ(head.status, 200) << page.path;
    EXPECT_EQ(field_of(head, "Content-Length"), std::to_string(page.body.size()));
    client.send(http_request("GET /healthz"));
    EXPECT_EQ(read_answer(client).status, 200) << "no body came behind the head";
  }
}

TEST_F(PagesOverHttp, TheyAreAskedForAgainAndNotSentAgain) {
  for (const Page& page : embedded_pages()) {
    for (const std::string accept : {"", "Accept-Encoding: gzip\r\n"}) {
      const auto etag = field_of(get(page.path, accept), "ETag");
      RawClient client(server_.port());
      client.send(http_request("GET " + std::string(page.path), {},
                               accept + "If-None-Match: " + etag + "\r\n"));
      const auto kept = read_answer(client);
      EXPECT_EQ(kept.status, 304) << page.path;
      EXPECT_EQ(field_of(kept, "ETag"), etag);
      EXPECT_EQ(field_of(kept, "Cache-Control"), "no-cache");
      client.send(http_request("GET /healthz"));
      EXPECT_EQ(read_answer(client).status, 200);
    }
  }
}

TEST_F(PagesOverHttp, ABrowserGetsThemCompressed) {
  std::size_t compressed = 0;
  for (const Page& page : embedded_pages()) {
    const auto answer = get(page.path, "Accept-Encoding: gzip, deflate, br\r\n");
    if (field_of(answer, "Content-Encoding") != "gzip") continue;
    EXPECT_EQ(gunzipped(answer.body), page.body) << page.path;
    EXPECT_LT(answer.body.size(), page.body.size());
    ++compressed;
  }
  EXPECT_GT(compressed, 0U) << "the client is large enough";
}

TEST_F(PagesOverHttp, TheHomeOfTheBrokerIsTheConsole) {
  for (const auto* path : {"/", "/console", "/?from=somewhere"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 302) << path;
    EXPECT_EQ(field_of(answer, "Location"), "/console/");
    EXPECT_EQ(field_of(answer, "Content-Length"), "0");
  }
  EXPECT_EQ(get("/console/?from=somewhere").status, 200) << "what is behind ? is the page's";
}

TEST_F(PagesOverHttp, NoPathLeadsOutOfThem) {
  for (const auto* path :
       {"/console/../v1/topics", "/console/%2e%2e/v1/topics", "/console/..%2f..%2fetc%2fpasswd",
        "/%63onsole/", "/console/%69ndex.html", "/console/%00", "/console/index.html%00.js",
        "/demo//index.html"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.error(), "not_found") << path;
  }
}

TEST_F(PagesOverHttp, TheyAreReadOnly) {
  for (const auto* line :
       {"POST /console/", "PUT /console/index.html", "DELETE /demo/", "POST /"}) {
    const auto answer = ask(server_.port(), http_request(line));
    EXPECT_EQ(answer.status, 405) << line;
    EXPECT_EQ(field_of(answer, "Allow"), "GET, HEAD");
  }
}

TEST_F(PagesOverHttp, OtherSitesGetNothingOfThemUnlessTheyAreListed) {
  const auto other = get("/console/", "Origin: https://evil.example\r\n");
  EXPECT_EQ(field_of(other, "Cross-Origin-Resource-Policy"), "same-origin");
  EXPECT_EQ(field_of(other, "Access-Control-Allow-Origin"), "");
  const auto listed = get("/client/tidemark-client.js", "Origin: https://app.example\r\n");
  EXPECT_EQ(field_of(listed, "Access-Control-Allow-Origin"), "https://app.example");
  // A name somebody points at this machine: what is loaded by it would speak to the broker by it.
  EXPECT_EQ(ask(server_.port(), "GET /console/ HTTP/1.1\r\nHost: evil.example\r\n\r\n").status,
            403);
}

TEST_F(PagesOverHttp, TheConsoleIsThereUnlessItIsSwitchedOffAndTheDemoIfItIsSwitchedOn) {
  server_.server.apply(with({}));
  EXPECT_EQ(get("/console/").status, 200);
  EXPECT_EQ(get("/demo/").status, 404);
  EXPECT_EQ(get("/demo/").error(), "not_found");
  server_.server.apply(with({.console = false, .demo = true}));
  EXPECT_EQ(get("/").status, 404);
  EXPECT_EQ(get("/console/").status, 404);
  EXPECT_EQ(get("/demo/").status, 200);
  server_.server.apply(with(kAllOff));
  for (const Page& page : embedded_pages()) EXPECT_EQ(get(page.path).status, 404) << page.path;
}

TEST(PagesWithAccess, AreForEverybodyWhateverIsShown) {
  const TestAccess access;
  const TestServer server(access.options());
  for (const auto* fields : {"", "Authorization: Bearer garbage\r\n"}) {
    const auto answer = ask(server.port(), http_request("GET /console/", {}, fields));
    EXPECT_EQ(answer.status, 200) << fields;
    EXPECT_EQ(field_of(answer, "Cache-Control"), "no-cache");
    EXPECT_THAT(answer.head, Not(HasSubstr("WWW-Authenticate")));
  }
  EXPECT_EQ(ask(server.port(), http_request("GET /v1/topics")).status, 401)
      << "what it shows is not";
}

}  // namespace
}  // namespace tidemark::broker
