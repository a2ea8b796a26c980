// The file an export is written to, and what is in one that was cut off.
// tools/transfer/: for the export command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "tools/inspect/progress_bar.hpp"
#include "tools/transfer/export_order.hpp"
#include "tools/transfer/export_reader.hpp"

namespace tidemark::tools {

/// An open file; closed with it. Threads: one.
class ExportFile {
 public:
  /// Creates it, readable only by its owner, as a data directory is. The error is a sentence; one
  /// that is there is not touched.
  static boost::system::result<ExportFile, std::string> create(const std::string& path);
  /// Opens one that is there; nullopt: there is none.
  static boost::system::result<std::optional<ExportFile>, std::string> reopen(
      const std::string& path);
  ~ExportFile();
  ExportFile(ExportFile&& other) noexcept;
  ExportFile& operator=(ExportFile&&) = delete;
  ExportFile(const ExportFile&) = delete;
  ExportFile& operator=(const ExportFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t size() const;
  /// Cuts it there; what is written next follows. False: errno says why not.
  [[nodiscard]] bool cut(std::uint64_t bytes) const;
  /// False: errno says why it is not on disk.
  [[nodiscard]] bool sync() const;

 private:
  explicit ExportFile(int fd) : fd_(fd) {}
  int fd_;
};

/// What an export holds that was cut off.
struct ExportSoFar {
  std::optional<ExportForm> form;  ///< unset: not even its beginning
  ExportOrder order;               ///< has taken everything whole
  std::uint64_t whole_bytes = 0;
  std::uint64_t lost = 0;           ///< events in gaps
  std::vector<std::string> topics;  ///< their names, in order
  [[nodiscard]] bool complete() const { return order.part() == ExportOrder::Part::end; }
};

/// Reads it through. Errors: what is wrong with it, other than that it was cut; a signal is told as
/// unread.
[[nodiscard]] boost::system::result<ExportSoFar, ExportFault> read_so_far(const ExportFile& file,
                                                                          ProgressBar& progress);

}  // namespace tidemark::tools
