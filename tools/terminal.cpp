// Escape codes, widths and writing.
// tools/: see terminal.hpp.
#include "tools/terminal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "protocol/types.hpp"

namespace tidemark::tools {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Bytes of the character at the front of `text`; 0 if it isn't UTF-8.
std::size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return size <= text.size() && valid_utf8(text.substr(0, size)) ? size : 0;
}

std::uint32_t code_point(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return lead;
  std::uint32_t out = lead & (0xFFU >> (character.size() + 1));
  for (const char c : character.substr(1)) {
    out = (out << 6) | (static_cast<unsigned char>(c) & 0x3FU);
  }
  return out;
}

/// Control characters, and those that change the direction of writing or aren't seen.
bool steers(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

void append_escaped(std::string& out, std::uint32_t c) {
  if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else {
    std::array<char, 16> text{};
    const char* format = c < 0x100 ? "\\x%02x" : "\\u{%04x}";
    std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(c));
    out += text.data();
  }
}

/// The terminal behind a pager.
struct KeptTerminal {
  int fd = -1;
  std::size_t width = 0;
};

KeptTerminal& kept_terminal() {
  static KeptTerminal kept;
  return kept;
}

void say(Colour colour, std::string_view text) {
  const std::string line = "tidemark: " + std::string(text);
  static_cast<void>(write_all(STDERR_FILENO, paint(STDERR_FILENO, colour, line) + "\n"));
}

}  // namespace

bool is_terminal(int fd) { return (fd >= 0 && kept_terminal().fd == fd) || ::isatty(fd) == 1; }

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* term = std::getenv("TERM");
  return is_terminal(fd) && (term == nullptr || std::string_view(term) != "dumb");
}

void keep_terminal(int fd) {
  if (is_terminal(fd)) kept_terminal() = {.fd = fd, .width = terminal_width(fd)};
}

std::size_t terminal_width(int fd) {
  if (fd >= 0 && kept_terminal().fd == fd) return kept_terminal().width;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string paint(int fd, Colour colour, std::string_view text) {
  constexpr std::array<std::string_view, 5> kCodes{"31", "33", "32", "2", "1"};
  if (!wants_colour(fd)) return std::string(text);
  return "\x1b[" + std::string(kCodes.at(static_cast<std::size_t>(colour))) + "m" +
         std::string(text) + "\x1b[0m";
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto size = character_size(text);
    const auto c =
        size == 0 ? static_cast<unsigned char>(text.front()) : code_point(text.substr(0, size));
    if (size == 0 || steers(c)) {
      append_escaped(out, c);
    } else {
      out.append(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return !continues(c); }));
}

std::string cut(std::string_view text, std::size_t columns) {
  if (characters(text) <= columns) return std::string(text);
  std::size_t end = 0;
  for (std::size_t kept = 0; end < text.size(); ++end) {
    if (!continues(text[end]) && ++kept >= columns) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string pad(std::string_view text, std::size_t columns, bool right) {
  const auto have = characters(text);
  const std::string blanks(have < columns ? columns - have : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
    out.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return out;
}

void complain(std::string_view text) { say(Colour::red, text); }
void warn(std::string_view text) { say(Colour::yellow, text); }
void note(std::string_view text) { say(Colour::dim, text); }

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    // Whoever started us shares a terminal or pipe that was set not to block.
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    ::poll(&ready, 1, -1);
  }
  return true;
}

}  // namespace tidemark::tools
