// Bytes of a file as they come, looked at in pieces of whatever size.
// tools/transfer/: what both readers of exports stand on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tools/transfer/export_reader.hpp"

namespace tidemark::tools {

/// Keeps what has not been dropped yet, so no more than is asked for, and a piece.
class ExportInput {
 public:
  explicit ExportInput(ExportReader::Input input) : input_(std::move(input)) {}

  /// Gets more until there are so many bytes. False: it ends before, or it failed.
  [[nodiscard]] bool want(std::size_t bytes);
  /// Bytes up to the next line feed, without it. nullopt: there is none within `most` bytes, or
  /// before the end.
  [[nodiscard]] std::optional<std::size_t> find_line(std::size_t most);
  /// What is there. Lifetime: until the next call that is not const.
  [[nodiscard]] std::string_view bytes() const { return std::string_view(held_).substr(begin_); }
  /// Pre: bytes <= bytes().size().
  void drop(std::size_t bytes);

  /// Where bytes() begins in the file.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  /// The file could not be read any further.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool pull();

  ExportReader::Input input_;
  std::string held_;
  std::size_t begin_ = 0;
  std::uint64_t position_ = 0;
  bool ended_ = false;
  bool failed_ = false;
};

}  // namespace tidemark::tools
