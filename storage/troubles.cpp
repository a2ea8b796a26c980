// What can be wrong with a store: see troubles.hpp.
// storage/: each problem is judged by itself, and said in a sentence.
#include "storage/troubles.hpp"

#include <chrono>
#include <cstdlib>

namespace tidemark::storage {

namespace {

using std::chrono::milliseconds;

std::string seconds_text(milliseconds time) {
  return std::to_string((time.count() + 500) / 1'000) + " s";
}

Trouble recovering(const StoreSigns& signs) {
  const auto& writing = signs.writing;
  Trouble out{.problem = Problem::recovering,
              .now = writing.failing && writing.failure != Errc::disk_full,
              .times = writing.failures - writing.full,
              .detail = signs.log.last_error};
  if (out.detail.empty()) out.detail = info(writing.failure).text;
  return out;
}

Trouble unreadable(const StoreSigns& signs) {
  return {.problem = Problem::unreadable,
          .now = !signs.log.readable,
          .times = signs.log.readable ? 0U : 1U,
          .detail = signs.log.last_error};
}

Trouble disk_full(const StoreSigns& signs) {
  const bool met = signs.writing.failing && signs.writing.failure == Errc::disk_full;
  Trouble out{.problem = Problem::disk_full,
              .now = met || signs.space.refusing,
              .times = signs.space.times + signs.writing.full,
              .detail = signs.space.why.value_or("")};
  if (!signs.space.refusing) out.detail = signs.log.last_error;
  if (out.detail.empty()) out.detail = info(Errc::disk_full).text;
  return out;
}

Trouble engine_error(const StoreSigns& signs) {
  return {.problem = Problem::engine_error,
          .now = signs.log.failed && !signs.writing.failing,
          .times = signs.log.errors,
          .detail = signs.log.last_error};
}

Trouble damaged(const StoreSigns& signs) {
  const auto& damage = signs.damage;
  return {.problem = Problem::damaged,
          .now = damage.topics > 0,
          .times = damage.times,
          .detail = std::to_string(damage.events) + " events of " + std::to_string(damage.topics) +
                    " topics can't be read"};
}

Trouble clock_jumped(const StoreSigns& signs) {
  const auto& clock = signs.clock;
  const bool lately = clock.since && *clock.since < kJumpTold;
  std::string detail = "the clock went " +
                       seconds_text(milliseconds(std::abs(clock.last.count()))) +
                       (clock.last < milliseconds(0) ? " back" : " forward");
  if (clock.behind >= SteadyWallClock::kJump)
    detail += "; what expires goes by a time " + seconds_text(clock.behind) + " behind it";
  return {.problem = Problem::clock_jumped,
          .now = lately || clock.behind >= SteadyWallClock::kJump,
          .times = clock.forward + clock.back,
          .detail = std::move(detail)};
}

Trouble started(Problem problem, bool is, std::string_view detail) {
  return {.problem = problem, .now = is, .times = is ? 1U : 0U, .detail = std::string(detail)};
}

}  // namespace

const std::array<ProblemInfo, kProblems>& problems() {
  static constexpr std::array<ProblemInfo, kProblems> kTable{
      ProblemInfo{Problem::recovering, "recovering", true},
      ProblemInfo{Problem::unreadable, "unreadable", true},
      ProblemInfo{Problem::disk_full, "disk_full", false},
      ProblemInfo{Problem::engine_error, "engine_error", false},
      ProblemInfo{Problem::damaged, "damaged", false},
      ProblemInfo{Problem::clock_jumped, "clock_jumped", false},
      ProblemInfo{Problem::data_lost, "data_lost", false},
      ProblemInfo{Problem::backup_restored, "backup_restored", false}};
  return kTable;
}

Troubles troubles_of(const StoreSigns& signs) {
  return {recovering(signs),
          unreadable(signs),
          disk_full(signs),
          engine_error(signs),
          damaged(signs),
          clock_jumped(signs),
          started(Problem::data_lost, signs.log.start == StartKind::accepted_loss,
                  "a loss of data was accepted at this start; every topic opens a new epoch"),
          started(Problem::backup_restored, signs.log.start == StartKind::backup,
                  "this start was on a backup; every topic opens a new epoch")};
}

}  // namespace tidemark::storage
