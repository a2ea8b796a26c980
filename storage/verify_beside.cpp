// What lies beside the events: producers, states and cursors, against the log.
// storage/: steps of a verification; see verify_steps.hpp. Keys have a unit of their own.
#include <algorithm>
#include <functional>
#include <utility>

#include "storage/checked_value.hpp"
#include "storage/key_codec.hpp"
#include "storage/lineage.hpp"
#include "storage/producers.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

constexpr std::size_t kIdBytes = 8;

void tell(VerifyRun& run, Finding::Weight weight, const KnownTopic& topic, std::string what) {
  run.findings.add({.weight = weight,
                    .topic = topic.name,
                    .offsets = {},
                    .what = std::move(what),
                    .where = {},
                    .around = {}});
}

/// One family, entry by entry. `names`: what it holds, for people.
struct Beside {
  Family family;
  std::string_view names;
  std::function<void(KnownTopic& topic, std::string_view key, std::string_view value)> check;
};

void tell_unread(VerifyRun& run, const Beside& beside, const ScanDamage& damage) {
  const auto words = words_of(damage.what);
  const auto topic_of = [&](std::string_view key) {
    return key.size() < kIdBytes ? nullptr : run.topics.find({load_be64(key)});
  };
  const auto* const after = topic_of(damage.after);
  const auto* const before = topic_of(damage.before);
  const auto name = [](const KnownTopic* topic, std::string_view key) {
    return quoted_bytes(key.substr(kIdBytes)) + " of " + topic->name;
  };
  std::string around;
  if (after != nullptr) around += "up to " + name(after, damage.after);
  if (before != nullptr)
    around += (around.empty() ? "from " : " and from ") + name(before, damage.before) + " on";
  run.findings.add({.weight = Finding::Weight::damage,
                    .topic = after != nullptr && after == before ? after->name : "",
                    .offsets = {},
                    .what = std::string(beside.names) + " can't be read: " + words.what,
                    .where = words.where,
                    .around = around.empty() ? "" : "they can be read " + around});
}

void check_beside(VerifyRun& run, const KeysOf& keys, const Beside& beside) {
  run.each(
      beside.family, keys.begin, keys.end,
      [&](std::string_view key, std::string_view value) {
        auto* const topic = key.size() < kIdBytes ? nullptr : run.topics.find({load_be64(key)});
        if (topic == nullptr) {
          run.report.unclaimed_bytes += value.size();
          return true;
        }
        run.at = topic->name;
        beside.check(*topic, key, value);
        return true;
      },
      [&](const ScanDamage& damage) { tell_unread(run, beside, damage); });
  run.at = {};
}

/// Behind the offsets of a run; kMaxInteger + 1 if they do not fit.
std::uint64_t end_of(const ProducerState::Run& run) {
  constexpr std::uint64_t kTooFar = kMaxInteger + 1;
  if (run.first.value > kMaxInteger || run.events > kMaxInteger || run.requests > kMaxInteger)
    return kTooFar;
  if (run.events != 0 && run.requests > (kTooFar - run.first.value) / run.events) return kTooFar;
  return run.first.value + run.requests * run.events;
}

/// What is wrong with what is remembered of a producer; empty: nothing.
std::string fault_of(const KnownTopic& topic, const ProducerState& state) {
  if (state.runs.size() > kMaxProducerRuns) return "has more runs than are remembered";
  const ProducerState::Run* before = nullptr;
  for (const auto& run : state.runs) {
    if (run.requests == 0 || run.first.value == 0) return "has a run of nothing";
    if (before != nullptr &&
        (run.first.value < end_of(*before) || run.sequence < before->sequence + before->requests))
      return "has runs that overlap";
    before = &run;
  }
  if (before == nullptr) return {};
  if (before->sequence + before->requests - 1 != state.last_sequence)
    return "does not end with its last sequence";
  if (!topic.events_damaged && end_of(*before) > topic.head.value + 1)
    return "claims events behind the end of the log";
  return {};
}

/// A position that claims what the log has not: its owner is told when it comes back.
void judge_position(VerifyRun& run, const KnownTopic& topic, Position position,
                    const std::string& whose) {
  const Offset head = topic.events_damaged ? Offset{kMaxInteger} : topic.head;
  const auto checked = check_position(topic.lineage, head, position);
  if (checked) return;
  const std::string at = "event " + std::to_string(position.offset.value) + " of epoch " +
                         std::to_string(position.epoch.value);
  tell(run, Finding::Weight::note, topic,
       whose + " is at " + at +
           (checked.errc() == Errc::position_ahead ? ", behind the end of the log"
                                                   : ", which the log does not have"));
}

}  // namespace

void check_producers(VerifyRun& run, const KeysOf& keys) {
  check_beside(run, keys,
               {.family = Family::producers,
                .names = "producers",
                .check = [&](KnownTopic& topic, std::string_view key, std::string_view value) {
                  ++run.report.producers;
                  const auto state = decode_value<ProducerState>(value);
                  const std::string fault =
                      state ? fault_of(topic, *state) : undecodable(state.errc());
                  if (!fault.empty())
                    tell(run, Finding::Weight::damage, topic,
                         "what is remembered of producer " + quoted_bytes(key.substr(kIdBytes)) +
                             " " + fault);
                }});
}

void check_states(VerifyRun& run, const KeysOf& keys) {
  check_beside(run, keys,
               {.family = Family::states,
                .names = "stored states",
                .check = [&](KnownTopic& topic, std::string_view key, std::string_view value) {
                  ++run.report.states;
                  const auto state = decode_state(key, value);
                  if (state) return judge_position(run, topic, state->position, "its stored state");
                  tell(run, Finding::Weight::damage, topic,
                       "its stored state " + undecodable(state.errc()));
                }});
}

void check_cursors(VerifyRun& run, const KeysOf& keys) {
  check_beside(run, keys,
               {.family = Family::cursors,
                .names = "cursors",
                .check = [&](KnownTopic& topic, std::string_view key, std::string_view value) {
                  ++run.report.cursors;
                  const std::string whose = "cursor " + quoted_bytes(key.substr(kIdBytes));
                  const auto cursor = decode_cursor(key, value);
                  if (cursor) return judge_position(run, topic, cursor->position, whose);
                  tell(run, Finding::Weight::damage, topic,
                       whose + " " + undecodable(cursor.errc()));
                }});
}

}  // namespace tidemark::storage
