// Events as they are printed into a pipe.
// tests/tools/: see tools/event_printer.hpp.
#include "tools/event_printer.hpp"

#include <array>
#include <cstdlib>
#include <ctime>
#include <unistd.h>

#include <gtest/gtest.h>

namespace tidemark::tools {
namespace {

class EventPrinterTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::pipe(fds_), 0);
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  void TearDown() override {
    for (const int fd : fds_) ::close(fd);
  }
  std::string printed(EventPrinter& printer) const {
    EXPECT_TRUE(printer.flush());
    std::array<char, 4096> bytes{};
    const auto got = ::read(fds_[0], bytes.data(), bytes.size());
    return {bytes.data(), static_cast<std::size_t>(got)};
  }
  static Event event() {
    return {
        .topic = "t", .offset = {7}, .time = {1'795'368'000'000}, .key = "k", .data = "{\"a\": 1}"};
  }

  int fds_[2] = {-1, -1};
};

TEST_F(EventPrinterTest, RawIsTheDataAndALineFeed) {
  EventPrinter printer(Format::raw, fds_[1]);
  auto sent = event();
  sent.data = std::string("\0\x1b\n", 3);
  printer.event(sent, {1});
  EXPECT_EQ(printed(printer), std::string("\0\x1b\n\n", 4));
}

TEST_F(EventPrinterTest, JsonIsTheWireFormWithTheEpoch) {
  EventPrinter printer(Format::json, fds_[1]);
  printer.set_content_type("application/json");
  printer.event(event(), {3});
  printer.epoch({.topic = "t", .epoch = {4}, .first = {8}});
  EXPECT_EQ(printed(printer),
            "{\"type\":\"event\",\"epoch\":3,\"topic\":\"t\",\"offset\":7,\"time\":1795368000000,"
            "\"key\":\"k\",\"data\":{\"a\": 1}}\n"
            "{\"type\":\"epoch\",\"topic\":\"t\",\"epoch\":4,\"first\":8}\n");
}

TEST_F(EventPrinterTest, ATableHasItsHeadOnce) {
  EventPrinter printer(Format::table, fds_[1]);
  printer.event(event(), {1});
  printer.event(event(), {1});
  EXPECT_EQ(printed(printer),
            "  OFFSET  TIME                     KEY           DATA\n"
            "       7  2026-11-22 17:20:00.000  k             {\"a\": 1}\n"
            "       7  2026-11-22 17:20:00.000  k             {\"a\": 1}\n");
}

State bundle() {
  State out{.topic = "t", .position = {{3}, {6}}};
  out.content_type = "application/json";
  out.bundle = "{\"all\": 1}";
  return out;
}

State entries() {
  State out{.topic = "t", .position = {{3}, {9}}};
  out.entries.push_back({.key = "a", .offset = {2}, .time = {1'795'368'000'000}, .data = "1"});
  out.entries.push_back({.key = "b", .offset = {9}, .time = {1'795'368'000'000}, .data = "2"});
  return out;
}

TEST_F(EventPrinterTest, RawIsAStatesBundleOrTheDataOfItsEntries) {
  EventPrinter printer(Format::raw, fds_[1]);
  printer.state(bundle());
  printer.state(entries());
  EXPECT_EQ(printed(printer), "{\"all\": 1}\n1\n2\n");
}

TEST_F(EventPrinterTest, JsonIsAStatesWireForm) {
  EventPrinter printer(Format::json, fds_[1]);
  printer.set_content_type("application/json");
  printer.state(bundle());
  const auto text = printed(printer);
  EXPECT_TRUE(text.starts_with("{\"type\":\"state\",\"topic\":\"t\",")) << text;
  EXPECT_NE(text.find("\"offset\":6"), std::string::npos) << text;
  EXPECT_NE(text.find("\"data\":{\"all\": 1}"), std::string::npos) << text;
}

TEST_F(EventPrinterTest, ATableShowsWhatAStateIs) {
  EventPrinter printer(Format::table, fds_[1]);
  printer.state(bundle());
  printer.state(entries());
  EXPECT_EQ(printed(printer),
            "  OFFSET  TIME                     KEY           DATA\n"
            "       6  state                                  {\"all\": 1}\n"
            "       2  2026-11-22 17:20:00.000  a             1\n"
            "       9  2026-11-22 17:20:00.000  b             2\n");
}

TEST_F(EventPrinterTest, OfManyTopicsItSaysWhichInFront) {
  EventPrinter raw(Format::raw, fds_[1], Topics::many);
  raw.event(event(), {1});
  EXPECT_EQ(printed(raw), "t\t{\"a\": 1}\n");
  EventPrinter table(Format::table, fds_[1], Topics::many);
  auto sent = event();
  sent.topic = "a/topic/with/a/long/name";
  table.event(sent, {1});
  EXPECT_EQ(printed(table),
            "TOPIC                   OFFSET  TIME                     KEY           DATA\n"
            "a/topic/with/a/long…         7  2026-11-22 17:20:00.000  k             {\"a\": 1}\n");
}

TEST_F(EventPrinterTest, SaysWhenNobodyReads) {
  EventPrinter printer(Format::raw, -1);
  printer.event(event(), {1});
  EXPECT_FALSE(printer.flush());
}

}  // namespace
}  // namespace tidemark::tools
