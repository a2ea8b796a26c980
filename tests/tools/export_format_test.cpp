// Both forms of an export: round trips, golden bytes, and every way of damaging one.
// tests/tools/: see tools/transfer/export_reader.hpp; the golden bytes are EXPORT.md's example.
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/export_samples.hpp"
#include "tools/transfer/export_order.hpp"

namespace tidemark::test {
namespace {

using testing::HasSubstr;
using tools::ExportFault;
using tools::ExportForm;
using tools::ExportItem;
using tools::ExportWriter;
using Kind = ExportFault::Kind;

class ExportForms : public testing::TestWithParam<ExportForm> {};
INSTANTIATE_TEST_SUITE_P(, ExportForms, testing::Values(ExportForm::ndjson, ExportForm::binary),
                         [](const auto& each) {
                           return each.param == ExportForm::ndjson ? "Ndjson" : "Binary";
                         });

TEST_P(ExportForms, EverythingComesBackAsItWas) {
  const auto items = sample_items();
  const auto bytes = written(GetParam(), items);
  for (const std::size_t piece : {1U, 7U, 100'000U}) {
    const auto back = read_back(bytes, piece);
    EXPECT_FALSE(back.fault) << back.fault->text;
    EXPECT_EQ(plain(back.items), plain(items));
    EXPECT_EQ(back.whole_bytes, bytes.size());
  }
}

TEST_P(ExportForms, TheReaderTellsTheFormByTheFirstBytes) {
  auto reader = tools::ExportReader::open(input_of(written(GetParam(), sample_items())));
  ASSERT_TRUE(reader);
  EXPECT_EQ((*reader)->form(), GetParam());
}

TEST_P(ExportForms, ACutAnywhereIsToldAndWhatIsWholeComesBefore) {
  const auto items = sample_items();
  const auto bytes = written(GetParam(), items);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto back = read_back(bytes.substr(0, cut));
    ASSERT_TRUE(back.is(Kind::cut)) << cut << (back.fault ? ": " + back.fault->text : "");
    ASSERT_LE(back.whole_bytes, cut);
    ASSERT_LT(back.items.size(), items.size());
    // What is whole can be read again, and then it was cut off there.
    const auto again = read_back(bytes.substr(0, back.whole_bytes));
    ASSERT_TRUE(again.is(Kind::cut)) << cut;
    ASSERT_EQ(plain(again.items), plain(back.items)) << cut;
  }
}

TEST_P(ExportForms, AWriterThatGoesOnBehindACutMakesTheSameFile) {
  const auto items = sample_items();
  const auto whole = written(GetParam(), items);
  for (std::size_t kept = 1; kept < items.size(); ++kept) {
    const std::vector<ExportItem> begin(items.begin(), items.begin() + static_cast<int>(kept));
    tools::ExportOrder order;
    for (auto item : begin) ASSERT_FALSE(order.take(item));
    const auto writer = ExportWriter::make(GetParam());
    writer->resume(order.items(), order.topic() ? &*order.topic() : nullptr);
    for (std::size_t i = kept; i < items.size(); ++i) writer->write(items[i]);
    EXPECT_EQ(written(GetParam(), begin) + writer->buffer(), whole) << kept;
  }
}

TEST_P(ExportForms, SomethingBehindTheEndIsDamage) {
  const auto back = read_back(written(GetParam(), sample_items()) + "x");
  EXPECT_TRUE(back.is(Kind::damaged));
}

TEST_P(ExportForms, AFileThatFailsIsToldAsUnread) {
  const auto bytes = written(GetParam(), sample_items());
  std::size_t at = 0;
  const auto back = read_back([&]() -> std::optional<std::string> {
    if (at > bytes.size() / 2) return std::nullopt;
    return bytes.substr(at++, 1);
  });
  EXPECT_TRUE(back.is(Kind::unread));
}

TEST_P(ExportForms, AStoredBatchIsWrittenAsItsEventsAre) {
  const storage::TopicId id{3};
  storage::BatchBuilder builder;
  const std::vector<NewEvent> events{event_with("1", "k", {{"a", "b"}}), event_with("22"),
                                     event_with("333", "long key")};
  for (const auto& event : events) builder.add(event);
  const auto value = builder.finish(id, {.epoch = {9}, .first = {5}, .time = {77}});
  const auto batch = storage::BatchView::parse(id, {5}, value);
  ASSERT_TRUE(batch);
  tools::ExportTopic topic{.name = "t", .settings = {}, .created = {}, .lineage = {{{9}, {1}}}};
  for (std::size_t skipped = 0; skipped < events.size(); ++skipped) {
    const auto by_batch = ExportWriter::make(GetParam());
    const auto by_events = ExportWriter::make(GetParam());
    for (const auto& writer : {by_batch.get(), by_events.get()}) writer->write(topic);
    by_batch->write(*batch, {5 + skipped});
    by_events->write(
        tools::ExportEvents{.epoch = {9},
                            .first = {5 + skipped},
                            .time = {77},
                            .events = {events.begin() + static_cast<int>(skipped), events.end()}});
    EXPECT_EQ(by_batch->buffer(), by_events->buffer()) << skipped;
  }
}

TEST_P(ExportForms, APrefixOfABatchIsWrittenWithoutTheRest) {
  const storage::TopicId id{3};
  storage::BatchBuilder builder;
  for (const std::string data : {"1", "2", "3"}) builder.add(event_with(data));
  const auto value = builder.finish(id, {.epoch = {9}, .first = {1}, .time = {77}});
  const auto batch = storage::BatchView::parse(id, {1}, value);
  ASSERT_TRUE(batch);
  const std::vector<ExportItem> topic{tools::ExportTopic{
      .name = "t", .settings = {}, .created = {}, .lineage = {{{9}, {1}}}, .head = {2}}};
  const auto writer = ExportWriter::make(GetParam());
  writer->write(tools::ExportHead{});
  writer->write(topic.front());
  writer->write(batch->prefix(2), {1});
  writer->write(tools::ExportEnd{.topics = 1, .events = 2});
  const auto back = read_back(writer->buffer());
  EXPECT_FALSE(back.fault);
  ASSERT_EQ(back.items.size(), 4U);
  EXPECT_EQ(std::get<tools::ExportEvents>(back.items[2]).events.size(), 2U);
}

TEST_P(ExportForms, TimesBeforeAllTimeAreWrittenAsItsBeginning) {
  const auto back = read_back(written(
      GetParam(), {tools::ExportHead{.time = {-5}}, tools::ExportEnd{.topics = 0, .events = 0}}));
  EXPECT_FALSE(back.fault);
  EXPECT_EQ(std::get<tools::ExportHead>(back.items.front()).time.ms, 0);
}

// ---- what no export says, whatever its form ----

struct Nonsense {
  const char* name;
  std::function<void(std::vector<ExportItem>&)> make;
};

template <class T>
T& nth(std::vector<ExportItem>& items, std::size_t n = 0) {
  for (auto& item : items)
    if (auto* found = std::get_if<T>(&item); found != nullptr && n-- == 0) return *found;
  throw std::logic_error("there are not so many of these items");
}

const std::vector<Nonsense>& nonsense() {
  using namespace tools;  // NOLINT(google-build-using-namespace): a list of its items
  using Items = std::vector<ExportItem>;
  static const std::vector<Nonsense> all{
      {"no beginning", [](Items& items) { items.erase(items.begin()); }},
      {"two beginnings", [](Items& items) { items.insert(items.begin(), items.front()); }},
      {"a reserved name", [](Items& items) { nth<ExportTopic>(items, 0).name = "_tidemark/a"; }},
      {"a name that is none", [](Items& items) { nth<ExportTopic>(items, 0).name = "../a"; }},
      {"topics out of order", [](Items& items) { nth<ExportTopic>(items, 1).name = "aaa"; }},
      {"no content type",
       [](Items& items) { nth<ExportTopic>(items).settings.content_type = "x"; }},
      {"no epoch", [](Items& items) { nth<ExportTopic>(items).lineage.clear(); }},
      {"epoch 0", [](Items& items) { nth<ExportTopic>(items).lineage.front().epoch = {0}; }},
      {"epochs that fall", [](Items& items) { nth<ExportTopic>(items, 1).lineage[1].epoch = {9}; }},
      {"an epoch before the one before",
       [](Items& items) { nth<ExportTopic>(items, 1).lineage[2].first = {3}; }},
      {"an epoch behind the end",
       [](Items& items) { nth<ExportTopic>(items, 1).lineage[2].first = {9}; }},
      {"earliest 0", [](Items& items) { nth<ExportTopic>(items, 2).earliest = {0}; }},
      {"earliest behind the end", [](Items& items) { nth<ExportTopic>(items, 2).earliest = {5}; }},
      {"a sequence with blanks",
       [](Items& items) { nth<ExportTopic>(items).last_sequence = "a b"; }},
      {"a time to live beyond all time",
       [](Items& items) {
         nth<ExportTopic>(items, 1).settings.ttl =
             std::chrono::seconds(static_cast<std::int64_t>(kMaxInteger));
       }},
      {"an offset too early", [](Items& items) { nth<ExportEvents>(items, 1).first = {1}; }},
      {"an offset too late", [](Items& items) { nth<ExportEvents>(items, 1).first = {3}; }},
      {"events behind the end",
       [](Items& items) { nth<ExportEvents>(items, 2).events.resize(4, event_with("1")); }},
      {"events of another epoch", [](Items& items) { nth<ExportEvents>(items, 2).epoch = {1500}; }},
      {"events missing", [](Items& items) { nth<ExportEvents>(items, 2).events.pop_back(); }},
      {"a payload that is none",
       [](Items& items) { nth<ExportEvents>(items, 3).events[0].data = "\xff"; }},
      {"a key too long",
       [](Items& items) { nth<ExportEvents>(items, 1).events[0].key = std::string(1025, 'k'); }},
      {"a header twice",
       [](Items& items) { nth<ExportEvents>(items, 1).events[0].headers[1].name = "kind"; }},
      {"an empty gap", [](Items& items) { nth<ExportGap>(items).offsets.end = {3}; }},
      {"a gap that runs backwards", [](Items& items) { nth<ExportGap>(items).offsets.end = {2}; }},
      {"a gap behind the end", [](Items& items) { nth<ExportGap>(items).offsets.end = {99}; }},
      {"a key twice",
       [](Items& items) {
         nth<ExportKey>(items, 1).key = "EUR";
         nth<ExportKey>(items, 1).event.key = "EUR";
       }},
      {"a key behind the end", [](Items& items) { nth<ExportKey>(items).offset = {4}; }},
      {"a key of a topic that keeps none",
       [](Items& items) { nth<ExportTopic>(items, 2).settings.keep_latest = false; }},
      {"a producer without a name", [](Items& items) { nth<ExportProducer>(items).id = ""; }},
      {"a producer twice", [](Items& items) { nth<ExportProducer>(items, 1).id = "p1"; }},
      {"a run behind the end",
       [](Items& items) { nth<ExportProducer>(items).state.runs[0].requests = 4; }},
      {"a run that wraps around",
       [](Items& items) { nth<ExportProducer>(items).state.runs[0].events = UINT64_MAX; }},
      {"a run of nothing",
       [](Items& items) { nth<ExportProducer>(items).state.runs[0].requests = 0; }},
      {"too many runs",
       [](Items& items) {
         auto& runs = nth<ExportProducer>(items).state.runs;
         runs.resize(33, runs.front());
       }},
      {"a cursor with a line feed", [](Items& items) { nth<ExportCursor>(items).name = "a\nb"; }},
      {"a cursor beyond all offsets",
       [](Items& items) { nth<ExportCursor>(items).cursor.position.offset = {kMaxInteger + 1}; }},
      {"a state ahead", [](Items& items) { nth<ExportState>(items).state.position.offset = {8}; }},
      {"a producer behind the cursors",
       [](Items& items) {
         const auto cursor = std::ranges::find_if(
             items, [](const auto& each) { return std::holds_alternative<ExportCursor>(each); });
         std::iter_swap(cursor, cursor - 1);
       }},
      {"an end that counts otherwise", [](Items& items) { ++nth<ExportEnd>(items).events; }},
  };
  return all;
}

TEST_P(ExportForms, WhatNoExportSaysIsDamage) {
  for (const auto& each : nonsense()) {
    auto items = sample_items();
    each.make(items);
    const auto back = read_back(written(GetParam(), items));
    ASSERT_TRUE(back.fault) << each.name;
    EXPECT_NE(back.fault->kind, Kind::cut) << each.name;
    EXPECT_NE(back.fault->kind, Kind::unread) << each.name;
    EXPECT_FALSE(back.fault->text.empty()) << each.name;
  }
}

// ---- binary ----

std::string bytes_of_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); ++i) {
    if (hex[i] == ' ' || hex[i] == '\n') continue;
    out.push_back(static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1])));
    ++i;
  }
  return out;
}

std::vector<ExportItem> worked_example() {
  constexpr Timestamp kTime{1'764'000'000'000};
  tools::ExportTopic topic{
      .name = "t", .settings = {}, .created = kTime, .lineage = {{{1001}, {1}}}, .head = {1}};
  topic.settings.content_type = "text/plain";
  return {tools::ExportHead{.time = kTime}, topic,
          tools::ExportEvents{
              .epoch = {1001}, .first = {1}, .time = kTime, .events = {event_with("hi")}},
          tools::ExportEnd{.topics = 1, .events = 1}};
}

constexpr std::string_view kGolden =
    "89 54 4d 58 0d 0a 1a 0a 01 "
    "48 08 00 00 00 00 e8 97 b6 9a 01 00 00 be 68 86 1f bd 6a 7c 5b "
    "54 6c 00 00 00 01 00 00 00 74 0a 00 00 00 74 65 78 74 2f 70 6c 61 69 6e 00 "
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 e8 97 b6 9a 01 00 00 "
    "01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 "
    "e9 03 00 00 00 00 00 00 01 00 00 00 00 00 00 00 e2 02 11 6b d5 70 b0 f9 "
    "45 20 00 00 00 e9 03 00 00 00 00 00 00 01 00 00 00 00 00 00 00 "
    "00 e8 97 b6 9a 01 00 00 01 00 00 00 03 00 68 69 ea 2c f7 d1 c3 a2 93 5b "
    "5a 10 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 78 ea 46 31 70 fc 4b b6";

TEST(BinaryExport, TheWorkedExampleHasItsBytes) {
  EXPECT_EQ(written(ExportForm::binary, worked_example()), bytes_of_hex(kGolden));
  const auto back = read_back(bytes_of_hex(kGolden));
  EXPECT_FALSE(back.fault);
  EXPECT_EQ(plain(back.items), plain(worked_example()));
}

TEST(BinaryExport, NoFlippedBitIsEverTakenForSomethingElse) {
  const auto items = sample_items();
  const auto bytes = written(ExportForm::binary, items);
  const auto expected = plain(items);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ (1U << bit));
      const auto back = read_back(flipped);
      ASSERT_TRUE(back.fault) << "byte " << at << ", bit " << bit;
      const auto got = plain(back.items);
      ASSERT_LT(got.size(), expected.size());
      ASSERT_TRUE(std::equal(got.begin(), got.end(), expected.begin())) << "byte " << at;
    }
  }
}

TEST(BinaryExport, ItemsThatChangePlacesAreDamage) {
  const auto items = sample_items();
  const auto one = written(ExportForm::binary, {items[0], items[1], items[2]});
  const auto begin = written(ExportForm::binary, {items[0]});
  const auto two = written(ExportForm::binary, {items[0], items[1]});
  // The frame of the topic is gone, and that of its events stands where it was.
  const auto back = read_back(begin + one.substr(two.size()));
  EXPECT_TRUE(back.is(Kind::damaged));
  EXPECT_THAT(back.fault->text, HasSubstr("checksum"));
}

TEST(BinaryExport, ALengthThatNothingHasIsDamageAndCostsNothing) {
  auto bytes = written(ExportForm::binary, {tools::ExportHead{}});
  const auto back = read_back(bytes + "E" + std::string(4, '\xff') + std::string(100, 'x'));
  EXPECT_TRUE(back.is(Kind::damaged));
  EXPECT_EQ(back.whole_bytes, bytes.size());
}

TEST(BinaryExport, ALaterVersionIsToldAsThat) {
  auto bytes = written(ExportForm::binary, sample_items());
  bytes[8] = 2;
  const auto back = read_back(bytes);
  EXPECT_TRUE(back.is(Kind::newer));
  EXPECT_THAT(back.fault->text, HasSubstr("version 2"));
}

// ---- NDJSON ----

TEST(NdjsonExport, EachItemIsALine) {
  const auto text = written(ExportForm::ndjson, sample_items());
  EXPECT_THAT(text, testing::StartsWith(
                        R"({"type":"export","format":"tidemark","version":1,"time":1764000000000})"
                        "\n"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"event","epoch":1001,"topic":"orders","offset":2,)"
                              R"("time":1000,"key":"k\"1","headers":{"kind":"big","no":"\n"},)"
                              R"("data":{"n":2}})"
                              "\n"));
  EXPECT_THAT(text,
              HasSubstr(R"({"type":"gap","topic":"orders","first":3,"end":5,"why":"lost \"here\""})"
                        "\n"));
  EXPECT_THAT(text, HasSubstr(R"("offset":7,"time":2000,"data":"\u00e9"})"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"producer","topic":"orders","producer":"p1","epoch":3,)"
                              R"("sequence":9,"last_used":2000,"runs":[{"sequence":8,)"
                              R"("requests":2,"first":5,"events":1}]})"
                              "\n"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"cursor","topic":"orders","cursor":"device 1",)"
                              R"("epoch":1001,"offset":3,"created":10,"acknowledged":20})"
                              "\n"));
  EXPECT_THAT(text, HasSubstr(R"("data":"line\nbreak"})"));
  EXPECT_THAT(text, HasSubstr(R"({"type":"end","topics":4,"events":8})"
                              "\n"));
  // 1 head, 4 topics, 8 events, 1 gap, 2 keys, 2 producers, 1 cursor, 2 states, 1 end.
  EXPECT_EQ(std::ranges::count(text, '\n'), 22);
}

TEST(NdjsonExport, JsonThatWouldEndItsLineOrLoseItsBlanksIsBase64) {
  const auto text = written(ExportForm::ndjson, sample_items());
  EXPECT_THAT(text, HasSubstr(R"("offset":5,"time":2000,"data_base64":"ewoibiI6NX0="})"));
  EXPECT_THAT(text, HasSubstr(R"("offset":6,"time":2000,"data_base64":"IDY="})"));
}

TEST(NdjsonExport, EventsOfOneMomentComeTogetherAsFarAsABatchHoldsThem) {
  tools::ExportTopic topic{
      .name = "t", .settings = {}, .created = {}, .lineage = {{{9}, {1}}}, .head = {301}};
  tools::ExportEvents many{.epoch = {9}, .first = {1}, .time = {5}, .events = {}};
  many.events.resize(300, event_with("1"));
  const tools::ExportEvents later{
      .epoch = {9}, .first = {301}, .time = {6}, .events = {event_with("1")}};
  const auto back =
      read_back(written(ExportForm::ndjson, {tools::ExportHead{}, topic, many, later,
                                             tools::ExportEnd{.topics = 1, .events = 301}}));
  ASSERT_FALSE(back.fault) << back.fault->text;
  std::vector<std::size_t> sizes;
  for (const auto& item : back.items)
    if (const auto* events = std::get_if<tools::ExportEvents>(&item))
      sizes.push_back(events->events.size());
  EXPECT_THAT(sizes, testing::ElementsAre(256, 44, 1));
}

TEST(NdjsonExport, FlippedBytesAreFaultsOrSomethingAnExportCanSay) {
  const auto bytes = written(ExportForm::ndjson, sample_items());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x10U, 0x80U}) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(static_cast<unsigned char>(flipped[at]) ^ flip);
      auto back = read_back(flipped);
      // Whatever came of it keeps the rules.
      tools::ExportOrder order;
      for (auto& item : back.items) ASSERT_FALSE(order.take(item)) << at;
      ASSERT_TRUE(back.fault || order.part() == tools::ExportOrder::Part::end) << at;
    }
  }
}

struct BadLine {
  const char* line;
  const char* says;
};

TEST(NdjsonExport, AFaultNamesItsLineAndWhatIsWrong) {
  const std::string begin = written(ExportForm::ndjson, {worked_example()[0], worked_example()[1]});
  const std::vector<BadLine> all{
      {"{]", "no JSON"},
      {"[1]", "it is no object"},
      {R"({"type":"song"})", "no such \"type\""},
      {R"({"type":"event"})", "\"topic\" is missing"},
      {R"({"type":"event","topic":"u","epoch":1001,"offset":1,"time":5,"data":"x"})",
       "not of the topic"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1,"time":5})", "either \"data\""},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1,"time":5,"data":"x","data_base64":""})",
       "either \"data\""},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1,"time":5,"data_base64":"x"})",
       "is no base64"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":-1,"time":5,"data":"x"})",
       "\"offset\" is no whole number"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1e0,"time":5,"data":"x"})",
       "\"offset\" is no whole number"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1,"offset":1,"time":5,"data":"x"})",
       "\"offset\" stands twice"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":1,"time":5,"data":7})", "content type"},
      {R"({"type":"event","topic":"t","epoch":1001,"offset":2,"time":5,"data":"x"})",
       "offset 2 stands where 1 has to follow"},
      {R"({"type":"end","topics":1,"events":0})", "missing from offset 1 on"},
  };
  for (const auto& each : all) {
    const auto back = read_back(begin + each.line + "\n");
    ASSERT_TRUE(back.is(Kind::damaged)) << each.line;
    EXPECT_THAT(back.fault->text, HasSubstr("line 3: ")) << each.line;
    EXPECT_THAT(back.fault->text, HasSubstr(each.says)) << each.line;
    EXPECT_EQ(back.whole_bytes, begin.size());
  }
}

TEST(NdjsonExport, MembersNobodyKnowsAreLeftAlone) {
  auto text = written(ExportForm::ndjson, worked_example());
  text.insert(text.find(R"(,"data")"), R"(,"note":{"by":["hand"]})");
  const auto back = read_back(text);
  EXPECT_FALSE(back.fault);
  EXPECT_EQ(plain(back.items), plain(worked_example()));
}

TEST(NdjsonExport, ALaterVersionIsToldAsThat) {
  const auto back =
      read_back(R"({"type":"export","format":"tidemark","version":2,"time":0,"more":1})"
                "\n");
  EXPECT_TRUE(back.is(Kind::newer));
}

TEST(ExportReader, WhatIsNoExportIsForeign) {
  for (const std::string text : {"hello\n", "{}\n", "{\n", "[]\n",
                                 R"({"type":"export","version":1,"time":0})"
                                 "\n",
                                 R"({"type":"event"})"
                                 "\n",
                                 "\x89PNG\r\n\x1a\n and so on", "\x1f\x8b"}) {
    EXPECT_TRUE(read_back(text).is(Kind::foreign)) << text;
  }
  EXPECT_TRUE(read_back(std::string()).is(Kind::cut));
}

TEST(ExportReader, AnEmptyInputThatFailsIsUnread) {
  EXPECT_TRUE(read_back([] { return std::optional<std::string>(); }).is(Kind::unread));
}

}  // namespace
}  // namespace tidemark::test
