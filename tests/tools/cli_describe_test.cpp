// `tidemark topics` and `describe` on a broker and on its files, live and left by a kill.
// tests/tools/: see tools/inspect/describe.hpp and topics.hpp.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "storage/rocks_store.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

namespace json = boost::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class CliDescribe : public Cli {
 protected:
  void SetUp() override {
    write_sample_log(data_);
    daemon_.start();
  }
  std::string files() const { return " --data " + quoted(data_.string()); }
  json::object object(const std::string& command) const {
    return json::parse(output(command)).as_object();
  }
  /// Without what only a broker knows, and what depends on the moment.
  static json::object comparable(json::object object) {
    for (const auto* const name : {"subscribers", "memory_bytes"}) object.erase(name);
    if (auto* const cursors = object.if_contains("cursors"); cursors && cursors->is_array()) {
      for (auto& cursor : cursors->as_array()) {
        cursor.as_object()["lag"].as_object().erase("time_ms");
        cursor.as_object().erase("acknowledged");  // when the directory was made
      }
    }
    return object;
  }
  const fs::path data_ = directory_.path() / "data";
};

TEST_F(CliDescribe, ABrokerAndItsFilesTellTheSame) {
  for (const std::string topic : {"orders", "prices", "rooms/1", "orders-fork", "empty"}) {
    const auto command = "tidemark describe " + topic + " --json";
    EXPECT_EQ(comparable(object(command)), comparable(object(command + files()))) << topic;
  }
  EXPECT_EQ(output("tidemark topics --long" + files()), output("tidemark topics --long"));
  for (const std::string pattern : {"'*'", "'rooms/*'", "orders", "'no*'"}) {
    const auto command = "tidemark topics --json " + pattern;
    auto of_broker = object(command);
    for (auto& topic : of_broker.at("topics").as_array()) {
      EXPECT_TRUE(topic.as_object().contains("subscribers")) << pattern;
      topic = comparable(topic.as_object());
    }
    EXPECT_EQ(of_broker, object(command + files())) << pattern;
  }
}

TEST_F(CliDescribe, TheLongTableTellsWhatIsKeptAndHowMuchThatIs) {
  output("tidemark create kept --max-age 7d --max-bytes 1MiB --max-events 1000");
  const auto narrow = output("tidemark topics kept");
  EXPECT_THAT(narrow, Not(HasSubstr("RETENTION")));
  const auto table = output("tidemark topics --long");
  for (const std::string part :
       {"BYTES", "RETENTION", "CREATED", "7 d, 1.0 MiB, 1,000 events", "everything"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table,
              ContainsRegex("orders +2002 +1 +1000 +1,000 [^\n]*KiB +everything +2025-11-24"));
}

TEST_F(CliDescribe, TellsTheHistoryAndWhoIsBehind) {
  const auto orders = object("tidemark describe orders --json" + files());
  EXPECT_EQ(json::serialize(orders.at("lineage")),
            R"([{"epoch":1001,"first":1},{"epoch":2002,"first":501}])");
  EXPECT_EQ(orders.at("producers").as_array().size(), 2U);
  EXPECT_EQ(orders.at("producers").at(0).at("producer").as_string(), "p1");
  EXPECT_EQ(orders.at("producers").at(0).at("sequence").to_number<int>(), 9);
  EXPECT_EQ(orders.at("cursors").at(1).at("lag").at("events").to_number<int>(), 900);
  EXPECT_FALSE(orders.contains("subscribers"));

  const auto text = output("tidemark describe orders" + files());
  EXPECT_THAT(text, HasSubstr("1,000, 1 to 1000"));
  EXPECT_THAT(text, HasSubstr(" 2002    501  1000"));
  EXPECT_THAT(text, HasSubstr("device-1"));
  EXPECT_THAT(text, HasSubstr("2025-11-24 16:00:00.000 to 2025-11-24 16:00:19.000"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(CliDescribe, TellsWhatIsGoneAndWhatIsKept) {
  const auto text = output("tidemark describe prices");
  EXPECT_THAT(text, HasSubstr("events 1 to 4, the last of them by a trim\n"));
  EXPECT_THAT(text, HasSubstr("the newest event of each of 3 keys"));
  EXPECT_THAT(text, HasSubstr("subscribers"));
  EXPECT_THAT(output("tidemark describe orders-fork"), HasSubstr("of orders after event 60"));
  EXPECT_THAT(output("tidemark describe empty"), HasSubstr("none yet"));
}

TEST_F(CliDescribe, FilesAreReadAfterAKillAndNotChanged) {
  const auto before = comparable(object("tidemark describe orders --json"));
  daemon_.kill();
  const auto tree = whole_tree(data_);
  EXPECT_EQ(comparable(object("tidemark describe orders --json" + files())), before);
  EXPECT_THAT(output("tidemark topics" + files()), HasSubstr("rooms/raw"));
  EXPECT_EQ(whole_tree(data_), tree);
}

TEST_F(CliDescribe, WhatIsOnlyInTheWriteAheadLogIsTold) {
  write_sample_log(files_.path() / "closed");
  write_sample_log(files_.path() / "killed", {.leave_wal = true});
  const auto tree = whole_tree(files_.path() / "killed");
  for (const std::string topic : {"orders", "prices", "orders-fork"}) {
    const auto command = "tidemark describe " + topic + " --json --data ";
    EXPECT_EQ(comparable(object(command + "closed")), comparable(object(command + "killed")))
        << topic;
  }
  EXPECT_EQ(output("tidemark topics --long --data closed"),
            output("tidemark topics --long --data killed"));
  EXPECT_EQ(whole_tree(files_.path() / "killed"), tree);
}

TEST_F(CliDescribe, EpochsEndWhereTheNextBegins) {
  EXPECT_THAT(output("tidemark describe orders"),
              HasSubstr("EPOCH  FIRST  LAST\n 1001      1  500\n 2002    501  1000\n"));
  EXPECT_THAT(output("tidemark describe orders-fork"),
              HasSubstr("EPOCH  FIRST  LAST\n 1001      1  60\n 3003     61  65\n"));
  EXPECT_THAT(output("tidemark describe empty"), HasSubstr("EPOCH  FIRST  LAST\n 1001      1  –"));
}

TEST_F(CliDescribe, AReaderThatHasLostEventsStandsOut) {
  output("tidemark cursors set rooms/1 slow --offset 1 && tidemark trim rooms/1 --before 3 --yes");
  const auto text = output("tidemark describe rooms/1");
  EXPECT_THAT(text, ContainsRegex("slow [^\n]* 1 event lost\n"));
  Program shown(program({"describe", "rooms/1", "--no-pager"}), Program::Streams::terminal);
  shown.expect_output("\x1b[31m1 event lost\x1b[");
  EXPECT_EQ(shown.wait().exit_code, 0);
  // A broker writes cursors within a second, and when it is stopped.
  daemon_.terminate();
  EXPECT_EQ(daemon_.wait().exit_code, 0);
  EXPECT_THAT(output("tidemark describe rooms/1" + files()), HasSubstr("  1 event lost\n"));
}

TEST_F(CliDescribe, WhoMayOnlyReadIsNotToldWhoElseDoes) {
  daemon_.terminate();
  EXPECT_EQ(daemon_.wait().exit_code, 0);
  output("tidemark token key --algorithm ES256 --file k --kid k1");
  file("tidemark.toml",
       "[access.anonymous]\nsubscribe = [\"orders\"]\n[[access.token-keys]]\nid = \"k1\"\n"
       "algorithm = \"ES256\"\nfile = \"k.pub\"\n");
  Daemon guarded(data_, {"--config", (files_.path() / "tidemark.toml").string()});
  guarded.start();
  const auto from = " --server " + guarded.url();
  const auto ended = run("tidemark describe orders" + from);
  EXPECT_EQ(ended.exit_code, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("1,000, 1 to 1000"));
  EXPECT_THAT(ended.output, Not(HasSubstr("device-1")));
  EXPECT_THAT(ended.errors, HasSubstr("told to who may manage the topic"));
  const auto told = object("tidemark describe orders --json" + from);
  EXPECT_FALSE(told.contains("producers"));
  EXPECT_FALSE(told.contains("cursors"));
  EXPECT_EQ(run("tidemark describe prices" + from).exit_code, 4);
}

TEST_F(CliDescribe, DamageIsToldBesideWhatCanBeReadAndEndsWith6) {
  const auto damaged = files_.path() / "damaged";
  write_sample_log(damaged);
  {
    auto log = storage::open_rocks_log(damaged, {});
    ASSERT_TRUE(log.has_value());
    const auto room = (*log)->load(*TopicName::parse("rooms/1"));
    ASSERT_TRUE(room && *room);
    storage::CommitGroup group;
    group.batches.push_back({.topic = (*room)->meta.id, .first = {4}, .value = "nonsense"});
    ASSERT_TRUE((*log)->commit(group, storage::Durability::synced));
  }
  const auto tree = whole_tree(damaged);
  const std::vector<std::pair<std::string, std::string>> told{
      {"describe rooms/1", "3, 1 to 3"}, {"topics", "rooms/raw"}, {"show rooms/1", "hello"}};
  for (const auto& [command, says] : told) {
    const auto ended = run("tidemark " + command + " --data damaged");
    EXPECT_EQ(ended.exit_code, 6) << command;
    EXPECT_THAT(ended.output, HasSubstr(says)) << command;
    EXPECT_THAT(ended.errors, HasSubstr("the end of rooms/1 is damaged")) << command;
  }
  EXPECT_THAT(output("tidemark describe orders --data damaged"), HasSubstr("1,000, 1 to 1000"));
  EXPECT_EQ(whole_tree(damaged), tree);
}

TEST_F(CliDescribe, WhatCannotBePrintedIsAnErrorAndWhoLeavesIsNone) {
  for (const std::string command :
       {"describe orders", "describe orders --json", "topics", "topics --json", "show orders",
        "diff orders 1 100", "stats", "stats --json"}) {
    const auto full = run("tidemark " + command + files() + " > /dev/full");
    EXPECT_EQ(full.exit_code, 1) << command;
    EXPECT_THAT(full.errors, HasSubstr("the output can't be written: No space left on device"))
        << command;
  }
  for (const std::string command : {"describe orders", "topics --json", "show orders"}) {
    const auto left = run("tidemark " + command + files() + " | true");
    EXPECT_EQ(left.errors, "") << command;
  }
}

TEST_F(CliDescribe, SaysWhatIsWrong) {
  for (const auto& source : {std::string(), files()}) {
    for (const std::string command : {"describe ordres", "topics ordres"}) {
      const auto ended = run("tidemark " + command + source);
      EXPECT_EQ(ended.exit_code, 4) << command << source;
      EXPECT_THAT(ended.errors, HasSubstr("there is no topic ordres, did you mean orders?"));
    }
  }
  for (const auto& source : {std::string(), files()}) {
    const auto topics = run("tidemark topics 'a b'" + source);
    EXPECT_EQ(topics.exit_code, 4) << source;
    EXPECT_THAT(topics.errors, HasSubstr("there is no topic a b"));
    EXPECT_EQ(run("tidemark describe 'a b'" + source).exit_code, 2) << source;
  }
  const auto missing = run("tidemark describe orders --data nowhere");
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.errors, HasSubstr("nowhere"));
  EXPECT_FALSE(fs::exists(files_.path() / "nowhere"));
  fs::create_directory(files_.path() / "other");
  file("other/file", "text");
  const auto other = run("tidemark describe orders --data other");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.errors, HasSubstr("no Tidemark log"));
  EXPECT_EQ(run("tidemark describe orders --data x --server http://127.0.0.1:1").exit_code, 2);
}

TEST_F(CliDescribe, ManyCursorsAreCutUnlessAllAreWanted) {
  for (int i = 0; i < 25; ++i) {
    output("tidemark cursors set rooms/1 reader-" + std::to_string(i + 10) + " --offset 1");
  }
  const auto some = output("tidemark describe rooms/1");
  EXPECT_THAT(some, HasSubstr("reader-29"));
  EXPECT_THAT(some, Not(HasSubstr("reader-30")));
  EXPECT_THAT(some, HasSubstr("… and 5 more; --all shows them"));
  const auto all = output("tidemark describe rooms/1 --all");
  EXPECT_THAT(all, HasSubstr("reader-34"));
  EXPECT_THAT(all, Not(HasSubstr("more; --all")));
}

}  // namespace
}  // namespace tidemark::test
