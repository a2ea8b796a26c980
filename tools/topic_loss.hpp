// What a trim, shorter retention or a deletion takes away, found out without doing it.
// tools/: for the subcommands set, trim and delete, which show it before they act or instead.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "protocol/types.hpp"
#include "tools/inspect/source.hpp"

namespace tidemark::tools {

struct LostCursor {
  std::string name;
  std::uint64_t offset = 0;  ///< the last event it has
  std::uint64_t loses = 0;   ///< events it has not and that go
};

struct TopicLoss {
  std::string topic;
  bool deleted = false;  ///< the topic goes as a whole
  OffsetRange events;    ///< those that go
  OffsetRange kept;      ///< those that stay
  std::uint64_t bytes = 0;
  bool about = false;  ///< the bytes are estimated from the whole
  std::optional<Timestamp> oldest;
  std::optional<Timestamp> newest;
  std::uint64_t keys = 0;       ///< whose newest event is kept beside the log
  std::uint64_t producers = 0;  ///< remembered; of a topic that is deleted
  std::uint64_t subscribers = 0;
  std::vector<LostCursor> cursors;  ///< those that lose events, or go; kMostNamed at most
  std::uint64_t cursor_count = 0;   ///< of those, all
  std::vector<std::string> forks;   ///< kMostNamed at most, and only those that may be seen
  std::uint64_t fork_count = 0;

  static constexpr std::size_t kMostNamed = 10'000;
};

/// A topic as a broker describes it, and where more can be asked.
struct TopicLook {
  BrokerChoice broker;
  std::unique_ptr<Source> source;
  boost::json::object topic;  ///< see Source::topic

  [[nodiscard]] std::string name() const;
  [[nodiscard]] Offset earliest() const;
  [[nodiscard]] Offset head() const;
  /// Bytes of its events from `from` on, as stored, to within a batch; nullopt: it is not told.
  /// Pre: from is 1 to the head + 1.
  [[nodiscard]] std::optional<std::uint64_t> bytes_from(Offset from) const;
};
/// Errors: also that there is no such topic, with the one that may be meant.
[[nodiscard]] Failure look_at(const BrokerChoice& broker, const std::string& topic, TopicLook& out);

/// What goes if the topic begins with `keep` from now on.
[[nodiscard]] Failure find_trim_loss(TopicLook& look, Offset keep, TopicLoss& out);
/// What goes if it is deleted.
[[nodiscard]] Failure find_delete_loss(TopicLook& look, TopicLoss& out);

/// For a terminal or whatever reads stdout; lines.
[[nodiscard]] std::string loss_text(const TopicLoss& loss);
/// `{"topic","dry_run":true,"keep","keeps":{"events"},"drops":{"events","bytes","first","last",
/// "bytes_estimated","oldest","newest"},"keys","subscribers","cursors":{"count","list":[{"cursor",
/// "offset","loses"}]},"forks":{"count","list":[name]}}`; what is not known or of no events is left
/// out. Of a topic that is to be deleted `deleted` (false) and `producers` instead of `keep` and
/// `keeps`.
[[nodiscard]] boost::json::object loss_object(const TopicLoss& loss);

/// Asks on the terminal; false is no.
[[nodiscard]] bool confirmed(const std::string& question);
/// May a command go on that can't be undone? It may with --yes, and where somebody can be asked;
/// else it says what is missing.
[[nodiscard]] bool may_go_on(bool yes, const std::string& what);

}  // namespace tidemark::tools
