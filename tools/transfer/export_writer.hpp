// Export items as bytes, in either form. EXPORT.md specifies them.
// tools/transfer/: used by export.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/record_batch.hpp"
#include "tools/transfer/export_items.hpp"

namespace tidemark::tools {

/// Appends to a buffer that its owner empties. Threads: one.
class ExportWriter {
 public:
  static std::unique_ptr<ExportWriter> make(ExportForm form);
  virtual ~ExportWriter() = default;

  /// Goes on behind `items` of an export that was cut off, of which `topic` is the last topic;
  /// nullptr: it has none yet. Pre: nothing is written yet; items > 0.
  virtual void resume(std::uint64_t items, const ExportTopic* topic) = 0;

  /// Pre: it is one that ExportReader would take there; its payloads are settled (Form::raw).
  virtual void write(const ExportItem& item) = 0;
  /// The events of a stored batch from `from` on, without taking them apart where the form allows.
  /// Pre: it belongs to the topic written last; batch.header().first <= from < batch.end().
  virtual void write(const storage::BatchView& batch, Offset from) = 0;

  [[nodiscard]] std::string& buffer() { return buffer_; }

 protected:
  std::string buffer_;
};

}  // namespace tidemark::tools
