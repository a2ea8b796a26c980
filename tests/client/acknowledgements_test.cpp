// Which acknowledgement is sent when, and who is answered by it.
// tests/client/: see protocol/client/acknowledgements.hpp.
#include "protocol/client/acknowledgements.hpp"

#include <gtest/gtest.h>

namespace tidemark::client {
namespace {

class AcknowledgementsTest : public testing::Test {
 protected:
  Acknowledgements::Ticket add(Position position, const std::string& cursor = "c") {
    answers.emplace_back();
    return acks.add("t", cursor, position, [this, nth = answers.size() - 1](Reply<Position> reply) {
      answers[nth] = std::move(reply);
    });
  }
  void pump() {
    acks.pump([this] { return ++last_id; },
              [this](const ClientMessage& m) { sent.push_back(std::get<Acknowledge>(m)); });
  }
  void answer(Position position) {
    acks.acknowledged({.id = sent.back().id, .topic = "t", .cursor = "c", .position = position});
  }

  Acknowledgements acks;
  std::vector<Acknowledge> sent;
  std::vector<std::optional<Reply<Position>>> answers;
  RequestId last_id = 0;
};

TEST_F(AcknowledgementsTest, IsSentOnceAndAnsweredWithTheCursorsPosition) {
  add({{7}, {5}});
  pump();
  pump();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0], (Acknowledge{.id = 1, .topic = "t", .cursor = "c", .position = {{7}, {5}}}));
  EXPECT_FALSE(answers[0]);
  answer({{7}, {8}});
  ASSERT_TRUE(answers[0] && *answers[0]);
  EXPECT_EQ(**answers[0], (Position{{7}, {8}}));
  pump();
  EXPECT_EQ(sent.size(), 1U);
}

TEST_F(AcknowledgementsTest, OfThoseThatWaitTheLatestStandsForAll) {
  add({{7}, {5}});
  pump();
  add({{7}, {9}});
  add({{7}, {6}});
  pump();
  EXPECT_EQ(sent.size(), 1U) << "one at a time";
  answer({{7}, {5}});
  EXPECT_TRUE(answers[0]);
  EXPECT_FALSE(answers[1]);
  pump();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].position, (Position{{7}, {9}}));
  answer({{7}, {9}});
  EXPECT_TRUE(answers[1] && answers[2]);
}

TEST_F(AcknowledgementsTest, IsSentAgainWithTheNextConnectionAsTheNewest) {
  add({{7}, {5}});
  pump();
  add({{7}, {6}});
  acks.disconnected();
  pump();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].position, (Position{{7}, {6}}));
  answer({{7}, {6}});
  EXPECT_TRUE(answers[0] && answers[1]);
}

TEST_F(AcknowledgementsTest, AnErrorIsForThoseItWasSentFor) {
  add({{7}, {99}});
  pump();
  add({{7}, {5}});
  EXPECT_TRUE(acks.failed({.id = sent[0].id, .code = Errc::position_ahead}));
  ASSERT_TRUE(answers[0]);
  EXPECT_EQ(answers[0]->error().code, Errc::position_ahead);
  EXPECT_FALSE(answers[1]);
  pump();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].position, (Position{{7}, {5}}));
  EXPECT_FALSE(acks.failed({.id = 77, .code = Errc::forbidden}));
  EXPECT_FALSE(acks.failed({.id = 0, .code = Errc::forbidden}));
}

TEST_F(AcknowledgementsTest, CursorsDoNotWaitForEachOther) {
  add({{7}, {5}}, "a");
  add({{7}, {3}}, "b");
  pump();
  EXPECT_EQ(sent.size(), 2U);
}

TEST_F(AcknowledgementsTest, WhoNoLongerWaitsIsNotToldAndThePositionGoesOn) {
  const auto ticket = add({{7}, {5}});
  acks.abandon(ticket);
  pump();
  ASSERT_EQ(sent.size(), 1U);
  answer({{7}, {5}});
  EXPECT_FALSE(answers[0]);
}

TEST_F(AcknowledgementsTest, AllAreRefusedAtTheEnd) {
  add({{7}, {5}});
  pump();
  add({{7}, {6}});
  acks.refuse_all(refusal_of(Errc::cancelled));
  for (const auto& reply : answers) {
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error().code, Errc::cancelled);
  }
  acks.disconnected();
  pump();
  EXPECT_EQ(sent.size(), 1U);
}

}  // namespace
}  // namespace tidemark::client
