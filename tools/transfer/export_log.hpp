// A topic's history out of a log, around whatever is damaged in it.
// tools/transfer/: what export reads files with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/log.hpp"
#include "tools/transfer/export_origin.hpp"
#include "tools/transfer/export_output.hpp"

namespace tidemark::tools {

/// Threads: one.
class LogExport final : public ExportOrigin {
 public:
  LogExport(storage::Log& log, ExportOutput& output) : log_(log), output_(output) {}

  /// Where the end of its log is damaged, that is looked for.
  Described describe(const std::string& name) override;
  std::optional<HttpFailure> write(const ExportTopic& topic, const ExportPlace* place) override;

 private:
  Result<std::optional<ExportTopic>> look_up(const std::string& name);
  Result<std::optional<storage::TopicMeta>> find(const std::string& name);
  void find_end(ExportTopic& topic);
  bool all_of(const ExportTopic& topic, const ExportPlace* place);
  bool events(Offset from);
  bool take(const storage::BatchView& batch);
  bool lose(Offset end, std::string why, bool damaged);
  bool pass_damage(Errc code);
  std::optional<Offset> look(Offset from, Offset end);
  Offset readable_after(Offset from, Offset end);
  bool keys(const std::string& after);
  bool producers(const std::string& after);
  bool cursors(const std::string& after);
  bool state();
  void unreadable(const std::string& what, Errc code);

  storage::Log& log_;
  ExportOutput& output_;
  storage::TopicId id_;
  Offset retained_;  ///< the earliest now, which may be later than the export's
  ExportTopic topic_;
  Offset next_;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tidemark::tools
