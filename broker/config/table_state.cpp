// The table's part about states of topics: where they come from, how many there may be; and
// cursors. broker/config/: see option_table.hpp; what it means is in broker/state/ and
// storage/cursors.
#include "broker/config/option_table.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker::config {
namespace {

constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kTiB = 1ULL << 40;
constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kDay = 24 * 3'600 * kSecond;

StateRule& rule(Settings& s) { return s.hub.states.rules.back(); }

std::string check_not_empty(const std::string& text) { return text.empty() ? "is empty" : ""; }

/// Whom a hook asks, and how.
std::vector<Option> hook_fields() {
  return {
      unshown(checked(needed(text_option(
                          "state.hook", "", [](Settings & s) -> auto& { return rule(s).hook.url; },
                          "URL that answers with a topic's state; {topic} stands for its name")),
                      check_not_empty)),
      path_option(
          "state.secret-file", [](Settings & s) -> auto& { return s.state_secrets.back(); },
          "What stands in this file is sent as Authorization: Bearer"),
      path_option(
          "state.ca-file", [](Settings & s) -> auto& { return rule(s).hook.ca_file; },
          "PEM: who vouches for the hook's certificate; empty: who does for this machine"),
      flag_option(
          "state.allow-private", [](Settings & s) -> auto& { return rule(s).hook.allow_private; },
          "May the URL lead to private addresses, and be http there?"),
      time_option(
          "state.timeout", "5s", {1, 60 * kSecond},
          +[](Settings & s) -> auto& { return rule(s).hook.timeout; }, "Of one try"),
      count_option(
          "state.tries", "3", {1, 10}, +[](Settings & s) -> auto& { return rule(s).hook.tries; },
          "What may pass by itself is tried again, so often in all"),
  };
}

/// Whom its answers are for, and how long.
std::vector<Option> sharing_fields() {
  return {
      flag_option(
          "state.per-client", [](Settings & s) -> auto& { return rule(s).per_client; },
          "The hook is told who asks, and its answer is that client's alone"),
      time_option(
          "state.max-age", "10s", {0, kDay}, +[](Settings & s) -> auto& { return rule(s).max_age; },
          "A state is given to others so long after it was asked for"),
      count_option(
          "state.max-events", "10000", {},
          +[](Settings & s) -> auto& { return rule(s).max_events; },
          "And with no more events after it than this"),
  };
}

}  // namespace

std::vector<Section> state_sections() {
  Section out{.key = "state",
              .help = "Where the states of topics come from; the first pattern that fits wins",
              .reloadable = true,
              .unique = "pattern",
              .begin = [](Settings& s) {
                s.hub.states.rules.emplace_back();
                s.state_secrets.emplace_back();
              }};
  out.fields = {checked(
      needed(text_option(
          "state.pattern", "orders/*", [](Settings & s) -> auto& { return rule(s).pattern; },
          "As in [[topic-defaults]]")),
      check_pattern)};
  for (auto part : {hook_fields(), sharing_fields()}) {
    out.fields.insert(out.fields.end(), part.begin(), part.end());
  }
  return {out};
}

std::vector<Option> state_options() {
  Option bytes = bytes_option(
      "state-limits.bytes", "8MiB", {kKiB, limits::state_bytes},
      +[](Settings & s) -> auto& { return s.hub.states.max_bytes; },
      "Largest state, from a hook or stored");
  bytes.put = [put = std::move(bytes.put)](const Texts& texts, Settings& s) {
    auto fault = put(texts, s);
    s.store.committer.max_state_bytes = s.hub.states.max_bytes;
    return fault;
  };
  return {
      bytes,
      live(bytes_option(
          "state-limits.shared", "256MiB", {kKiB, kTiB},
          +[](Settings & s) -> auto& { return s.hub.states.shared_bytes; },
          "Memory for states that are kept for others or being sent")),
      live(count_option(
          "state-limits.requests", "64", {1, 10'000},
          +[](Settings & s) -> auto& { return s.hub.states.requests; },
          "Requests to hooks at a time; others wait")),
      live(count_option(
          "state-limits.waiting", "100000", {1, 10'000'000},
          +[](Settings & s) -> auto& { return s.hub.states.waiting; },
          "Clients that may wait for a state")),
      count_option(
          "state-limits.keys", "1000000", {1, 1'000'000'000},
          +[](Settings & s) -> auto& { return s.store.committer.max_keys; },
          "Keys of a topic that keeps the latest event of each"),
      live(count_option(
          "cursors.max", "1000000", {0, 1'000'000'000},
          +[](Settings & s) -> auto& { return s.store.cursors.max_cursors; },
          "Named cursors there may be")),
      live(time_option(
          "cursors.write-interval", "1s", {10, 60 * kSecond},
          +[](Settings & s) -> auto& { return s.store.cursors.write_interval; },
          "Cursors reach the disk within this time")),
      live(time_option(
          "cursors.expire-after", "90d", {0, 100 * 366 * kDay},
          +[](Settings & s) -> auto& { return s.store.cursors.expire_after; },
          "A cursor that was not acknowledged for so long is removed; 0: never")),
  };
}

}  // namespace tidemark::broker::config
