// Columns as wide as what is in them.
// tools/: for subcommands that list things.
#pragma once

#include <string>
#include <vector>

namespace tidemark::tools {

struct TextColumn {
  std::string head;
  bool right = false;
};

/// The rows under a bold head, a line each. The last column is not padded, so its cells may be
/// coloured. Pre: every row has as many cells as there are columns.
[[nodiscard]] std::string text_table(int fd, const std::vector<TextColumn>& columns,
                                     const std::vector<std::vector<std::string>>& rows);

}  // namespace tidemark::tools
