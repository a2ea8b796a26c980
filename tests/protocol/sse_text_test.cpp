// What is written as data lines is what a reader of event streams makes of them.
// tests/protocol/
#include "protocol/sse_text.hpp"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace tidemark {
namespace {

std::string lines_of(std::string_view text) {
  constexpr std::string_view kGuard = "guard";
  std::string out(sse_lines_size(text), '\0');
  out += kGuard;
  const char* const end = write_sse_lines(text, out.data());
  EXPECT_EQ(static_cast<std::size_t>(end - out.data()), out.size() - kGuard.size());
  EXPECT_TRUE(out.ends_with(kGuard)) << "wrote past its size";
  out.resize(out.size() - kGuard.size());
  return out;
}

std::string as_field(std::string_view run) {
  return std::string(run.starts_with(' ') ? "data: " : "data:") + std::string(run);
}

// The standard's reader, for an event of data fields alone: joins their values with LF.
std::string as_read(std::string_view fields) {
  std::string data;
  while (!fields.empty()) {
    const std::size_t size = std::min(fields.find('\n'), fields.size());
    std::string_view value = fields.substr(0, size);
    EXPECT_TRUE(value.starts_with("data:")) << value;
    EXPECT_EQ(value.find('\r'), std::string_view::npos);
    value.remove_prefix(5);
    if (value.starts_with(' ')) value.remove_prefix(1);
    data += value;
    data += '\n';
    fields.remove_prefix(std::min(size + 1, fields.size()));
  }
  if (!data.empty()) data.pop_back();
  return data;
}

// CR LF, CR and LF are all LF to a reader.
std::string with_line_feeds(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && text.substr(i + 1, 1) == "\n") continue;
    out += text[i] == '\r' ? '\n' : text[i];
  }
  return out;
}

TEST(SseText, LeavesALineAsItIs) {
  EXPECT_EQ(lines_of(""), "");
  EXPECT_EQ(lines_of("one line"), "one line");
  EXPECT_EQ(lines_of(" blank first"), " blank first");
}

TEST(SseText, BeginsEachFurtherLineWithItsFieldName) {
  EXPECT_EQ(lines_of("line1\nline2"), "line1\ndata:line2");
  EXPECT_EQ(lines_of("line1\r\nline2\rline3"), "line1\ndata:line2\ndata:line3");
  EXPECT_EQ(lines_of("\n\n"), "\ndata:\ndata: ");
}

TEST(SseText, KeepsBlanksAtTheBeginningOfLines) { EXPECT_EQ(lines_of("a\n b"), "a\ndata:  b"); }

TEST(SseText, LetsNoFieldBeForged) {
  EXPECT_EQ(lines_of("x\nid: 7\n\nevent: control"), "x\ndata:id: 7\ndata:\ndata:event: control");
}

TEST(SseText, IsReadAsWritten) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::string_view kLetters = "a: \r\n";
  const auto any = [&] {
    std::string text;
    for (auto n = random() % 8; n > 0; --n) text += kLetters[random() % kLetters.size()];
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    // Several events one behind another make one run; each is read by itself, so a line end that is
    // cut between two of them counts twice.
    const std::string one = any();
    const std::string two = any();
    ASSERT_EQ(as_read(as_field(lines_of(one) + lines_of(two))),
              with_line_feeds(one) + with_line_feeds(two))
        << testing::PrintToString(one) << ' ' << testing::PrintToString(two);
  }
}

}  // namespace
}  // namespace tidemark
