// Widths first, then lines.
// tools/: see text_table.hpp.
#include "tools/text_table.hpp"

#include <algorithm>
#include <cstddef>

#include "tools/terminal.hpp"

namespace tidemark::tools {

std::string text_table(int fd, const std::vector<TextColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) widths.push_back(column.head.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], characters(row[i]));
    }
  }
  std::string head;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool last = i + 1 == columns.size();
    head += last ? columns[i].head : pad(columns[i].head, widths[i], columns[i].right) + "  ";
  }
  std::string out = paint(fd, Colour::bold, head) + "\n";
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < columns.size(); ++i) {
      out += pad(row[i], widths[i], columns[i].right) + "  ";
    }
    out += row.back() + "\n";
  }
  return out;
}

}  // namespace tidemark::tools
