// Output for people: colours where there is a terminal, nothing that could steer it.
// tools/: used by every subcommand that prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools {

enum class Colour : std::uint8_t { red, yellow, green, dim, bold };

/// Is the file descriptor a terminal?
[[nodiscard]] bool is_terminal(int fd);
/// Is it one that wants colours (NO_COLOR is unset, TERM isn't "dumb")?
[[nodiscard]] bool wants_colour(int fd);
/// Columns of the terminal; 80 if nobody knows.
[[nodiscard]] std::size_t terminal_width(int fd);

/// From now on the three above answer for `fd` as they do now, wherever it leads then: to a pager
/// in front of the terminal. Threads: before there are others.
void keep_terminal(int fd);

/// `text` in a colour if `fd` wants colours.
[[nodiscard]] std::string paint(int fd, Colour colour, std::string_view text);

/// `text` without anything that moves the cursor, changes colours or reverses writing: control
/// characters and stray bytes are shown as \n, \x1b, \u{202e}.
[[nodiscard]] std::string printable(std::string_view text);

/// At most `columns` characters of UTF-8 text, ending in … if something was cut off.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// `text` with blanks up to `columns` characters, behind it or (`right`) before it.
[[nodiscard]] std::string pad(std::string_view text, std::size_t columns, bool right = false);
/// Characters of UTF-8 text.
[[nodiscard]] std::size_t characters(std::string_view text);

/// 1234567 → "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// A line on stderr that begins with the program's name.
void complain(std::string_view text);  ///< red: an error
void warn(std::string_view text);      ///< yellow
void note(std::string_view text);      ///< dim: good to know

/// Writes all of it. False if nobody reads any more, or it failed.
[[nodiscard]] bool write_all(int fd, std::string_view bytes);

}  // namespace tidemark::tools
