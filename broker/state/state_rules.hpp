// Where the states of which topics come from, and how long one is as good as new.
// broker/state/: plain data; filled by configuration, or by an application that embeds the broker.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "broker/initial_state.hpp"

namespace tidemark::broker {

/// As InitialStateSource, for whichever of its topics is asked about.
using TopicStateSource = std::function<Result<StateBundle>(const TopicName& topic, Position taken)>;

/// Asked over HTTP: see PROTOCOL.md, "The state hook".
struct StateHook {
  std::string url;     ///< http(s); `{topic}` stands for the topic's name, percent-encoded
  std::string bearer;  ///< sent as Authorization: Bearer; empty: none
  std::filesystem::path ca_file;             ///< who vouches for it; empty: the system's
  bool allow_private = false;                ///< addresses of private networks and loopback too
  std::chrono::milliseconds timeout{5'000};  ///< of one try
  std::uint32_t tries = 3;                   ///< in all; backoff between them
};

/// The state of topics whose names match: from `hook`, or from `callback` if that is set.
struct StateRule {
  std::string pattern;  ///< see matches_topic
  StateHook hook;
  TopicStateSource callback;
  std::string content_type = "application/json";  ///< of what the callback makes
  /// The hook is told who asks, and its answer is that client's alone.
  bool per_client = false;
  std::chrono::milliseconds max_age{10'000};  ///< a shared bundle is not given out beyond this,
  std::uint64_t max_events = 10'000;          ///< nor with more than so many events after it
};

struct StateRules {
  std::vector<StateRule> rules;                       ///< the first that matches
  std::size_t max_bytes = std::size_t{8} << 20;       ///< of a bundle
  std::size_t shared_bytes = std::size_t{256} << 20;  ///< of all bundles kept for newcomers
  std::size_t requests = 64;                          ///< to hooks at a time; more wait
  std::size_t waiting = 100'000;                      ///< who may wait for a state
};

/// For metrics.
struct StateFigures {
  std::uint64_t asked = 0;   ///< by newcomers
  std::uint64_t shared = 0;  ///< of them, given what another had caused to be made
  std::uint64_t made = 0;    ///< by hooks, callbacks, from keys and stored states
  std::uint64_t hook_requests = 0;
  std::uint64_t hook_failures = 0;  ///< tries that failed
  std::uint64_t failed = 0;         ///< newcomers who were refused
  std::uint64_t outrun = 0;         ///< sources run again because retention had passed them
  std::uint64_t running = 0;        ///< now
  std::uint64_t waiting = 0;        ///< newcomers now
  std::uint64_t bytes = 0;          ///< of bundles in memory
};

}  // namespace tidemark::broker
