// Where an inspecting command reads: a running broker, or the files of one.
// tools/inspect/: every command that looks at the log asks through this; blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include "protocol/messages.hpp"
#include "tools/broker_http.hpp"
#include "tools/cli_fwd.hpp"

namespace tidemark::storage {
class Log;
}

namespace tidemark::tools {

/// Which of the two, as the command line says it.
struct SourceChoice {
  BrokerChoice broker;
  std::string data;  ///< a data directory; empty: the broker
};
/// Adds --data DIR, and what add_broker_options adds; --data excludes --server.
void add_source_options(CLI::App& command, SourceChoice& choice);
/// Throws CLI::ValidationError, as check_broker, of a choice that can't be meant.
void check_source(const SourceChoice& choice);

/// Which events: from <= offset <= to, and of those only what there is.
struct EventRange {
  Offset from{1};
  Offset to{kMaxInteger};
};

/// Takes what is read, in order of offsets.
struct EventVisitor {
  /// False: enough. The view dies when it returns.
  std::function<bool(const EventView& event, Epoch epoch)> event;
  /// Events of the range that can't be had, and why: trimmed, corrupt, of another epoch.
  std::function<void(const Gap& gap)> gap;
};

/// What went wrong, as of a request to a broker.
using Failure = std::optional<HttpFailure>;
/// Takes an object as broker/shapes/ describes it. False: enough.
using ObjectVisitor = std::function<bool(const boost::json::object&)>;

/// Threads: one.
class Source {
 public:
  /// Connects to nothing yet; opens the files, if it is files.
  static boost::system::result<std::unique_ptr<Source>, HttpFailure> open(
      const SourceChoice& choice);
  virtual ~Source() = default;

  /// Topics whose name begins with `prefix`, by name, without detail.
  virtual Failure topics(const std::string& prefix, const ObjectVisitor& visit) = 0;
  /// One, with detail. One that is not there is a failure with the code "unknown_topic", with the
  /// name that may be meant.
  virtual Failure topic(const std::string& name, boost::json::object& out) = 0;
  virtual Failure producers(const std::string& topic, const ObjectVisitor& visit) = 0;
  virtual Failure cursors(const std::string& topic, const ObjectVisitor& visit) = 0;
  /// The first event appended at or after `time`; the one after the last if there is none.
  virtual Failure offset_at(const std::string& topic, Timestamp time, Offset& out) = 0;
  /// Reads up to the end the topic has when this is called; does not wait for more.
  virtual Failure read(const std::string& topic, EventRange range, const EventVisitor& visit) = 0;
  /// The store's figures: see broker/shapes/stats_shape.
  virtual Failure stats(boost::json::object& out) = 0;

  /// Damage has hidden a part of what was asked for, of which stderr has been told: what there is
  /// has been answered, and the command ends with kDamaged. Gaps are told to their visitor instead.
  [[nodiscard]] virtual bool damaged() const { return false; }

  /// The log itself, for who can make use of it; nullptr: it is a broker.
  [[nodiscard]] virtual storage::Log* log() { return nullptr; }
};

/// A range's end as people give it: an offset ("1187") or a time (see parse_time; what is no plain
/// number below 10^12). Nothing if it is neither.
struct PlaceText {
  std::optional<Offset> offset;
  std::optional<Timestamp> time;
};
[[nodiscard]] std::optional<PlaceText> parse_place(const std::string& text, Timestamp now);
/// For an option's check: what is wrong with the text; empty if nothing is.
[[nodiscard]] std::string check_place(const std::string& text);

}  // namespace tidemark::tools
