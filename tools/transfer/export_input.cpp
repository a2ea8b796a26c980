// A string that grows behind and is cut in front.
// tools/transfer/: see export_input.hpp.
#include "tools/transfer/export_input.hpp"

#include <algorithm>

namespace tidemark::tools {
namespace {

// What has been dropped is moved out at once, not with every item.
constexpr std::size_t kMostDropped = std::size_t{1} << 20;

}  // namespace

bool ExportInput::pull() {
  if (ended_) return false;
  if (begin_ == held_.size() || begin_ > kMostDropped) {
    held_.erase(0, begin_);
    begin_ = 0;
  }
  const auto more = input_();
  failed_ = !more;
  ended_ = failed_ || more->empty();
  if (ended_) return false;
  held_ += *more;
  return true;
}

bool ExportInput::want(std::size_t bytes) {
  while (held_.size() - begin_ < bytes)
    if (!pull()) return false;
  return true;
}

std::optional<std::size_t> ExportInput::find_line(std::size_t most) {
  for (std::size_t looked = 0;;) {
    const auto found = bytes().find('\n', looked);
    if (found != std::string_view::npos) {
      return found <= most ? std::optional(found) : std::nullopt;
    }
    looked = bytes().size();
    if (looked > most || !pull()) return std::nullopt;
  }
}

void ExportInput::drop(std::size_t bytes) {
  begin_ += bytes;
  position_ += bytes;
}

}  // namespace tidemark::tools
