// Words to offsets.
// tools/inspect/: see event_range.hpp.
#include "tools/inspect/event_range.hpp"

#include <algorithm>
#include <chrono>

#include <CLI/CLI.hpp>

#include "tools/json_values.hpp"

namespace tidemark::tools {
namespace {

Timestamp now_of_system() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

/// The first event of the place, or with `behind` the first one behind it.
Failure find(Source& source, const std::string& topic, const std::string& text, bool behind,
             Offset& out) {
  const auto place = parse_place(text, now_of_system());
  if (!place) return HttpFailure{.exit = kUsage, .text = check_place(text), .code = {}};
  const std::uint64_t more = behind ? 1 : 0;
  if (place->offset) {
    out = {std::min(place->offset->value, kMaxInteger - 1) + more};
    return {};
  }
  return source.offset_at(topic, {place->time->ms + static_cast<std::int64_t>(more)}, out);
}

}  // namespace

void add_range_options(CLI::App& command, RangeOptions& options) {
  auto* from = command
                   .add_option("--from", options.from,
                               "Begin there: an offset, or a TIME (see below); else the earliest")
                   ->type_name("PLACE")
                   ->check(check_place);
  command.add_option("--to", options.to, "End there, that event included; else the last")
      ->type_name("PLACE")
      ->check(check_place);
  command.add_option("--last", options.last, "Begin with the Nth last event")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{0}, kMaxInteger))
      ->excludes(from);
}

Failure resolve_range(Source& source, const std::string& topic, const boost::json::object& about,
                      const RangeOptions& options, EventRange& out) {
  const auto head = number_of(about, "head");
  out = {.from = {std::max<std::uint64_t>(number_of(about, "earliest"), 1)}, .to = {head}};
  if (options.last) out.from = {head + 1 - std::min(*options.last, head)};
  if (!options.from.empty()) {
    if (auto failure = find(source, topic, options.from, false, out.from)) return failure;
  }
  if (options.to.empty()) return {};
  return resolve_place(source, topic, about, options.to, out.to);
}

Failure resolve_place(Source& source, const std::string& topic, const boost::json::object& about,
                      const std::string& place, Offset& out) {
  Offset end;
  if (auto failure = find(source, topic, place, true, end)) return failure;
  out = {std::min(number_of(about, "head"), std::max<std::uint64_t>(end.value, 1) - 1)};
  return {};
}

}  // namespace tidemark::tools
