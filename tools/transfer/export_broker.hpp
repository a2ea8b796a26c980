// A topic's history as a running broker tells it.
// tools/transfer/: what export reads a broker with.
#pragma once

#include <cstdint>
#include <string>

#include "tools/inspect/source.hpp"
#include "tools/transfer/export_origin.hpp"
#include "tools/transfer/export_output.hpp"

namespace tidemark::tools {

/// A broker does not tell everything: no keys whose events retention has dropped, no stored state,
/// and of producers only how far they are. Threads: one.
class BrokerExport final : public ExportOrigin {
 public:
  BrokerExport(Source& source, ExportOutput& output) : source_(source), output_(output) {}

  Described describe(const std::string& name) override;
  std::optional<HttpFailure> write(const ExportTopic& topic, const ExportPlace* place) override;

 private:
  Failure events(Offset from);
  bool take(const EventView& event, Epoch epoch);
  bool lose(OffsetRange lost, std::string_view why, bool damaged);
  bool hand_on();
  Failure producers(const std::string& after);
  Failure cursors(const std::string& after);

  Source& source_;
  ExportOutput& output_;
  ExportTopic topic_;
  Offset next_;
  ExportEvents held_;  ///< events that may be of one item with those that come
  std::size_t held_bytes_ = 0;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace tidemark::tools
