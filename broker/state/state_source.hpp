// What sources of bundles answer, judged: hooks, callbacks, what an application has stored.
// broker/state/: pure apart from the callback and the store; States runs them and shares the
// result.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "broker/state/hook_client.hpp"
#include "broker/state/state_rules.hpp"
#include "broker/state/states.hpp"

namespace tidemark::broker {

/// Why there is no bundle: one of the codes of States::ask, and a clause for the log.
struct SourceFailure {
  Errc code = Errc::state_failed;
  std::string why;
};

/// What a source says its data reflects: nothing, an offset, or a position.
using Reflects = std::variant<std::monostate, Offset, Position>;

struct SourceBundle {
  std::string data;
  std::string content_type;
  Reflects reflects;
};

using SourceOutcome = std::variant<SourceBundle, SourceFailure>;

/// What a hook is asked. Failure: the client's name can't stand in a header.
[[nodiscard]] std::variant<HookCall, SourceFailure> hook_call(const StateRule& rule,
                                                              const TopicName& topic,
                                                              Position taken,
                                                              const StateWanted& who,
                                                              std::size_t max_bytes);

[[nodiscard]] SourceOutcome bundle_of(HookOutcome answered, std::size_t max_bytes);

/// Calls the rule's callback; blocks as long as it does. What it throws is a failure.
[[nodiscard]] SourceOutcome call_back(const StateRule& rule, const TopicName& topic, Position taken,
                                      std::size_t max_bytes);

/// What is stored. Blocks on the disk.
[[nodiscard]] SourceOutcome stored_bundle(storage::EventStore& store, const storage::Topic& topic);

/// The position events go on from after a bundle (see position_after), in the epoch of the topic's
/// history it belongs to. Errors: position_ahead.
[[nodiscard]] Result<Position> settle_position(const storage::Topic& topic,
                                               const Reflects& reflects, Position taken);

}  // namespace tidemark::broker
