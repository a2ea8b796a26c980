// Text as the data lines of Server-Sent Events.
// protocol/: HTML Living Standard, 9.2.6, "Interpreting an event stream".
#pragma once

#include <cstddef>
#include <string_view>

namespace tidemark {

/// A stream of events knows lines only: CR LF, CR and LF end one each, and reach the reader as LF.
/// What is written here goes behind the field name of the first line (`data:`, by the caller); each
/// further line begins with its own. Of a line's text a reader drops one leading blank, so one is
/// put before a line that has one, and before a line with which the text ends: what is written
/// behind it, by a later call, may begin with one. Only the first line's is the caller's affair:
/// `data: ` where the text begins with a blank, else `data:`.
[[nodiscard]] std::size_t sse_lines_size(std::string_view text);
/// Writes sse_lines_size(text) bytes; returns past the last.
char* write_sse_lines(std::string_view text, char* out);

}  // namespace tidemark
