// The load generator's HTTP client: requests, answers cut anywhere, numbered events, event streams.
// tests/e2e/: what a measurement believes of a server must be what the server said.
#include "tools/bench_http.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/bench_events.hpp"
#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// ---- answers ----

struct Kept final : AnswerReader::Sink {
  struct Answer {
    unsigned status;
    std::string next_offset;
    bool up_to_date;
    std::string body;
    bool ended = false;
    bool operator==(const Answer&) const = default;
  };
  std::vector<Answer> answers;

  void head(const AnswerHead& head) override {
    answers.push_back({head.status, std::string(head.next_offset), head.up_to_date, {}});
  }
  void body(std::string_view piece) override { answers.back().body.append(piece); }
  void end() override { answers.back().ended = true; }
};

// Gives the reader `bytes` in pieces of `size`, and what it leaves again, as the loop does.
std::vector<Kept::Answer> read_in_pieces(const std::string& bytes, std::size_t size,
                                         bool to_the_end = false) {
  AnswerReader reader;
  Kept kept;
  std::string left;
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    left.append(bytes, at, size);
    left.erase(0, reader.take(left, kept));
  }
  EXPECT_EQ(left, "");
  EXPECT_EQ(reader.end_of_input(kept), to_the_end);
  return kept.answers;
}

const std::string kThreeAnswers =
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nSTREAM-NEXT-OFFSET:  0001_0002 \r\n\r\nhello"
    "HTTP/1.1 204 No Content\r\nStream-Next-Offset: 0001_0003\r\nStream-Up-To-Date: true\r\n\r\n"
    "HTTP/1.1 100 Continue\r\n\r\n"
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "4\r\nmany\r\nB;x=y\r\n words\r\nmor\r\n1\r\ne\r\n0\r\nTrailer: x\r\n\r\n";

TEST(BenchAnswerReader, ReadsAnswersWhereverTheyAreCut) {
  for (std::size_t size = 1; size <= kThreeAnswers.size(); ++size) {
    EXPECT_THAT(read_in_pieces(kThreeAnswers, size),
                ElementsAre(Kept::Answer{200, "0001_0002", false, "hello", true},
                            Kept::Answer{204, "0001_0003", true, "", true},
                            Kept::Answer{200, "", false, "many words\r\nmore", true}))
        << "in pieces of " << size;
  }
}

TEST(BenchAnswerReader, EndsABodyOfNoStatedLengthWithTheConnection) {
  EXPECT_THAT(read_in_pieces("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome more", 4, true),
              ElementsAre(Kept::Answer{200, "", false, "some more", true}));
}

TEST(BenchAnswerReader, TellsAnAnswerThatIsCutOff) {
  AnswerReader reader;
  Kept kept;
  reader.take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", kept);
  EXPECT_FALSE(reader.end_of_input(kept));
  EXPECT_FALSE(kept.answers.front().ended);
}

TEST(BenchAnswerReader, RefusesWhatItDoesNotUnderstand) {
  for (const std::string bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n"}) {
    AnswerReader reader;
    Kept kept;
    EXPECT_THROW(reader.take(bytes, kept), BenchError) << bytes;
  }
}

TEST(BenchHttpRequest, HasALengthWhenItHasABody) {
  std::string out;
  append_request({.target = "/v1/stream/x?offset=-1"}, "h:1", out);
  EXPECT_EQ(out, "GET /v1/stream/x?offset=-1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
  out.clear();
  append_request({.method = "POST",
                  .target = "/v1/stream/x",
                  .fields = "Stream-Seq: 7\r\n",
                  .content_type = "application/json",
                  .body = "[1]"},
                 "h:1", out);
  EXPECT_EQ(out,
            "POST /v1/stream/x HTTP/1.1\r\nHost: h:1\r\nStream-Seq: 7\r\n"
            "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]");
}

// ---- numbered events ----

std::string event_of(std::uint64_t number, std::size_t size = 48) {
  Payloads payloads(size, 7);
  return std::string(payloads.stamped(static_cast<std::int64_t>(number)));
}

std::string array_of(std::vector<std::uint64_t> numbers) {
  std::string out;
  for (const auto number : numbers) out += (out.empty() ? "[" : ",") + event_of(number);
  return out.empty() ? "[]" : out + "]";
}

std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const BenchError& error) {
    return error.what();
  }
  return "no error";
}

TEST(BenchEventBody, CountsEventsOfArraysWhereverTheyAreCut) {
  const auto first = array_of({9, 10, 11});
  const auto second = array_of({12});
  for (std::size_t size = 1; size <= first.size(); ++size) {
    EventBody body(StreamType::json, 48, 1, 9);
    for (const auto& answer : {first, std::string("[]"), second}) {
      body.begin();
      for (std::size_t at = 0; at < answer.size(); at += size) body.take(answer.substr(at, size));
      body.end();
    }
    EXPECT_EQ(body.count(), 4U);
    EXPECT_EQ(body.next(), 13U);
  }
}

TEST(BenchEventBody, CountsEventsOfBytesWhereverTheyAreCut) {
  const auto bytes = event_of(999'998) + event_of(999'999) + event_of(1'000'000);
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    EventBody body(StreamType::bytes, 48, 1, 999'998);
    body.begin();
    for (std::size_t at = 0; at < bytes.size(); at += size) body.take(bytes.substr(at, size));
    body.end();
    EXPECT_EQ(body.next(), 1'000'001U);
  }
}

TEST(BenchEventBody, TakesSeveralWritersEachInItsOwnOrder) {
  EventBody body(StreamType::bytes, 48, 3);
  body.begin();
  for (const auto number : {2U, 0U, 3U, 1U, 5U, 4U}) body.take(event_of(number));
  EXPECT_EQ(body.count(), 6U);
  EXPECT_THAT(error_of([&] { body.take(event_of(9)); }),
              HasSubstr("a gap: event 9 came where 6 was due"));
}

TEST(BenchEventBody, TellsGapsAndDoubledEvents) {
  const auto after_five = [](std::uint64_t number) {
    return error_of([number] {
      EventBody body(StreamType::json, 48, 1, 5);
      body.begin();
      body.take(array_of({5, number}));
    });
  };
  EXPECT_EQ(after_five(6), "no error");
  EXPECT_THAT(after_five(7), HasSubstr("a gap: event 7 came where 6 was due"));
  EXPECT_THAT(after_five(5), HasSubstr("a doubled event: 5 came where 6 was due"));
}

TEST(BenchEventBody, TellsWhatIsNotWholeOrSomethingElse) {
  const auto taking = [](StreamType type, const std::string& bytes) {
    return error_of([&] {
      EventBody body(type, 48);
      body.begin();
      body.take(bytes);
      body.end();
    });
  };
  const auto whole = array_of({0, 1});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(taking(StreamType::json, whole.substr(0, size)), "no error") << size;
  }
  EXPECT_NE(taking(StreamType::json, whole + event_of(2)), "no error");
  EXPECT_NE(taking(StreamType::json, "[" + event_of(0) + event_of(1) + "]"), "no error");
  EXPECT_NE(taking(StreamType::json, "[" + event_of(0) + " ," + event_of(1) + "]"), "no error");
  EXPECT_NE(taking(StreamType::bytes, event_of(0).substr(1)), "no error");
  EXPECT_NE(taking(StreamType::bytes, event_of(0, 49) + event_of(1, 49)), "no error");
  EXPECT_EQ(taking(StreamType::bytes, event_of(0) + event_of(1)), "no error");
}

// ---- event streams ----

std::string control_of(std::string_view position, bool up_to_date) {
  return "event: control\ndata:{\"streamNextOffset\":\"" + std::string(position) +
         "\",\"streamCursor\":\"1\"" + (up_to_date ? ",\"upToDate\":true" : "") + "}\n\n";
}

// An event a line, with ids, as tidemarkd writes a run; and an array a line, as others do.
const std::string kRuns =
    "retry: 1000\n\n: hello\n" + control_of("7_0", true) + "id: 7_2\nevent: data\ndata:[" +
    event_of(0) + "\ndata:," + event_of(1) + "\ndata:]\n\nid: 7_2\n" + control_of("7_2", false) +
    "event: data\ndata: " + array_of({2, 3, 4}) + "\n\n" + "event: data\r\ndata:" + array_of({5}) +
    "\r\n\r\n" + control_of("7_6", true);

TEST(BenchEventStream, CountsEventsWhereverTheStreamIsCut) {
  for (std::size_t size = 1; size < 200; ++size) {
    EventStream stream(48, 0);
    for (std::size_t at = 0; at < kRuns.size(); at += size) stream.take(kRuns.substr(at, size));
    EXPECT_EQ(stream.next(), 6U);
    EXPECT_EQ(stream.controls(), 3U);
    EXPECT_EQ(stream.position(), "7_6");
    EXPECT_TRUE(stream.up_to_date());
  }
}

TEST(BenchEventStream, SaysWhetherItIsUpToDateAsTheLastControlDid) {
  EventStream stream(48, 0);
  EXPECT_FALSE(stream.up_to_date());
  stream.take(control_of("1_0", true));
  EXPECT_TRUE(stream.up_to_date());
  stream.take(control_of("1_1", false));
  EXPECT_FALSE(stream.up_to_date());
  EXPECT_EQ(stream.position(), "1_1");
}

TEST(BenchEventStream, TellsGapsOfEitherKind) {
  const auto taking = [](const std::string& bytes) {
    return error_of([&] { EventStream(48, 0).take(bytes); });
  };
  EXPECT_THAT(taking("event: data\ndata:[" + event_of(0) + "\ndata:," + event_of(2) + "\n"),
              HasSubstr("a gap: event 2 came where 1 was due"));
  EXPECT_THAT(taking("id: 3_9\nevent: gap\ndata:{\"code\":\"trimmed\"}\n\n"), HasSubstr("gap"));
  EXPECT_THAT(taking("data:{}\n\n"), HasSubstr("data of no event"));
  EXPECT_THAT(taking("event: data\ndata:[" + event_of(0) + "\n\n"), HasSubstr("no end"));
}

}  // namespace
}  // namespace tidemark::tools::bench
