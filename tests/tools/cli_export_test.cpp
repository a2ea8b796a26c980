// `tidemark export` on files and against a broker: whole, cut off, damaged, and to nobody.
// tests/tools/: see tools/transfer/export_command.hpp.
#include <algorithm>
#include <csignal>
#include <filesystem>

#include <boost/json/parse.hpp>

#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"
#include "tests/tools/export_samples.hpp"
#include "tools/transfer/export_order.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tools::ExportItem;

/// The items behind the head, each event on its own: what does not depend on the form.
std::vector<ExportItem> content_of(const ReadBack& back) {
  std::vector<ExportItem> out;
  for (const auto& item : back.items) {
    const auto* events = std::get_if<tools::ExportEvents>(&item);
    if (std::holds_alternative<tools::ExportHead>(item)) continue;
    if (events == nullptr) {
      out.push_back(item);
      continue;
    }
    for (std::size_t i = 0; i < events->events.size(); ++i)
      out.emplace_back(tools::ExportEvents{.epoch = events->epoch,
                                           .first = {events->first.value + i},
                                           .time = events->time,
                                           .events = {events->events[i]}});
  }
  return out;
}

std::vector<std::string> topics_of(const ReadBack& back) {
  std::vector<std::string> out;
  for (const auto& item : back.items)
    if (const auto* topic = std::get_if<tools::ExportTopic>(&item)) out.push_back(topic->name);
  return out;
}

/// The sample log in "data", and no broker.
class CliExportFiles : public Cli {
 protected:
  void SetUp() override { write_sample_log(data(), {.events = 1000}); }

  std::filesystem::path data() const { return files_.path() / "data"; }
  std::filesystem::path path(const std::string& name) const { return files_.path() / name; }
  ReadBack whole(const std::string& name) const {
    auto back = read_back(read_whole(path(name)));
    EXPECT_FALSE(back.fault) << name << ": " << back.fault->text;
    return back;
  }
  ReadBack whole_text(const std::string& text) const {
    auto back = read_back(text);
    EXPECT_FALSE(back.fault) << back.fault->text;
    return back;
  }
};

TEST_F(CliExportFiles, WritesTopicsWithTheirWholeHistoryAndNothingElse) {
  const auto before = whole_tree(data());
  const auto text = output("tidemark export --all --data data");
  EXPECT_EQ(whole_tree(data()), before);
  EXPECT_THAT(text, HasSubstr(R"({"type":"event","epoch":1001,"topic":"orders","offset":10,)"));
  EXPECT_THAT(text, HasSubstr(R"("headers":{"kind":"big"},"data":{"order":10}})"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"producer","topic":"orders","producer":"p1","epoch":3,)"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"cursor","topic":"orders","cursor":"device-1",)"));
  EXPECT_THAT(text, HasSubstr(R"("data":{"sum":30}})"));
  const auto back = whole_text(text);
  EXPECT_THAT(topics_of(back),
              ElementsAre("empty", "orders", "orders-fork", "prices", "rooms/1", "rooms/raw"));
  const auto& end = std::get<tools::ExportEnd>(back.items.back());
  EXPECT_EQ(end.topics, 6U);
  EXPECT_EQ(end.events, 1000U + 65 + 4 + 3 + 1);
}

TEST_F(CliExportFiles, BothFormsHoldTheSame) {
  output("tidemark export --all --data data --format binary -o all.tmx");
  const auto text = output("tidemark export --all --data data");
  EXPECT_EQ(plain(content_of(whole("all.tmx"))), plain(content_of(whole_text(text))));
  EXPECT_LT(std::filesystem::file_size(path("all.tmx")), text.size());
}

TEST_F(CliExportFiles, AFileIsForItsOwnerAlone) {
  output("tidemark export orders --data data -o orders.json");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(path("orders.json")).permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_F(CliExportFiles, OnlyTheTopicsThatAreNamedEachOnce) {
  const auto back = whole_text(output("tidemark export rooms/raw orders rooms/raw --data data"));
  EXPECT_THAT(topics_of(back), ElementsAre("orders", "rooms/raw"));
}

TEST_F(CliExportFiles, ATopicThatIsNotThereExitsWith4AndMakesNoFile) {
  const auto ended = run("tidemark export orders nothing --data data -o out");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("nothing"));
  EXPECT_FALSE(std::filesystem::exists(path("out")));
}

TEST_F(CliExportFiles, ADirectoryThatIsNotThereExitsWith3AndMakesNoFile) {
  const auto ended = run("tidemark export --all --data elsewhere -o out");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_FALSE(std::filesystem::exists(path("out")));
  EXPECT_FALSE(std::filesystem::exists(path("elsewhere")));
}

TEST_F(CliExportFiles, AFileThatIsThereIsNotTouched) {
  file("out", "mine");
  const auto ended = run("tidemark export --all --data data -o out");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("out is there already"), HasSubstr("--resume")));
  EXPECT_EQ(read_whole(path("out")), "mine");
}

TEST_F(CliExportFiles, NothingIsWrittenIntoTheDataDirectory) {
  const auto before = whole_tree(data());
  EXPECT_EQ(run("tidemark export --all --data data -o data/out").exit_code, 2);
  EXPECT_EQ(run("tidemark export --all --data data -o data/../data/db/out").exit_code, 2);
  EXPECT_EQ(whole_tree(data()), before);
}

TEST_F(CliExportFiles, WhatCannotBeMeantIsWrongUsage) {
  for (const std::string arguments :
       {"--data data", "--all orders --data data", "--all --data data --resume",
        "--all --data data --json", "--all --data data --format xml", "_tidemark/x --data data"}) {
    const auto ended = run("tidemark export " + arguments);
    EXPECT_EQ(ended.exit_code, 2) << arguments;
    EXPECT_THAT(ended.output, IsEmpty()) << arguments;
  }
}

TEST_F(CliExportFiles, TellsWhatItDidAsJson) {
  const auto said = boost::json::parse(output("tidemark export orders --data data -o out --json"));
  EXPECT_EQ(said.at("topics").to_number<int>(), 1);
  EXPECT_EQ(said.at("events").to_number<int>(), 1000);
  EXPECT_EQ(said.at("lost").to_number<int>(), 0);
  EXPECT_EQ(said.at("bytes").to_number<std::uintmax_t>(), std::filesystem::file_size(path("out")));
  EXPECT_FALSE(said.at("damaged").as_bool());
}

TEST_F(CliExportFiles, BinaryIsNotForTerminals) {
  std::vector<std::string> arguments{"/usr/bin/env",  "TERM=xterm", TIDEMARK_CLI,
                                     "export",        "--all",      "--data",
                                     data().string(), "--format",   "binary"};
  Program program(arguments, Program::Streams::terminal);
  EXPECT_EQ(program.wait().exit_code, 2);
}

// ---- cut off ----

TEST_F(CliExportFiles, ResumingMakesTheSameFileWhereverItWasCut) {
  for (const std::string form : {"ndjson", "binary"}) {
    const std::string command =
        "tidemark export --all --data data --format " + form + " -o " + form;
    output(command);
    const auto whole_bytes = read_whole(path(form));
    const auto size = whole_bytes.size();
    for (const std::size_t cut :
         {std::size_t{100}, size / 7, size / 2, size - size / 5, size - 30, size - 1}) {
      cut_to(path(form), cut);
      const auto ended = run("tidemark export --all --data data --resume -o " + form);
      ASSERT_EQ(ended.exit_code, 0) << form << " at " << cut << ": " << ended.errors;
      ASSERT_EQ(read_whole(path(form)), whole_bytes) << form << " at " << cut;
    }
  }
}

TEST_F(CliExportFiles, ResumingWhatHasNotEvenBegunBegins) {
  for (const std::size_t cut : {0U, 5U, 20U}) {
    std::filesystem::remove(path("out"));
    output("tidemark export --all --data data --format binary -o out");
    cut_to(path("out"), cut);
    output("tidemark export --all --data data --format binary --resume -o out");
    EXPECT_EQ(topics_of(whole("out")).size(), 6U);
  }
  std::filesystem::remove(path("out"));
  output("tidemark export orders --data data --resume -o out");
  EXPECT_THAT(topics_of(whole("out")), ElementsAre("orders"));
}

TEST_F(CliExportFiles, ACompleteFileIsLeftAsItIs) {
  output("tidemark export --all --data data -o out");
  const auto before = read_whole(path("out"));
  const auto ended = run("tidemark export --all --data data -o out --resume");
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.errors, HasSubstr("complete"));
  EXPECT_EQ(read_whole(path("out")), before);
}

TEST_F(CliExportFiles, WhatIsNoExportOrOfOtherTopicsIsNotGoneOnWith) {
  file("letter", "Dear Sir or Madam\n");
  EXPECT_EQ(run("tidemark export --all --data data -o letter --resume").exit_code, 1);
  EXPECT_EQ(read_whole(path("letter")), "Dear Sir or Madam\n");

  output("tidemark export orders --data data --format binary -o out");
  cut_to(path("out"), std::filesystem::file_size(path("out")) / 2);
  const auto before = read_whole(path("out"));
  EXPECT_EQ(run("tidemark export prices --data data -o out --resume").exit_code, 1);
  EXPECT_EQ(run("tidemark export orders --data data --format ndjson -o out --resume").exit_code, 1);
  EXPECT_EQ(read_whole(path("out")), before);

  flip_bit(path("out"), before.size() / 2);
  const auto damaged = read_whole(path("out"));
  EXPECT_EQ(run("tidemark export orders --data data -o out --resume").exit_code, 6);
  EXPECT_EQ(read_whole(path("out")), damaged);
}

TEST_F(CliExportFiles, ATopicWithAnotherHistoryIsNotGoneOnWith) {
  output("tidemark export orders --data data -o out");
  cut_to(path("out"), std::filesystem::file_size(path("out")) / 2);
  std::filesystem::remove_all(data());
  write_sample_log(data(), {.events = 200});
  const auto before = read_whole(path("out"));
  const auto ended = run("tidemark export orders --data data -o out --resume");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("another history"));
  // Up to its last whole item it is what it was.
  EXPECT_TRUE(before.starts_with(read_whole(path("out"))));
}

// ---- nobody reads, no space, interrupted ----

TEST_F(CliExportFiles, AReaderThatHasSeenEnoughEndsItWithoutAWord) {
  const auto ended = run("(tidemark export --all --data data 2>said; echo $? >code) | head -n 1");
  EXPECT_THAT(ended.output, HasSubstr(R"({"type":"export")"));
  EXPECT_EQ(read_whole(path("code")), "5\n");
  EXPECT_THAT(read_whole(path("said")), IsEmpty());
}

TEST_F(CliExportFiles, AFullDiskIsToldAndExitsWith1) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  const auto ended = run("tidemark export --all --data data >/dev/full");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, HasSubstr("no space left"));
}

TEST_F(CliExportFiles, AFileThatMayNotGrowIsGoneOnWithLater) {
  // ulimit counts blocks of 512 bytes; beyond it a write fails once the signal is ignored.
  const auto ended = run("(trap '' XFSZ; ulimit -f 100; tidemark export --all --data data -o out)");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.errors, AllOf(HasSubstr("cannot write out"), HasSubstr("--resume")));
  output("tidemark export --all --data data -o out --resume");
  EXPECT_EQ(topics_of(whole("out")).size(), 6U);
}

TEST_F(CliExportFiles, AnInterruptEndsItThoughNobodyReads) {
  std::filesystem::remove_all(data());
  write_sample_log(data(), {.events = 20'000});
  Program program({TIDEMARK_CLI, "export", "--all", "--data", data().string()});
  program.expect_output(R"({"type":"export")");
  program.signal(SIGINT);
  const auto ended = program.wait();
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_THAT(ended.errors, HasSubstr("interrupted"));
}

// ---- damage ----

std::filesystem::path largest(const std::vector<std::filesystem::path>& files) {
  return *std::ranges::max_element(files, {}, [](const std::filesystem::path& each) {
    return std::filesystem::file_size(each);
  });
}

TEST_F(CliExportFiles, WhatIsDamagedIsAGapAndTheRestIsThere) {
  std::filesystem::remove_all(data());
  write_sample_log(data(), {.events = 20'000});
  const auto table = largest(files_like(data(), "", ".sst"));
  flip_bit(table, std::filesystem::file_size(table) / 3);
  const auto before = whole_tree(data());
  for (const std::string form : {"ndjson", "binary"}) {
    const auto ended =
        run("tidemark export orders --data data --format " + form + " -o " + form + " --json");
    EXPECT_EQ(ended.exit_code, 6) << ended.errors;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("orders: offsets"), HasSubstr("tidemark verify")));
    const auto said = boost::json::parse(ended.output);
    const auto lost = said.at("lost").to_number<std::uint64_t>();
    EXPECT_TRUE(said.at("damaged").as_bool());
    EXPECT_GT(lost, 0U);
    EXPECT_LT(lost, 20'000U);
    EXPECT_EQ(said.at("events").to_number<std::uint64_t>() + lost, 20'000U);
    static_cast<void>(whole(form));
  }
  EXPECT_EQ(whole_tree(data()), before);
}

// ---- a broker ----

class CliExportBroker : public Cli {};

TEST_F(CliExportBroker, ABrokerAndItsFilesGiveTheSameEvents) {
  output(
      "tidemark create log --content-type text/plain --max-events 100; "
      "tidemark pub orders '{\"a\":1}' --key k -q; tidemark pub orders '{ \"a\" : 2 }' -q; "
      "tidemark pub log hello -q; tidemark pub log 'hello again' -q");
  const auto online = read_back(output("tidemark export --all"));
  ASSERT_FALSE(online.fault) << online.fault->text;
  const auto files = read_back(
      output("tidemark export --all --data " + quoted((directory_.path() / "data").string())));
  ASSERT_FALSE(files.fault) << files.fault->text;
  const auto without_producers = [](const ReadBack& back) {
    auto items = content_of(back);
    std::erase_if(items, [](const auto& item) {
      return std::holds_alternative<tools::ExportProducer>(item);
    });
    return plain(items);
  };
  EXPECT_EQ(without_producers(online), without_producers(files));
  EXPECT_EQ(std::get<tools::ExportEnd>(online.items.back()).events, 4U);
}

TEST_F(CliExportBroker, ATopicThatIsNotThereExitsWith4) {
  output("tidemark create orders");
  const auto ended = run("tidemark export order -o out");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("did you mean orders?"));
  EXPECT_FALSE(std::filesystem::exists(files_.path() / "out"));
}

TEST_F(CliExportBroker, NoBrokerExitsWith3) {
  daemon_.kill();
  const auto ended = run("tidemark export --all -o out");
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_FALSE(std::filesystem::exists(files_.path() / "out"));
}

}  // namespace
}  // namespace tidemark::test
