// Failures as problem details.
// tests/: broker/api_reply.
#include "broker/api_reply.hpp"

#include <fstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

namespace json = boost::json;

TEST(ProblemDetails, SayWhatTheTableSays) {
  const auto reply = error_reply(Errc::unknown_topic);
  EXPECT_EQ(reply.status, 404U);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_EQ(reply.body, R"({"type":"about:blank","title":"Not Found","status":404,)"
                        R"("detail":"there is no such topic","code":"unknown_topic"})"
                        "\n");
}

TEST(ProblemDetails, SayMoreWhereThereIsMore) {
  const auto reply = error_reply(431, Errc::message_too_large, "the \"head\"\n is too large");
  EXPECT_EQ(reply.status, 431U);
  const auto body = json::parse(reply.body);
  EXPECT_EQ(body.at("title").as_string(), "Request Header Fields Too Large");
  EXPECT_EQ(body.at("status").as_int64(), 431);
  EXPECT_EQ(body.at("detail").as_string(), "the \"head\"\n is too large");
  EXPECT_EQ(body.at("code").as_string(), "message_too_large");
}

TEST(ProblemDetails, CarryWhatProgramsNeed) {
  const auto body = json::parse(error_reply({.code = Errc::position_trimmed,
                                             .head = Offset{180},
                                             .expected_sequence = 4,
                                             .producer_epoch = 2,
                                             .gap = Gap{.lost = {{43}, {100}},
                                                        .cause = GapCause::count,
                                                        .epoch = {1},
                                                        .earliest = {100},
                                                        .head = {180}}})
                                    .body);
  EXPECT_EQ(body.at("head").as_int64(), 180);
  EXPECT_EQ(body.at("expected_sequence").as_int64(), 4);
  EXPECT_EQ(body.at("producer_epoch").as_int64(), 2);
  EXPECT_EQ(json::serialize(body.at("gap")),
            R"({"first":43,"end":100,"cause":"count","epoch":1,"earliest":100,"head":180})");
}

TEST(ProblemDetails, AreWhatTheProtocolsDocumentShows) {
  std::ifstream file(TIDEMARK_PROTOCOL_MD);
  std::string shown;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(R"({"type":"about:blank")")) shown = line + "\n";
  }
  EXPECT_EQ(error_reply({.code = Errc::offset_mismatch, .head = Offset{9}}).body, shown);
}

TEST(ProblemDetails, HaveATitleForEveryCode) {
  for (const auto& row : errors()) {
    const auto body = json::parse(error_reply(row.code).body);
    EXPECT_FALSE(body.at("title").as_string().empty()) << row.name;
    EXPECT_NE(body.at("title").as_string(), "<unknown-status>") << row.name;
    EXPECT_EQ(body.at("status").as_int64(), row.http_status);
  }
}

}  // namespace
}  // namespace tidemark::broker
