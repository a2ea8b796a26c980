// A producer as JSON.
// broker/shapes/: see producer_shape.hpp.
#include "broker/shapes/producer_shape.hpp"

#include <optional>

#include <boost/json/string_view.hpp>

#include "broker/shapes/rfc3339.hpp"

namespace tidemark::broker {

namespace json = boost::json;

namespace {

/// The last event of the request with the last sequence, if its run is remembered and it had any:
/// one that only closes a topic has none.
std::optional<Offset> last_offset(const storage::ProducerState& state) {
  if (state.runs.empty()) return std::nullopt;
  const auto& run = state.runs.back();
  const std::uint64_t events = run.requests * run.events;
  if (events == 0 || run.sequence + run.requests - 1 != state.last_sequence) return std::nullopt;
  return Offset{run.first.value + events - 1};
}

}  // namespace

json::object describe(std::string_view producer, const storage::ProducerState& state) {
  json::object out{{"producer", json::string_view(producer.data(), producer.size())},
                   {"epoch", state.epoch},
                   {"sequence", state.last_sequence},
                   {"last_used", to_rfc3339(state.last_used)},
                   {"last_offset", nullptr}};
  if (const auto offset = last_offset(state)) out["last_offset"] = offset->value;
  return out;
}

}  // namespace tidemark::broker
