// What may be shown of what others wrote.
// broker/access/: names of clients and reasons of refusals go into logs, tables and answers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tidemark::broker {

/// Is it UTF-8 without control characters, line ends of any script, and marks that reverse or hide
/// what stands beside them?
[[nodiscard]] bool is_printable(std::string_view text);

/// Others' text in quotation marks, fit for a log: at most `most` bytes, the rest as "…", and what
/// is not printable ASCII as \xNN.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 64);

}  // namespace tidemark::broker
