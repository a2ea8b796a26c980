// Seeded random operations and faults on a store, against a model of what was acknowledged.
// tests/proof/: row 26; the oracle is part of it, and says in words what is wrong.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "store_under_faults.hpp"

namespace tidemark::proof {

/// A topic as it has to be.
struct ModelTopic {
  struct Sent {
    std::uint64_t sequence = 0, first = 0, count = 0;
  };
  bool buffered = false;
  std::uint64_t earliest = 1;
  std::vector<std::string> events;  ///< of offsets 1, 2, …; a fork's inherited ones too
  std::uint64_t synced = 0;         ///< so many of them are known to be on disk
  std::uint64_t epoch = 0;          ///< 0: to be learned
  std::uint64_t not_epoch = 0;      ///< not 0: events were lost in it, so that no more come to it
  std::map<std::string, std::vector<Sent>> sent;  ///< by producer
  std::vector<std::uint64_t> cursor;              ///< where it was put, newest last
  std::size_t cursor_synced = 0;                  ///< so many of those are known to be on disk
  std::string source;                             ///< a fork's
  int forks = 0;
  bool gone = false;
  [[nodiscard]] std::uint64_t head() const { return events.size(); }
};

/// By name.
using World = std::map<std::string, ModelTopic>;

struct WalkFigures {
  std::uint64_t operations = 0, acknowledged = 0, unknown = 0, unknown_but_there = 0, lost = 0,
                crashes = 0, faults = 0, openings_refused = 0, duplicates = 0, buffered_lost = 0;
  WalkFigures& operator+=(const WalkFigures& other);
};

/// One seed's walk. Operations come one after another: at most one is of unknown outcome, so that
/// the world is one of two until somebody looks.
class RandomWalk {
 public:
  RandomWalk(std::uint64_t seed, std::uint64_t steps);

  /// What was found to be wrong; empty: nothing.
  std::string run();
  [[nodiscard]] const WalkFigures& figures() const { return figures_; }
  /// From now on syncs do nothing, of which the oracle must complain. For controls.
  void lie_about_sync() { store_.disk().lie_about_sync(true); }

 private:
  using Complaint = std::string;

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  std::string some_topic() { return "t" + std::to_string(pick(5)); }
  [[nodiscard]] bool gone(const std::string& name) const;
  [[nodiscard]] bool alive(const std::string& name) const;

  // operations
  Complaint step();
  Complaint publish();
  Complaint retry();
  Complaint configure();
  Complaint trim();
  Complaint erase();
  Complaint fork();
  Complaint move_cursor();
  Complaint reclaim();
  Complaint look();
  Complaint reopen();
  Complaint crash();
  Complaint crash_and_stumble();
  Complaint arm();
  Complaint heal();
  void jump();

  // outcomes
  Complaint settle(const storage::Request& done, std::optional<Errc> expected, World after);
  Complaint open_again(bool power_lost);
  Complaint resolve(bool power_lost);
  Complaint match(World& world, bool power_lost);
  Complaint match_names(const World& world);
  Complaint match_topic(const std::string& name, ModelTopic& topic, bool power_lost);
  Complaint match_cursor(const std::string& name, ModelTopic& topic, bool power_lost);
  void shorten(ModelTopic& topic, std::uint64_t head);
  void note_synced();
  PowerLoss some_loss();

  std::mt19937_64 random_;
  const std::uint64_t steps_;
  StoreUnderFaults store_;
  World world_;
  std::uint64_t synced_groups_ = 0;  ///< by the committer's count, when last asked
  std::optional<World> perhaps_;     ///< the world if what is unknown has come to be
  bool persistent_ = false;          ///< the disk stays bad until it is healed
  bool over_it_ = true;              ///< what had fired last has been met
  WalkFigures figures_;
};

}  // namespace tidemark::proof
