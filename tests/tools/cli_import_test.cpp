// `tidemark import` of real files of both forms into real directories, with brokers on them after.
// tests/tools/: see tools/transfer/import_command.hpp; the rules are tried in import_test.
#include <filesystem>
#include <memory>
#include <random>
#include <sstream>

#include <boost/json/parse.hpp>

#include "storage/record_batch.hpp"
#include "storage/rocks_store.hpp"
#include "storage/verify.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The sample log in "data", and exports of it in "all.ndjson" and "all.tmx"; no broker.
class CliImport : public Cli {
 protected:
  void SetUp() override { write_sample_log(path("data"), {.events = 1000}); }

  fs::path path(const std::string& name) const { return files_.path() / name; }
  void make_exports() const {
    output("tidemark export --all --data data -o all.ndjson");
    output("tidemark export --all --data data --format binary -o all.tmx");
  }
  /// What an export says, without when it was made.
  std::string exported(const std::string& data) const {
    const auto text = output("tidemark export --all --data " + data);
    return text.substr(text.find('\n') + 1);
  }
  /// Nothing is found in it, but what has been given up.
  void expect_sound(const std::string& data) const {
    storage::VerifyOptions options;
    options.finding = [&](const storage::Finding& finding) {
      if (!finding.what.starts_with("events were given up"))
        ADD_FAILURE() << data << ": " << finding.topic << ": " << finding.what;
    };
    const auto report = storage::verify_store(path(data), options);
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_TRUE(report->intact());
  }
  storage::LoadedTopic load(const std::string& topic, const std::string& data) const {
    const auto log = storage::open_rocks_log_to_read(path(data));
    EXPECT_TRUE(log) << log.error().text;
    const auto loaded = (*log)->load(TopicName::parse(topic).value());
    EXPECT_TRUE(loaded && *loaded) << topic;
    return **loaded;
  }
  /// A log in which "orders" has one event, of an epoch of its own.
  void write_other_orders(const std::string& data) const {
    const auto log = storage::open_rocks_log(path(data), {});
    ASSERT_TRUE(log) << log.error().text;
    storage::TopicMeta meta;
    meta.id = (*log)->next_topic_id();
    meta.name = "orders";
    meta.lineage = {{{4004}, {1}}};
    storage::BatchBuilder builder;
    builder.add({.data = "{}", .key = {}, .headers = {}});
    storage::CommitGroup group;
    group.batches.push_back(
        {.topic = meta.id,
         .first = {1},
         .value = builder.finish(meta.id, {.epoch = {4004}, .first = {1}, .time = {5}})});
    group.topics.push_back(std::move(meta));
    ASSERT_TRUE((*log)->commit(group, storage::Durability::synced));
  }
  boost::json::object json(const std::string& command, int exit_code = 0) const {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, exit_code) << command << "\n" << ended.errors;
    return boost::json::parse(ended.output).as_object();
  }
};

/// With a broker of its own on what was imported.
class CliImportServed : public CliImport {
 protected:
  void serve(const std::string& data) {
    served_ = std::make_unique<Daemon>(path(data));
    served_->start();
  }
  void stop() {
    served_->terminate();
    EXPECT_EQ(served_->wait().exit_code, 0);
  }
  std::string at(const std::string& command) const {
    return "export TIDEMARK_SERVER=" + served_->url() + "; " + command;
  }

  std::unique_ptr<Daemon> served_;
};

// ---- whole ----

TEST_F(CliImport, ANewDirectoryGetsEverythingAsItWasInBothForms) {
  make_exports();
  for (const std::string form : {"ndjson", "tmx"}) {
    const auto said = output("tidemark import all." + form + " --data " + form);
    EXPECT_THAT(said, AllOf(HasSubstr("orders"), HasSubstr("1,000"), HasSubstr("created"),
                            HasSubstr("of 6 topics\n"), Not(HasSubstr("\x1b["))));
    EXPECT_EQ(exported(form), exported("data"));
    expect_sound(form);
  }
}

TEST_F(CliImport, FromAPipeAndUnderAnotherName) {
  output(
      "tidemark export orders --data data | tidemark import - --data new --topic orders --as "
      "orders/2025");
  const auto topic = load("orders/2025", "new");
  EXPECT_EQ(topic.tail.head, Offset{1000});
  EXPECT_EQ(topic.meta.lineage.back().epoch, SampleLog::kSecondEpoch);
  expect_sound("new");
}

TEST_F(CliImport, RepeatedItSaysThatNothingIsToBeDone) {
  make_exports();
  output("tidemark import all.tmx --data new");
  const auto said = json("tidemark import all.ndjson --data new --json");
  EXPECT_TRUE(said.at("complete").as_bool());
  EXPECT_EQ(said.at("events").to_number<int>(), 0);
  ASSERT_EQ(said.at("topics").as_array().size(), 6U);
  for (const auto& topic : said.at("topics").as_array())
    EXPECT_EQ(topic.at("did").as_string(), "unchanged");
  EXPECT_THAT(output("tidemark import all.tmx --data new"), HasSubstr("nothing is to be done"));
}

TEST_F(CliImport, TopicsThatAreThereAreNotTouched) {
  make_exports();
  write_other_orders("other");
  auto before = load("orders", "other").meta;
  output("tidemark import all.tmx --data other --topic rooms/1");
  const auto log = storage::open_rocks_log_to_read(path("other"));
  ASSERT_TRUE(log) << log.error().text;
  const auto after = (*log)->load(TopicName::parse("orders").value()).value()->meta;
  EXPECT_EQ((*log)->incidents_after(after.incident).number, after.incident)
      << "it has no new epoch to open";
  const auto imported = (*log)->load(TopicName::parse("rooms/1").value()).value()->meta;
  EXPECT_GT((*log)->incidents_after(imported.incident).number, imported.incident);
  before.incident = after.incident;
  EXPECT_EQ(after, before);
  expect_sound("other");
}

// ---- cut off ----

TEST_F(CliImport, AFileThatWasCutOffIsGoneOnWithByTheWholeOne) {
  make_exports();
  const auto seed = test_seed();
  std::mt19937_64 random(seed);
  for (const std::string form : {"ndjson", "tmx"}) {
    const auto whole = read_whole(path("all." + form));
    for (int i = 0; i < 8; ++i) {
      fs::remove_all(path("new"));
      write_whole(path("part"), whole.substr(0, 16 + random() % (whole.size() - 16)));
      const auto cut = run("tidemark import part --data new");
      EXPECT_EQ(cut.exit_code, 5) << cut.errors;
      EXPECT_THAT(cut.errors, HasSubstr("import the whole file again"));
      if (fs::exists(path("new"))) expect_sound("new");
      output("tidemark import all." + form + " --data new");
      ASSERT_EQ(exported("new"), exported("data")) << form << ", seed " << seed << ", " << i;
      expect_sound("new");
    }
  }
}

// ---- refused ----

TEST_F(CliImport, AnotherHistoryIsRefusedUnlessANewEpochIsAllowed) {
  make_exports();
  write_other_orders("other");
  const auto before = whole_tree(path("other"));
  const auto tried = run("tidemark import all.tmx --data other --topic orders --dry-run");
  EXPECT_EQ(tried.exit_code, 4);
  EXPECT_TRUE(whole_tree(path("other")) == before);
  const auto refused = run("tidemark import all.tmx --data other --topic orders");
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_THAT(refused.errors,
              AllOf(HasSubstr("orders: it is there with another history"),
                    HasSubstr("1001 from 1, 2002 from 501, up to 1000"), HasSubstr("--new-epoch")));
  EXPECT_EQ(load("orders", "other").tail.head, Offset{1});
  EXPECT_THAT(output("tidemark import all.tmx --data other --topic orders --new-epoch 2>&1"),
              AllOf(HasSubstr("appended"), HasSubstr("left out")));
  EXPECT_EQ(load("orders", "other").tail.head, Offset{1001});
  expect_sound("other");
}

TEST_F(CliImport, ATopicTheFileDoesNotHaveIsNamed) {
  make_exports();
  const auto ended = run("tidemark import all.tmx --data new --topic order");
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.errors, HasSubstr("no topic order, did you mean orders?"));
  EXPECT_FALSE(fs::exists(path("new"))) << "nothing was to be written";
}

TEST_F(CliImport, ADirectoryThatABrokerUsesIsNotTouched) {
  make_exports();
  daemon_.start();
  output("tidemark pub t 1 -q");
  const auto data = quoted((directory_.path() / "data").string());
  const auto ended = run("tidemark import all.tmx --data " + data);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.errors, HasSubstr("in use"));
  const auto tried = run("tidemark import all.tmx --data " + data + " --dry-run");
  EXPECT_EQ(tried.exit_code, 0) << tried.errors;
  EXPECT_THAT(tried.errors, HasSubstr("has to be stopped"));
}

TEST_F(CliImport, ADirectoryThatIsNotOursIsNotTouched) {
  make_exports();
  fs::create_directory(path("letters"));
  file("letters/letter.txt", "dear all");
  const auto before = whole_tree(path("letters"));
  for (const std::string more : {"", " --dry-run"}) {
    const auto ended = run("tidemark import all.tmx --data letters" + more);
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_THAT(ended.errors, HasSubstr("letters"));
    EXPECT_TRUE(whole_tree(path("letters")) == before);
  }
}

TEST_F(CliImport, ADryRunMakesNotEvenTheDirectory) {
  make_exports();
  const auto said = output("tidemark import all.tmx --data new --dry-run");
  EXPECT_THAT(said, AllOf(HasSubstr("orders"), HasSubstr("would import")));
  EXPECT_FALSE(fs::exists(path("new")));
  const auto before = whole_tree(path("data"));
  EXPECT_EQ(run("tidemark import all.tmx --data data --dry-run").exit_code, 0);
  EXPECT_TRUE(whole_tree(path("data")) == before);
}

TEST_F(CliImport, CommandLinesThatCannotBeMeantAreUsage) {
  file("x", "");
  for (const std::string wrong :
       {"x", "--data new", "x --data new --as t", "x --data new --topic a --topic b --as t",
        "x --data new --topic _tidemark/x", "x --data new --topic a --as a//b"}) {
    const auto ended = run("tidemark import " + wrong);
    EXPECT_EQ(ended.exit_code, 2) << wrong;
    EXPECT_FALSE(fs::exists(path("new"))) << wrong;
  }
}

// ---- bad files ----

TEST_F(CliImport, WhatIsNoExportIsRefusedBeforeAnythingIsMade) {
  file("empty", "");
  file("letter", "dear all\n");
  file("other", "{\"type\":\"something\"}\n");
  for (const std::string name : {"empty", "letter", "other", "missing", "."}) {
    const auto ended = run("tidemark import " + name + " --data new");
    EXPECT_NE(ended.exit_code, 0) << name;
    EXPECT_THAT(ended.errors, Not(IsEmpty())) << name;
    EXPECT_FALSE(fs::exists(path("new"))) << name;
  }
}

TEST_F(CliImport, AFlippedBitEndsItAndWhatIsBeforeItIsSound) {
  make_exports();
  const auto whole = read_whole(path("all.tmx"));
  const auto seed = test_seed();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 8; ++i) {
    fs::remove_all(path("new"));
    write_whole(path("bad.tmx"), whole);
    // Behind the magic and the version.
    flip_bit(path("bad.tmx"), 9 + random() % (whole.size() - 9), static_cast<int>(random() % 8));
    const auto ended = run("tidemark import bad.tmx --data new");
    EXPECT_THAT(ended.exit_code, testing::AnyOf(5, 6)) << ended.errors << ", seed " << seed;
    if (fs::exists(path("new"))) expect_sound("new");
    output("tidemark import all.tmx --data new");
    ASSERT_EQ(exported("new"), exported("data")) << "seed " << seed << ", " << i;
  }
}

TEST_F(CliImport, EventsThatAreMissingInTheFileAreToldAndExitWith6) {
  make_exports();
  // What damage leaves: events 101 to 150 are a gap.
  std::istringstream whole(read_whole(path("all.ndjson")));
  std::string holed;
  for (std::string line; std::getline(whole, line);) {
    const auto event = boost::json::parse(line).as_object();
    const bool is_event = event.at("type") == "event" && event.at("topic") == "orders";
    const auto offset = is_event ? event.at("offset").to_number<int>() : 0;
    if (offset == 101)
      holed +=
          "{\"type\":\"gap\",\"topic\":\"orders\",\"first\":101,\"end\":151,\"why\":\"lost\"}\n";
    if (event.at("type") == "end") {
      const auto events = event.at("events").to_number<int>() - 50;
      holed += "{\"type\":\"end\",\"topics\":6,\"events\":" + std::to_string(events) + "}\n";
    } else if (offset < 101 || offset > 150) {
      holed += line + "\n";
    }
  }
  write_whole(path("holed.ndjson"), holed);
  const auto ended = run("tidemark import holed.ndjson --data new");
  EXPECT_EQ(ended.exit_code, 6) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("orders: 50 events are gaps in the file"));
  EXPECT_EQ(json("tidemark import holed.ndjson --data new --json").at("events").to_number<int>(),
            0);
  expect_sound("new");
  const auto shown = output("tidemark export orders --data new");
  EXPECT_THAT(shown, HasSubstr("\"first\":101,\"end\":151"));
}

// ---- served ----

TEST_F(CliImportServed, ClientsGoOnWhereTheyWereAndWhoIsAheadIsTold) {
  make_exports();
  output("tidemark import all.tmx --data new");
  serve("new");
  EXPECT_EQ(output(at("tidemark tail orders --no-follow --after 998 --epoch 2002")),
            "{\"order\":999}\n{\"order\":1000}\n");
  output(at("tidemark pub orders '{\"order\":1001}' -q"));
  EXPECT_EQ(output(at("tidemark tail orders --no-follow --after 1000 --epoch 2002")),
            "{\"order\":1001}\n");
  // The log it is a copy of may have gone on with events of its own.
  const auto ahead =
      run(at("tidemark tail orders --no-follow --after 1003 --epoch 2002 --on-gap fail"));
  EXPECT_EQ(ahead.exit_code, 4) << ahead.output << ahead.errors;
  stop();
  EXPECT_EQ(load("orders", "new").tail.head, Offset{1001});
  EXPECT_EQ(load("orders", "new").meta.lineage.size(), 3U);
  expect_sound("new");
  EXPECT_THAT(output("tidemark import all.tmx --data new"), HasSubstr("nothing is to be done"))
      << "it has all of the file, and more";
}

TEST_F(CliImportServed, CursorsAndTheStateGoOnInTheImportedLog) {
  make_exports();
  output("tidemark import all.ndjson --data new");
  serve("new");
  EXPECT_THAT(output(at("tidemark tail orders --no-follow --cursor device-1 --limit 1")),
              HasSubstr("{\"order\":41}"));
  EXPECT_EQ(output(at("tidemark state get orders 2>/dev/null")), "{\"sum\":30}");
}

}  // namespace
}  // namespace tidemark::test
