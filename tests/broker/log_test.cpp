// Lines that no text breaks out of, floods that are summed up, levels that can be changed.
// tests/: broker/log.
#include "broker/log/log.hpp"

#include <limits>
#include <map>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/log/log_format.hpp"
#include "broker/log/writer.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker::log {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::chrono::system_clock::time_point kTime{milliseconds(1'700'000'000'042)};

std::string line(Format format, std::initializer_list<Field> fields) {
  return format_line(format, kTime, Level::warn, "some_event", {fields.begin(), fields.size()});
}

boost::json::object parsed(const std::string& text) { return boost::json::parse(text).as_object(); }

/// Texts of clients: whatever ends a line, a value, a quotation or a terminal's patience.
const std::vector<std::string> kHostile{
    "two\nlines",
    "two\r\nlines",
    "a\" level=error event=forged",
    "back\\slash\\",
    "\"",
    "\\\"",
    std::string("nul\0nul", 7),
    "\x1b[2J\x1b]0;title\x07",
    "del\x7f",
    "\xC2\x9B"
    "31m",                       // C1: CSI in one character
    "left\xE2\x80\xAEto right",  // U+202E
    "line\xE2\x80\xA8separator",
    "\xff\xfe",
    "cut\xE2\x82",
    "\xC0\xAF",      // overlong
    "\xED\xA0\x80",  // a surrogate
    "level=error",
    "",
    " ",
    "😀",
};

TEST(LogFormat, LogfmtIsReadable) {
  EXPECT_EQ(line(Format::logfmt, {{"url", "http://127.0.0.1:1"},
                                  {"count", 3},
                                  {"big", std::numeric_limits<std::uint64_t>::max()},
                                  {"less", -4},
                                  {"yes", true},
                                  {"took", microseconds(1'500)},
                                  {"text", "two words"}}),
            "time=2023-11-14T22:13:20.042Z level=warn event=some_event url=http://127.0.0.1:1 "
            "count=3 big=18446744073709551615 less=-4 yes=true took_ms=1.500 text=\"two words\"");
}

TEST(LogFormat, JsonHoldsTheSame) {
  const auto object = parsed(
      line(Format::json,
           {{"url", "a b"}, {"count", 3}, {"yes", false}, {"took", seconds(-2)}, {"none", ""}}));
  EXPECT_EQ(object.at("time").as_string(), "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(object.at("level").as_string(), "warn");
  EXPECT_EQ(object.at("event").as_string(), "some_event");
  EXPECT_EQ(object.at("url").as_string(), "a b");
  EXPECT_EQ(object.at("count").as_int64(), 3);
  EXPECT_EQ(object.at("yes").as_bool(), false);
  EXPECT_EQ(object.at("took_ms").as_double(), -2000.0);
  EXPECT_EQ(object.at("none").as_string(), "");
}

TEST(LogFormat, ATimeBelowAMillisecondKeepsItsSign) {
  EXPECT_THAT(line(Format::logfmt, {{"d", microseconds(-7)}}), HasSubstr("d_ms=-0.007"));
  EXPECT_THAT(line(Format::logfmt, {{"d", microseconds(-1'007)}}), HasSubstr("d_ms=-1.007"));
}

TEST(LogFormat, NoTextBreaksOutOfItsField) {
  for (const auto& text : kHostile) {
    const auto json = line(Format::json, {{"before", 1}, {"text", text}, {"after", 2}});
    const auto object = parsed(json);
    EXPECT_EQ(object.size(), 6U) << json;
    EXPECT_EQ(object.at("after").as_int64(), 2) << json;
    const auto logfmt = line(Format::logfmt, {{"before", 1}, {"text", text}, {"after", 2}});
    for (const auto& out : {json, logfmt}) {
      for (const char c : out) EXPECT_TRUE(c >= ' ' || c < 0) << out;
      EXPECT_THAT(out, Not(HasSubstr("\x7f")));
      EXPECT_THAT(out, Not(HasSubstr("\xE2\x80\xAE")));
      EXPECT_TRUE(valid_utf8(out)) << out;
    }
    // The value is one word, or one quotation whose only bare quote is its last.
    const auto begin = logfmt.find("text=") + 5;
    const auto end = logfmt.rfind(" after=2");
    ASSERT_NE(end, std::string::npos) << logfmt;
    const auto value = logfmt.substr(begin, end - begin);
    if (value.front() != '"') {
      EXPECT_EQ(value.find_first_of(" =\""), std::string::npos) << logfmt;
      continue;
    }
    EXPECT_EQ(parsed("{\"v\":" + value + "}").size(), 1U) << logfmt;
  }
}

TEST(LogFormat, WhatIsEscapedCanBeReadBack) {
  for (const auto& text : kHostile) {
    if (!valid_utf8(text)) continue;
    std::string quoted;
    append_quoted(text, quoted);
    EXPECT_EQ(boost::json::parse(quoted).as_string(), std::string_view(text));
  }
}

TEST(LogFormat, LongTextsAreCutBetweenCharacters) {
  std::string text(kMaxTextBytes - 1, 'x');
  text += "\xE2\x82\xAC and more";  // the euro sign would be cut in two
  std::string quoted;
  append_quoted(text, quoted);
  EXPECT_EQ(quoted, "\"" + std::string(kMaxTextBytes - 1, 'x') + "\xE2\x80\xA6\"");
  const std::string exact(kMaxTextBytes, 'x');
  EXPECT_THAT(line(Format::logfmt, {{"t", exact}}), HasSubstr("t=" + exact));
  std::string garbage(kMaxTextBytes * 4, '\x80');
  EXPECT_LT(line(Format::json, {{"t", garbage}}).size(), kMaxTextBytes * 3 + 200);
}

TEST(LogFormat, NamesCannotEndThemselves) {
  const auto out = format_line(Format::logfmt, kTime, Level::info, "a b\n", {});
  EXPECT_THAT(out, HasSubstr("event=a_b_"));
}

/// A writer with clocks in our hands.
class LogWriter : public testing::Test {
 protected:
  void say(const char* name, Level level = Level::info) { writer_.event(level, name, {}); }
  /// Event names of what was written, with "*N" for a sum.
  std::vector<std::string> take() {
    std::vector<std::string> out;
    for (const auto& text : std::exchange(lines_, {})) {
      const auto at = text.find("event=") + 6;
      auto name = text.substr(at, text.find(' ', at) - at);
      const auto sum = text.find("suppressed=");
      if (sum != std::string::npos) name += "*" + text.substr(sum + 11);
      out.push_back(std::move(name));
    }
    return out;
  }

  std::chrono::steady_clock::time_point now_{seconds(100)};
  std::vector<std::string> lines_;
  Writer writer_{[this](Level, std::string_view text) { lines_.emplace_back(text); },
                 {.steady = [this] { return now_; }}};
};

TEST_F(LogWriter, FloodsAreSummedUp) {
  for (int i = 0; i < 1'000; ++i) say("flood");
  EXPECT_EQ(take(), std::vector<std::string>(10, "flood"));
  now_ += milliseconds(999);
  say("flood");
  EXPECT_THAT(take(), ElementsAre());
  now_ += milliseconds(1);
  say("flood");
  EXPECT_THAT(take(), ElementsAre("flood*991", "flood"));
  now_ += seconds(2);
  say("flood");
  EXPECT_THAT(take(), ElementsAre("flood")) << "a sum is told once";
}

TEST_F(LogWriter, AFloodOfOneNameHidesNoOther) {
  for (int i = 0; i < 50; ++i) say("flood");
  say("other");
  EXPECT_EQ(take().back(), "other");
  now_ += seconds(1);
  say("other");
  EXPECT_THAT(take(), ElementsAre("flood*40", "other"));
}

TEST_F(LogWriter, ASumNeedsNoOtherEvent) {
  for (int i = 0; i < 11; ++i) say("flood");
  take();
  writer_.flush_suppressed();
  EXPECT_THAT(take(), ElementsAre()) << "the window is not over";
  now_ += seconds(1);
  writer_.flush_suppressed();
  EXPECT_THAT(take(), ElementsAre("flood*1"));
}

TEST_F(LogWriter, ASumHasTheHighestLevelOfWhatItStandsFor) {
  for (int i = 0; i < 10; ++i) say("flood");
  say("flood", Level::error);
  say("flood", Level::info);
  take();
  now_ += seconds(1);
  writer_.flush_suppressed();
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_THAT(lines_.front(), HasSubstr("level=error"));
}

TEST_F(LogWriter, AnAnswerIsNeverSuppressed) {
  for (int i = 0; i < 30; ++i) writer_.report(Level::info, "answer", {});
  EXPECT_EQ(take().size(), 30U);
}

TEST_F(LogWriter, MoreNamesThanThereCanBeAreStillBounded) {
  std::vector<std::string> names;
  for (int i = 0; i < 1'000; ++i) names.push_back("name_" + std::to_string(i));
  for (const auto& name : names) say(name.c_str());
  EXPECT_EQ(take().size(), 1'000U);
}

TEST_F(LogWriter, WritesWhatItsLevelAllows) {
  writer_.set_level(Level::warn);
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error}) {
    EXPECT_EQ(writer_.enabled(level), level >= Level::warn);
    writer_.event(level, name_of(level), {});
  }
  EXPECT_THAT(take(), ElementsAre("warn", "error"));
}

TEST_F(LogWriter, ChangesItsFormatBetweenLines) {
  say("a");
  writer_.set_format(Format::json);
  say("b");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("event=a"), HasSubstr("\"event\":\"b\"")));
}

TEST(Log, IsCapturedByTests) {
  event(Level::error, "before");  // to stderr
  const Level level_before = level();
  {
    const Capture capture;
    event(Level::trace, "seen", {{"what", "this"}});
    EXPECT_THAT(capture.lines(), ElementsAre(HasSubstr("event=seen what=this")));
    EXPECT_THAT(capture.text(), HasSubstr("seen"));
  }
  EXPECT_EQ(level(), level_before);
}

TEST(Log, NamesOfLevelsAndFormatsAreReadBack) {
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error}) {
    EXPECT_EQ(level_named(name_of(level)), level);
  }
  EXPECT_EQ(level_named("loud"), std::nullopt);
  EXPECT_EQ(format_named("auto"), Format::automatic);
  EXPECT_EQ(format_named("xml"), std::nullopt);
}

}  // namespace
}  // namespace tidemark::broker::log
