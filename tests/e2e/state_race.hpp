// One race: an application changes its data and publishes, clients join, leave and rejoin at
// random, the broker dies and comes back. tests/e2e/: carried out over the network, or within the
// process.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/e2e/model_app.hpp"

namespace tidemark::test {

/// Where the topic's state comes from.
enum class Source : std::uint8_t { hook, snapshot, keys, callback };

struct RaceOptions {
  Source source = Source::hook;
  /// The log keeps so little that it overtakes a source, and readers who were away.
  bool tight = false;
  std::uint64_t seed = 0;
};

inline constexpr int kWriters = 2;
inline constexpr std::size_t kChanges = 300;  ///< of each writer
inline constexpr std::size_t kReaders = 200;
inline constexpr int kRestarts = 3;
inline constexpr std::size_t kTightEvents = 30;
/// What reading the application's state takes.
inline constexpr std::chrono::milliseconds kSlow{40};
inline constexpr std::chrono::seconds kRaceLimit{120};
inline constexpr const char* kRaceTopic = "e2e/state";

/// A change of one item; nullopt: it is removed.
struct Change {
  std::string key;
  std::optional<std::string> value;
  [[nodiscard]] std::string data() const { return value.value_or("null"); }
};

/// Each writer has items of its own, so that the order of its changes is the order of each item's.
inline Change some_change(int writer, std::size_t number, std::mt19937_64& random) {
  Change out{.key = "w" + std::to_string(writer) + "/" + std::to_string(random() % 25),
             .value = std::nullopt};
  if (random() % 6 != 0) out.value = std::to_string(number);
  return out;
}

struct RaceOutcome {
  Items database;
  std::vector<Replica> replicas;
  std::size_t departures = 0;
  std::size_t refusals = 0;  ///< joins without a state, or that retention overtook: repeated
  std::uint64_t asked = 0;   ///< how often the application's state was read
  std::size_t unfinished = 0;
  std::string failure;  ///< what should not have happened
};

[[nodiscard]] RaceOutcome race_over_network(const RaceOptions& options);
[[nodiscard]] RaceOutcome race_in_process(const RaceOptions& options);

}  // namespace tidemark::test
