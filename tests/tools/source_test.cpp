// What a broker and its files answer: the same, to the same questions.
// tests/tools/: see tools/inspect/source.hpp.
#include "tools/inspect/source.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>

#include "storage/key_codec.hpp"
#include "storage/record_batch.hpp"
#include "storage/rocks_database.hpp"
#include "storage/rocks_store.hpp"
#include "tests/support/damage.hpp"
#include "tests/support/sample_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tools::EventRange;
using tools::EventVisitor;
using tools::HttpFailure;
using tools::Source;
using tools::SourceChoice;

constexpr Timestamp at_second(std::int64_t second) {
  return {SampleLog::kStart.ms + second * 1000};
}

/// What is asked of a source, with a failure as "!code: text".
class Asking {
 public:
  explicit Asking(Source& source) : source_(source) {}

  std::vector<std::string> topics(const std::string& prefix, std::size_t most = 100) {
    return names(most, "name", [&](const auto& visit) { return source_.topics(prefix, visit); });
  }
  std::vector<std::string> producers(const std::string& topic, std::size_t most = 100) {
    return names(most, "producer",
                 [&](const auto& visit) { return source_.producers(topic, visit); });
  }
  std::vector<std::string> cursors(const std::string& topic, std::size_t most = 100) {
    return names(most, "cursor", [&](const auto& visit) { return source_.cursors(topic, visit); });
  }
  json::object topic(const std::string& name) {
    json::object out;
    const auto failure = source_.topic(name, out);
    EXPECT_FALSE(failure) << failure->text;
    return out;
  }
  std::string offset_at(const std::string& topic, Timestamp time) {
    Offset out;
    if (const auto failure = source_.offset_at(topic, time, out)) return text_of(*failure);
    return std::to_string(out.value);
  }
  /// A line for each event and gap.
  std::string read(const std::string& topic, EventRange range, std::size_t most = 10'000) {
    std::string out;
    const EventVisitor visit{
        .event =
            [&](const EventView& event, Epoch epoch) {
              out += std::to_string(epoch.value) + "/" + std::to_string(event.offset.value) + " " +
                     std::to_string(event.time.ms) + " " + std::string(event.key);
              for (const auto& header : event.headers) {
                out += " " + std::string(header.name) + "=" + std::string(header.value);
              }
              out += " " + std::string(event.data) + "\n";
              return --most > 0;
            },
        .gap =
            [&](const Gap& gap) {
              out += "no " + std::to_string(gap.lost.first.value) + " to " +
                     std::to_string(gap.lost.end.value - 1) + " " +
                     std::string(to_string(gap.cause)) + " of " + std::to_string(gap.epoch.value) +
                     " " + std::to_string(gap.earliest.value) + " " +
                     std::to_string(gap.head.value) + "\n";
            }};
    if (const auto failure = source_.read(topic, range, visit)) out += text_of(*failure);
    return out;
  }

 private:
  static std::string text_of(const HttpFailure& failure) {
    return "!" + failure.code + ": " + failure.text;
  }
  std::vector<std::string> names(
      std::size_t most, const char* member,
      const std::function<tools::Failure(const tools::ObjectVisitor&)>& ask) {
    std::vector<std::string> out;
    const auto failure = ask([&](const json::object& object) {
      out.emplace_back(object.at(member).as_string().c_str());
      return out.size() < most;
    });
    if (failure) out.push_back(text_of(*failure));
    return out;
  }

  Source& source_;
};

std::unique_ptr<Source> opened(const SourceChoice& choice) {
  auto source = Source::open(choice);
  EXPECT_TRUE(source.has_value()) << (source ? "" : source.error().text);
  return source ? std::move(*source) : nullptr;
}
std::unique_ptr<Source> files_in(const fs::path& directory) {
  return opened({.broker = {}, .data = directory.string()});
}

// ---- files alone ----

class FilesSource : public testing::Test {
 protected:
  fs::path data() const { return directory_.path() / "data"; }
  /// What can't be opened.
  HttpFailure failure(const fs::path& directory) const {
    const auto source = Source::open({.broker = {}, .data = directory.string()});
    EXPECT_FALSE(source.has_value());
    return source ? HttpFailure{} : source.error();
  }
  std::unique_ptr<storage::Log> writer() const {
    auto log = storage::open_rocks_log(data(), {});
    if (!log) throw std::runtime_error(log.error().text);
    return std::move(*log);
  }

  /// The database of a closed store, to be changed behind the log's back.
  std::unique_ptr<storage::RocksDatabase> raw() const {
    std::unique_ptr<storage::RocksDatabase> database;
    const auto status = storage::RocksDatabase::open(
        data() / "db", {}, storage::RocksDatabase::Recovery::strict, database);
    if (!status.ok()) throw std::runtime_error(status.ToString());
    return database;
  }

  TemporaryDirectory directory_;
};

TEST_F(FilesSource, ListsTopicsByNameUntilTheVisitorHasEnough) {
  write_sample_log(data());
  const auto source = files_in(data());
  Asking ask(*source);
  EXPECT_THAT(ask.topics(""),
              ElementsAre("empty", "orders", "orders-fork", "prices", "rooms/1", "rooms/raw"));
  EXPECT_THAT(ask.topics("orders"), ElementsAre("orders", "orders-fork"));
  EXPECT_THAT(ask.topics("", 2), ElementsAre("empty", "orders"));
  EXPECT_THAT(ask.topics("zebra"), IsEmpty());
  EXPECT_FALSE(source->damaged());
}

TEST_F(FilesSource, TellsProducersAndCursorsUntilTheVisitorHasEnough) {
  write_sample_log(data());
  const auto source = files_in(data());
  Asking ask(*source);
  EXPECT_THAT(ask.producers("orders"), ElementsAre("p1", "p2"));
  EXPECT_THAT(ask.producers("orders", 1), ElementsAre("p1"));
  EXPECT_THAT(ask.cursors("orders"), ElementsAre("device-1", "device-2"));
  EXPECT_THAT(ask.cursors("orders", 1), ElementsAre("device-1"));
  EXPECT_THAT(ask.producers("prices"), IsEmpty());
  EXPECT_THAT(ask.cursors("prices"), IsEmpty());
}

TEST_F(FilesSource, CursorsOfAnotherHistoryAndBehindRetentionAreTold) {
  write_sample_log(data());
  {
    const auto log = writer();
    const auto prices = log->load(*TopicName::parse("prices"));
    ASSERT_TRUE(prices && *prices);
    const auto id = (*prices)->meta.id;
    storage::CommitGroup group;
    const auto put = [&](const char* name, Position position) {
      group.cursors.push_back(
          {.topic = id,
           .name = name,
           .cursor = storage::StoredCursor{
               .position = position, .created = {}, .acknowledged = SampleLog::kStart}});
    };
    put("behind", {.epoch = SampleLog::kFirstEpoch, .offset = {2}});
    put("elsewhere", {.epoch = {77}, .offset = {2}});
    ASSERT_TRUE(log->commit(group, storage::Durability::synced));
  }
  std::vector<json::object> cursors;
  ASSERT_FALSE(files_in(data())->cursors("prices", [&](const json::object& cursor) {
    cursors.push_back(cursor);
    return true;
  }));
  ASSERT_EQ(cursors.size(), 2U);
  EXPECT_TRUE(cursors[0].at("in_epoch").as_bool());
  EXPECT_EQ(cursors[0].at("lag").at("events").to_number<int>(), 6);
  EXPECT_EQ(cursors[0].at("lag").at("lost").to_number<int>(), 2);
  EXPECT_FALSE(cursors[1].at("in_epoch").as_bool());
}

TEST_F(FilesSource, FiguresAreThoseOfFiles) {
  write_sample_log(data());
  json::object stats;
  ASSERT_FALSE(files_in(data())->stats(stats));
  EXPECT_EQ(stats.at("topics").to_number<int>(), 6);
  EXPECT_FALSE(stats.at("levels").as_array().empty());
  EXPECT_FALSE(stats.contains("commits")) << "only a broker knows";
}

TEST_F(FilesSource, ADirectoryThatIsWrittenIsReadAsItWasWhenItWasOpened) {
  write_sample_log(data());
  const auto log = writer();  // has the lock
  const auto before = files_in(data());
  auto room = log->load(*TopicName::parse("rooms/1"));
  ASSERT_TRUE(room && *room);
  storage::CommitGroup group;
  storage::BatchBuilder builder;
  builder.add({.data = "live", .key = {}, .headers = {}});
  const auto& [meta, tail] = **room;
  group.batches.push_back({.topic = meta.id,
                           .first = tail.head.next(),
                           .value = builder.finish(meta.id, {.epoch = meta.lineage.back().epoch,
                                                             .first = tail.head.next(),
                                                             .count = 0,
                                                             .time = at_second(9),
                                                             .bytes_before = tail.bytes})});
  ASSERT_TRUE(log->commit(group, storage::Durability::synced));
  EXPECT_EQ(Asking(*before).topic("rooms/1").at("head").to_number<int>(), 3);
  const auto after = files_in(data());
  EXPECT_EQ(Asking(*after).topic("rooms/1").at("head").to_number<int>(), 4);
  EXPECT_THAT(Asking(*after).read("rooms/1", {.from = {4}}), HasSubstr("/4 1764000009000  live"));
}

TEST_F(FilesSource, ATopicWhoseEndIsDamagedIsToldAsFarAsItCanBeRead) {
  write_sample_log(data());
  {
    const auto log = writer();
    const auto room = log->load(*TopicName::parse("rooms/1"));
    ASSERT_TRUE(room && *room);
    storage::CommitGroup group;
    group.batches.push_back({.topic = (*room)->meta.id, .first = {4}, .value = "nonsense"});
    ASSERT_TRUE(log->commit(group, storage::Durability::synced));
  }
  const auto source = files_in(data());
  Asking ask(*source);
  EXPECT_EQ(ask.topic("orders").at("head").to_number<int>(), 1000);
  EXPECT_FALSE(source->damaged()) << "that is of another topic";
  testing::internal::CaptureStderr();
  EXPECT_THAT(ask.topics("rooms"), ElementsAre("rooms/1", "rooms/raw"));
  EXPECT_EQ(ask.topic("rooms/1").at("head").to_number<int>(), 3);
  EXPECT_THAT(ask.read("rooms/1", {}),
              AllOf(HasSubstr("/1 1764000000000  hello"), HasSubstr("/3 1764000000000  \n"),
                    Not(HasSubstr("!"))));
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("the end of rooms/1 is damaged; what there was behind event 3 is"));
  EXPECT_EQ(told.find("the end of"), told.rfind("the end of")) << "once";
  EXPECT_TRUE(source->damaged());
}

TEST_F(FilesSource, DamagedMetadataHidesTheTopicsBehindItAlone) {
  write_sample_log(data());
  {
    const auto database = raw();
    ASSERT_TRUE(database->db().Put({}, database->topics(), "p", "nonsense").ok());
  }
  const auto source = files_in(data());
  Asking ask(*source);
  EXPECT_THAT(ask.topics(""),
              ElementsAre("empty", "orders", "orders-fork",
                          "!corrupt_record: reading the topics: stored bytes are damaged"));
  EXPECT_EQ(ask.topic("rooms/1").at("head").to_number<int>(), 3);
}

TEST_F(FilesSource, ADamagedProducerHidesThoseBehindItAlone) {
  write_sample_log(data());
  {
    const auto database = raw();
    std::string value;
    ASSERT_TRUE(database->db().Get({}, database->topics(), "orders", &value).ok());
    const auto meta = storage::decode_value<storage::TopicMeta>(value);
    ASSERT_TRUE(meta);
    const auto key = storage::producer_key(meta->id, "p11");
    ASSERT_TRUE(database->db().Put({}, database->producers(), key, "nonsense").ok());
  }
  const auto source = files_in(data());
  Asking ask(*source);
  testing::internal::CaptureStderr();
  EXPECT_EQ(ask.topic("orders").at("producers").to_number<int>(), 1);
  EXPECT_THAT(ask.producers("orders"), ElementsAre("p1"));
  EXPECT_THAT(ask.cursors("orders"), ElementsAre("device-1", "device-2"));
  const auto told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("not all of the producers of orders can be read"));
  EXPECT_EQ(told.find("not all"), told.rfind("not all")) << "once";
  EXPECT_TRUE(source->damaged());
}

TEST_F(FilesSource, WhatCanNotBeOpenedIsToldWithItsExitCode) {
  const auto missing = failure(directory_.path() / "missing");
  EXPECT_EQ(missing.exit, tools::kUnreachable);
  EXPECT_EQ(missing.code, "not_found");
  EXPECT_FALSE(fs::exists(directory_.path() / "missing"));

  const auto other = directory_.path() / "other";
  fs::create_directory(other);
  write_whole(other / "letter.txt", "dear");
  EXPECT_EQ(failure(other).exit, tools::kUnreachable);
  EXPECT_EQ(failure(other).code, "store_not_ours");
  EXPECT_EQ(failure(other / "letter.txt").code, "store_not_ours");

  write_sample_log(data());
  fs::remove(data() / "HEAD");
  const auto before = whole_tree(data());
  const auto headless = failure(data());
  EXPECT_EQ(headless.exit, tools::kDamaged);
  EXPECT_EQ(headless.code, "store_lost_data");
  EXPECT_THAT(headless.text, HasSubstr("tidemark verify"));
  EXPECT_EQ(whole_tree(data()), before);
}

// ---- earlier formats ----

class FilesOfFormat : public FilesSource, public testing::WithParamInterface<int> {};

TEST_P(FilesOfFormat, AreReadAsTheyAreAndNotChanged) {
  const auto version = static_cast<char>(GetParam());
  storage::TopicMeta meta;
  {
    const auto log = writer();
    meta = {.id = log->next_topic_id(), .name = "old", .lineage = {{{1001}, {1}}}};
    storage::CommitGroup group;
    storage::BatchBuilder builder;
    builder.add({.data = "1", .key = {}, .headers = {}});
    group.topics = {meta};
    group.batches.push_back(
        {.topic = meta.id,
         .first = {1},
         .value = builder.finish(meta.id, {.epoch = {1001}, .first = {1}, .time = at_second(0)})});
    ASSERT_TRUE(log->commit(group, storage::Durability::synced));
  }
  {
    const auto database = raw();
    for (auto* const family : {database->keys(), database->states(), database->cursors()}) {
      ASSERT_TRUE(database->db().DropColumnFamily(family).ok());
    }
    // What later versions have added stands at the end: see FORMAT.md.
    std::string value = storage::encode_value(meta);
    value[0] = version;
    value.resize(value.size() - 9 - (version == 1 ? 3 + 2 + 8 + 16 : 0));
    ASSERT_TRUE(database->db().Put({}, database->topics(), meta.name, value).ok());
    std::string format;
    storage::append_be64(format, static_cast<std::uint64_t>(version));
    const auto key = storage::slice(storage::store_keys::format);
    ASSERT_TRUE(database->db().Put({}, key, format).ok());
  }
  const auto before = whole_tree(data());
  {
    const auto source = files_in(data());
    Asking ask(*source);
    EXPECT_THAT(ask.topics(""), ElementsAre("old"));
    EXPECT_EQ(ask.topic("old").at("cursors").to_number<int>(), 0);
    EXPECT_THAT(ask.cursors("old"), IsEmpty());
    EXPECT_THAT(ask.producers("old"), IsEmpty());
    EXPECT_EQ(ask.read("old", {}), "1001/1 1764000000000  1\n");
  }
  EXPECT_EQ(whole_tree(data()), before);
}

INSTANTIATE_TEST_SUITE_P(Versions, FilesOfFormat, testing::Values(1, 2));

// ---- a broker and its files ----

class BothSources : public Cli {
 protected:
  void SetUp() override {
    write_sample_log(data_);
    daemon_.start();
    broker_ = opened({.broker = {.server = daemon_.url()}, .data = {}});
    files_ours_ = files_in(data_);
  }

  /// Asks both, expects the same.
  template <class Ask>
  auto both(Ask ask) {
    Asking broker(*broker_);
    Asking files(*files_ours_);
    const auto told = ask(broker);
    EXPECT_EQ(ask(files), told);
    return told;
  }
  std::string read(const std::string& topic, EventRange range, std::size_t most = 10'000) {
    return both([&](Asking& ask) { return ask.read(topic, range, most); });
  }

  const fs::path data_ = directory_.path() / "data";
  std::unique_ptr<Source> broker_;
  std::unique_ptr<Source> files_ours_;
};

TEST_F(BothSources, ListTheSame) {
  EXPECT_EQ(both([](Asking& ask) { return ask.topics(""); }).size(), 6U);
  EXPECT_THAT(both([](Asking& ask) { return ask.topics("rooms/"); }),
              ElementsAre("rooms/1", "rooms/raw"));
  EXPECT_THAT(both([](Asking& ask) { return ask.topics("", 1); }), ElementsAre("empty"));
  EXPECT_THAT(both([](Asking& ask) { return ask.producers("orders"); }), ElementsAre("p1", "p2"));
  EXPECT_THAT(both([](Asking& ask) { return ask.cursors("orders"); }),
              ElementsAre("device-1", "device-2"));
}

TEST_F(BothSources, FindTheSameEventsByTime) {
  const auto at = [&](const std::string& topic, Timestamp time) {
    return both([&](Asking& ask) { return ask.offset_at(topic, time); });
  };
  EXPECT_EQ(at("orders", {0}), "1");
  EXPECT_EQ(at("orders", at_second(0)), "1");
  EXPECT_EQ(at("orders", at_second(1)), "51");
  EXPECT_EQ(at("orders", {at_second(1).ms + 1}), "101");
  EXPECT_EQ(at("orders", at_second(1000)), "1001");
  EXPECT_EQ(at("prices", {0}), "5") << "the first retained";
  EXPECT_EQ(at("empty", {0}), "1");
}

TEST_F(BothSources, ReadTheSameEvents) {
  EXPECT_EQ(read("orders", {.from = {500}, .to = {501}}),
            "1001/500 1764000009000 k0 kind=big {\"order\":500}\n"
            "2002/501 1764000010000 k1 {\"order\":501}\n");
  EXPECT_EQ(read("orders", {.from = {1000}}),
            "2002/1000 1764000019000 k0 kind=big {\"order\":1000}\n");
  EXPECT_THAT(read("orders", {}), HasSubstr("1001/1 1764000000000 k1 {\"order\":1}\n"));
  EXPECT_THAT(read("orders-fork", {.from = {60}, .to = {61}}),
              AllOf(HasSubstr("1001/60"), HasSubstr("3003/61"), HasSubstr("{\"fork\":1}")));
  EXPECT_THAT(read("rooms/1", {}), HasSubstr("line\nbreak"));
  EXPECT_THAT(read("rooms/raw", {}), HasSubstr(std::string("\x00\x01\x02", 3)));
  EXPECT_EQ(read("empty", {}), "");
  EXPECT_EQ(read("orders", {.from = {1001}, .to = {2000}}), "");
  EXPECT_EQ(read("orders", {.from = {20}, .to = {10}}), "");
}

TEST_F(BothSources, TellTheSameGaps) {
  EXPECT_THAT(read("prices", {.from = {1}}),
              testing::StartsWith("no 1 to 4 trimmed of 1001 5 8\n1001/5 "));
  EXPECT_EQ(read("prices", {.from = {2}, .to = {3}}), "no 2 to 3 trimmed of 1001 5 8\n");
  EXPECT_THAT(read("prices", {.from = {5}}), Not(HasSubstr("no ")));
}

TEST_F(BothSources, StopWhenTheVisitorHasEnough) {
  const auto three = read("orders", {.from = {10}}, 3);
  EXPECT_EQ(std::count(three.begin(), three.end(), '\n'), 3);
  EXPECT_THAT(three, HasSubstr("1001/12 "));
}

TEST_F(BothSources, KnowTheTopicThatIsMeant) {
  for (auto* const source : {broker_.get(), files_ours_.get()}) {
    json::object out;
    const auto failure = source->topic("ordres", out);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->exit, tools::kRefused);
    EXPECT_EQ(failure->code, "unknown_topic");
    EXPECT_EQ(failure->text, "there is no topic ordres, did you mean orders?");
    const auto wrong = source->topic("no name", out);
    ASSERT_TRUE(wrong);
    EXPECT_EQ(wrong->exit, tools::kRefused);
    EXPECT_EQ(wrong->code, "invalid_topic");
  }
  const auto meant = std::string("!unknown_topic: there is no topic ordres, did you mean orders?");
  EXPECT_EQ(read("ordres", {}), meant);
  EXPECT_EQ(both([](Asking& ask) { return ask.offset_at("ordres", {}); }), meant);
  EXPECT_THAT(both([](Asking& ask) { return ask.producers("ordres"); }), ElementsAre(meant));
}

TEST_F(BothSources, ABrokerThatIsGoneIsUnreachableAndItsFilesAreNot) {
  daemon_.kill();
  Asking ask(*broker_);
  json::object out;
  const auto failure = broker_->topic("orders", out);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, tools::kUnreachable);
  EXPECT_THAT(ask.read("orders", {}), HasSubstr("!: cannot connect"));
  const auto files = files_in(data_);
  EXPECT_EQ(Asking(*files).topic("orders").at("head").to_number<int>(), 1000);
}

TEST_F(BothSources, AVisitorThatThrowsEndsTheReading) {
  for (auto* const source : {broker_.get(), files_ours_.get()}) {
    const EventVisitor visit{
        .event = [](const EventView&, Epoch) -> bool { throw std::runtime_error("enough"); },
        .gap = {}};
    EXPECT_THROW(static_cast<void>(source->read("orders", {}, visit)), std::runtime_error);
  }
}

}  // namespace
}  // namespace tidemark::test
