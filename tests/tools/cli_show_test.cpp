// `tidemark show` and `diff` as a user types them, on a broker and on its files.
// tests/tools/: see tools/inspect/show.hpp and diff.hpp.
#include <algorithm>

#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CliShow : public Cli {
 protected:
  void SetUp() override {
    write_sample_log(data_);
    daemon_.start();
  }
  /// The same of the broker and of the files it runs on.
  std::string both(const std::string& command) const {
    const auto files = output(command + " --data " + quoted(data_.string()));
    EXPECT_EQ(output(command), files) << command;
    return files;
  }
  static std::ptrdiff_t lines_of(const std::string& text) { return std::ranges::count(text, '\n'); }
  const fs::path data_ = directory_.path() / "data";
};

TEST_F(CliShow, TellsOfOneOrder) {
  EXPECT_EQ(both("tidemark show orders --from 187 --to 187 --format ndjson"),
            R"({"type":"event","epoch":1001,"topic":"orders","offset":187,"time":1764000003000,)"
            R"("key":"k7","data":{"order":187}})"
            "\n");
}

TEST_F(CliShow, StretchesAreByOffsetByTimeAndFromTheEnd) {
  EXPECT_EQ(both("tidemark show orders --from 999"), "{\"order\":999}\n{\"order\":1000}\n");
  EXPECT_EQ(both("tidemark show orders --last 1"), "{\"order\":1000}\n");
  EXPECT_EQ(both("tidemark show orders --last 0"), "");
  EXPECT_EQ(both("tidemark show orders --to 2"), "{\"order\":1}\n{\"order\":2}\n");
  // A batch of fifty a second: what came until a time, and what came from then on.
  EXPECT_EQ(lines_of(both("tidemark show orders --to 1764000000000 --format ndjson")), 50);
  EXPECT_EQ(both("tidemark show orders --from 2025-11-24T16:00:01Z --limit 1"), "{\"order\":51}\n");
  EXPECT_EQ(both("tidemark show orders --from 2020-01-01 --to 2020-01-02"), "");
}

TEST_F(CliShow, FiltersHoldTogether) {
  EXPECT_EQ(
      both("tidemark show orders --key k10 --header kind=big --from 900"),
      "{\"order\":910}\n{\"order\":930}\n{\"order\":950}\n{\"order\":970}\n{\"order\":990}\n");
  EXPECT_EQ(both("tidemark show orders --match '\"order\":99[89]' --limit 5"),
            "{\"order\":998}\n{\"order\":999}\n");
  EXPECT_EQ(both("tidemark show orders --key 'k1*' --limit 2"), "{\"order\":1}\n{\"order\":10}\n");
}

TEST_F(CliShow, FilesTellWhatAProducerHasSent) {
  const auto from = " --data " + quoted(data_.string());
  EXPECT_EQ(output("tidemark show orders --producer p2 --format table --fields offset,size" + from),
            "  OFFSET     BYTES\n      11        12\n      12        12\n      13        12\n"
            "      14        12\n      15        12\n");
  const auto unknown = run("tidemark show orders --producer nobody" + from);
  EXPECT_EQ(unknown.exit_code, 4);
  EXPECT_THAT(unknown.errors, HasSubstr("orders knows no producer nobody"));
  const auto online = run("tidemark show orders --producer p2");
  EXPECT_EQ(online.exit_code, 2);
  EXPECT_THAT(online.errors, HasSubstr("--data"));
}

TEST_F(CliShow, WhatIsTrimmedIsToldAndTheRestShown) {
  const auto ended = run("tidemark show prices --from 1 --format raw");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.output, "5\n6\n7\nnull\n");
  EXPECT_THAT(ended.errors, HasSubstr("events 1–4 are gone"));
  EXPECT_EQ(both("tidemark show prices"), "5\n6\n7\nnull\n");
}

TEST_F(CliShow, BytesAreShownAsBytes) {
  EXPECT_THAT(both("tidemark show rooms/raw --format hex"),
              HasSubstr("000000f0  f0 f1 f2 f3 f4 f5 f6 f7  f8 f9 fa fb fc fd fe ff"));
  EXPECT_THAT(both("tidemark show rooms/raw --format json"), HasSubstr("\"data_base64\":\"AAECAw"));
  EXPECT_THAT(both("tidemark show rooms/1 --format table"), HasSubstr("line\\nbreak"));
}

TEST_F(CliShow, AForkBeginsWithWhatItInherited) {
  EXPECT_THAT(both("tidemark show orders-fork --from 60 --format ndjson"),
              HasSubstr("\"epoch\":1001,\"topic\":\"orders-fork\",\"offset\":60,"));
  EXPECT_EQ(lines_of(both("tidemark show orders-fork --format ndjson")), 65);
}

TEST_F(CliShow, MistakesAreNamed) {
  const auto topic = run("tidemark show order");
  EXPECT_EQ(topic.exit_code, 4);
  EXPECT_THAT(topic.errors, HasSubstr("did you mean orders"));
  const auto files = run("tidemark show order --data " + quoted(data_.string()));
  EXPECT_EQ(files.exit_code, 4);
  EXPECT_THAT(files.errors, HasSubstr("did you mean orders"));
  const auto pattern = run("tidemark show orders --match '('");
  EXPECT_EQ(pattern.exit_code, 2);
  EXPECT_THAT(pattern.errors, HasSubstr("--match"));
  const auto field = run("tidemark show orders --fields ofset");
  EXPECT_EQ(field.exit_code, 2);
  EXPECT_THAT(field.errors, HasSubstr("did you mean offset"));
  EXPECT_EQ(run("tidemark show orders --from yesterday").exit_code, 2);
}

TEST_F(CliShow, APatternWithoutEndIsAnError) {
  output("head -c 60000 /dev/zero | tr '\\0' a | tidemark pub long --content-type text/plain");
  const auto ended = run("tidemark show long --match '(a+)+(a+)+(a+)+$.'");
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_THAT(ended.errors, HasSubstr("the pattern takes too long on event 1"));
}

TEST_F(CliShow, APipeThatIsClosedEndsIt) {
  const auto ended =
      run("tidemark show orders --format hex --data " + quoted(data_.string()) + " | head -n 1");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.errors, "");
  EXPECT_THAT(ended.output, HasSubstr("1  2025-11-24 16:00:00.000  key k1  11 bytes"));
}

TEST_F(CliShow, DiffTellsKeysAtTwoOffsets) {
  const auto text = both("tidemark diff orders 990 1000");
  EXPECT_THAT(text, HasSubstr("state of orders at 1000 against 990: 10 keys have changed"));
  EXPECT_THAT(text, HasSubstr("k11"));
  const auto json = both("tidemark diff orders 995 996 --json");
  EXPECT_EQ(json,
            "{\"topic\":\"orders\",\"from\":995,\"to\":996,\"changes\":[\n"
            R"({"key":"k16","change":"changed","before":{"offset":976,"time":1764000019000,)"
            R"("data":{"order":976}},"after":{"offset":996,"time":1764000019000,)"
            R"("data":{"order":996}}}]})"
            "\n");
  EXPECT_THAT(both("tidemark diff orders 1000 1000"), HasSubstr("no key has changed"));
  EXPECT_THAT(output("tidemark diff prices 0 8 --json"), HasSubstr("\"change\":\"set\""));
  const auto backwards = run("tidemark diff orders 10 5");
  EXPECT_EQ(backwards.exit_code, 2);
  EXPECT_THAT(backwards.errors, HasSubstr("which is behind B"));
}

TEST_F(CliShow, NothingIsWrittenIntoADirectoryOfNoBroker) {
  daemon_.terminate();
  EXPECT_EQ(daemon_.wait().exit_code, 0);
  const auto before = whole_tree(data_);
  output("tidemark show orders --data " + quoted(data_.string()));
  output("tidemark diff orders 1 500 --data " + quoted(data_.string()));
  EXPECT_EQ(whole_tree(data_), before);
}

}  // namespace
}  // namespace tidemark::test
