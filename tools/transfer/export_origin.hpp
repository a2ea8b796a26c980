// Where an export reads: a log, or a broker.
// tools/transfer/: what the command asks for topics.
#pragma once

#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "tools/broker_http.hpp"
#include "tools/transfer/export_order.hpp"

namespace tidemark::tools {

/// Where within its last topic an export goes on: behind everything the order has taken.
using ExportPlace = ExportOrder;

/// Threads: one.
class ExportOrigin {
 public:
  using Described = boost::system::result<std::optional<ExportTopic>, HttpFailure>;

  virtual ~ExportOrigin() = default;

  /// What an export says of the topic; nullopt: there is none of that name.
  virtual Described describe(const std::string& name) = 0;
  /// Writes all of the topic that was described last, from its beginning or, if an export is
  /// resumed, from `place` on. Ends early when the output has to stop, which is no failure. What
  /// can't be read is a gap.
  virtual std::optional<HttpFailure> write(const ExportTopic& topic, const ExportPlace* place) = 0;
};

// A topic may go on while it is exported, and nothing in an export may be of events it does not
// have.

/// The producer as it was when `head` was the topic's last event; nullopt: that is not known.
[[nodiscard]] std::optional<storage::ProducerState> producer_at(storage::ProducerState state,
                                                                Offset head);
/// A cursor that has more than there is in the export has all of that.
[[nodiscard]] storage::StoredCursor cursor_at(storage::StoredCursor cursor,
                                              const ExportTopic& topic);
/// Whether the topic that is now there has the history that the export has begun with.
[[nodiscard]] bool goes_on_from(const ExportTopic& now, const ExportTopic& begun);

}  // namespace tidemark::tools
