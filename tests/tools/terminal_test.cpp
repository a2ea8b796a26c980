// What reaches a terminal.
// tests/tools/: see tools/terminal.hpp.
#include "tools/terminal.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

#include "protocol/types.hpp"

namespace tidemark::tools {
namespace {

TEST(Terminal, PrintableLeavesWordsOfAllLanguagesAlone) {
  EXPECT_EQ(printable("Grüße, 世界 🎉"), "Grüße, 世界 🎉");
}

TEST(Terminal, PrintableShowsWhatWouldSteer) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable(std::string_view("\0\x1b\x7f", 3)), "\\x00\\x1b\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b") << "the one-byte escape sequence of C1";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\u{202e}") << "right-to-left override";
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe") << "no UTF-8";
  EXPECT_EQ(printable("a\xe2\x80"), "a\\xe2\\x80") << "cut off";
}

TEST(Terminal, PrintableOutputHoldsNoControlWhateverGoesIn) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const std::string in{static_cast<char>(a), static_cast<char>(b)};
      const auto out = printable(in);
      ASSERT_TRUE(valid_utf8(out));
      for (const char c : out) ASSERT_GE(static_cast<unsigned char>(c), 0x20U);
    }
  }
}

TEST(Terminal, CutsAtCharactersNotBytes) {
  EXPECT_EQ(cut("Grüße", 5), "Grüße");
  EXPECT_EQ(cut("Grüße", 4), "Grü…");
  EXPECT_EQ(cut("世界世界", 3), "世界…");
}

TEST(Terminal, PadsByCharacters) {
  EXPECT_EQ(pad("ü", 3), "ü  ");
  EXPECT_EQ(pad("12", 4, true), "  12");
  EXPECT_EQ(pad("long", 2), "long");
}

TEST(Terminal, GroupsThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
}

TEST(Terminal, APipeIsNoneAndGetsNoColour) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  EXPECT_FALSE(is_terminal(fds[1]));
  EXPECT_EQ(paint(fds[1], Colour::red, "x"), "x");
  ::close(fds[0]);
  ::close(fds[1]);
}

}  // namespace
}  // namespace tidemark::tools
