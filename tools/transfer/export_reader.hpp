// Export items out of bytes, in whichever form they are. EXPORT.md specifies them.
// tools/transfer/: used by import, and by export to find where it left off. Hostile input.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tools/transfer/export_items.hpp"

namespace tidemark::tools {

/// What is wrong with an export.
struct ExportFault {
  enum class Kind : std::uint8_t {
    cut,      ///< it ends in the middle of an item, or without its end
    damaged,  ///< it does not say what an export says
    newer,    ///< of a later version of Tidemark
    foreign,  ///< it is no export
    unread,   ///< the file could not be read
  };
  Kind kind = Kind::damaged;
  std::string text;  ///< a whole sentence with the place: a line, or a byte
};

/// Threads: one.
class ExportReader {
 public:
  /// Gives the next bytes, none at the end; nullopt: it could not be read.
  using Input = std::function<std::optional<std::string>()>;

  /// Finds out the form from the first bytes. Errors: foreign, newer, cut, unread.
  static boost::system::result<std::unique_ptr<ExportReader>, ExportFault> open(Input input);
  virtual ~ExportReader() = default;

  /// The next item, checked by itself and in its place: names, offsets that follow one another,
  /// epochs of the lineage, limits. nullopt: it ended, after its end item.
  virtual boost::system::result<std::optional<ExportItem>, ExportFault> next() = 0;

  [[nodiscard]] virtual ExportForm form() const = 0;
  /// Bytes up to the end of the last item: what may be kept of a file that was cut.
  [[nodiscard]] virtual std::uint64_t whole_bytes() const = 0;
};

}  // namespace tidemark::tools
