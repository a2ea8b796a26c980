// Where an export goes, and what became of it.
// tools/transfer/: between what export reads and the file or pipe; blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tools/inspect/progress_bar.hpp"
#include "tools/transfer/export_writer.hpp"

namespace tidemark::tools {

/// Why nothing more is written.
enum class ExportStop : std::uint8_t {
  none,
  interrupted,   ///< by a signal; see interrupt.hpp
  nobody_reads,  ///< the pipe's other end is closed
  no_space,
  failed,
};

struct ExportCounts {
  std::uint64_t topics = 0;
  std::uint64_t events = 0;
  std::uint64_t lost = 0;   ///< in gaps
  std::uint64_t bytes = 0;  ///< written
};

/// Writes items in pieces. Threads: one.
class ExportOutput {
 public:
  /// `before`: what is in the file already. `progress` may be null.
  ExportOutput(int fd, ExportForm form, const ExportCounts& before, ProgressBar* progress);

  /// What has been written already; see ExportWriter::resume.
  void resume(std::uint64_t items, const ExportTopic* topic) { writer_->resume(items, topic); }
  /// False: stop, as of these all.
  bool put(const ExportItem& item);
  bool put(const storage::BatchView& batch, Offset from);
  /// Writes what is collected.
  bool flush();
  /// False once it has to stop, also because of a signal.
  bool go_on();

  /// So many bytes have been read, of what the progress is told in.
  void at(std::uint64_t read, const std::string& topic);
  /// Something could not be read: said on stderr, unless much has been said, and kept in mind.
  void damage(const std::string& what);
  /// Something else the person at the terminal should know.
  void notice(const std::string& what);

  [[nodiscard]] ExportStop stop() const { return stop_; }
  [[nodiscard]] int error() const { return error_; }  ///< errno of no_space and failed
  [[nodiscard]] const ExportCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t damages() const { return damages_; }

 private:
  bool flush_if_large();
  bool write(std::string_view bytes);
  bool stopped(int error);

  const int fd_;
  const std::unique_ptr<ExportWriter> writer_;
  ProgressBar* const progress_;
  ExportCounts counts_;
  std::uint64_t damages_ = 0;
  ExportStop stop_ = ExportStop::none;
  int error_ = 0;
};

}  // namespace tidemark::tools
