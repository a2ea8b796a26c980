// Lines of a file descriptor in batches: as many as are there, never waiting for more.
// tools/: what `pub --lines` reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tidemark::tools {

struct BatchLimits {
  std::size_t lines = 500;
  std::size_t bytes = std::size_t{256} << 10;  ///< a batch ends when it has reached these
  std::size_t line_bytes = std::size_t{16} << 20;
  bool exact = false;       ///< always `lines` lines, but for the last batch
  bool skip_empty = false;  ///< leave out lines without a byte
};

class LineBatches {
 public:
  enum class Outcome : std::uint8_t {
    batch,
    end,
    interrupted,  ///< a signal came, and `interrupted` said so
    too_long,     ///< a line is longer than line_bytes
    failed,       ///< reading failed; errno says why
  };

  /// `interrupted` is asked when reading was cut short by a signal. Blocks the caller's thread.
  LineBatches(int fd, BatchLimits limits, std::function<bool()> interrupted);

  /// Replaces `batch` by the next lines, without their line feeds and otherwise byte for byte. A
  /// last line without a line feed counts too.
  [[nodiscard]] Outcome next(std::vector<std::string>& batch);

  /// Number of the first line of the last batch, from 1; skipped lines count.
  [[nodiscard]] std::uint64_t first_line() const { return first_line_; }
  /// Bytes read so far.
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  [[nodiscard]] bool take_lines(std::vector<std::string>& batch);
  void take_line(std::vector<std::string>& batch, std::size_t end);

  int fd_;
  BatchLimits limits_;
  std::function<bool()> interrupted_;
  std::string buffer_;
  std::size_t taken_ = 0;  ///< of the buffer
  std::size_t batch_bytes_ = 0;
  bool ended_ = false;
  std::uint64_t lines_ = 0;
  std::uint64_t first_line_ = 1;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tidemark::tools
