// An application with a database that it changes and publishes, and what its clients make of it.
// tests/e2e/: the model that state_race_test holds every source of a state against.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"

struct sqlite3;

namespace tidemark::test {

/// The items by key, their values as JSON.
using Items = std::map<std::string, std::string>;

/// The item that is written last of all: who has it has everything.
inline constexpr const char* kEndKey = "end";

[[nodiscard]] std::string as_json(const Items& items);
/// Throws if it is none.
[[nodiscard]] Items items_in(std::string_view json);

/// SQLite in a file. Threads: any; each reader has a connection of its own.
class ModelDatabase {
 public:
  explicit ModelDatabase(std::filesystem::path file);

  /// In a transaction; durable enough for a test. nullopt: removes it.
  void set(const std::string& key, const std::optional<std::string>& value);
  /// One consistent state.
  [[nodiscard]] Items read() const { return read_slowly(std::chrono::milliseconds(0)); }
  /// Likewise; as of its beginning, and only there after `delay`.
  [[nodiscard]] Items read_slowly(std::chrono::milliseconds delay) const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  using Connection = std::unique_ptr<sqlite3, Close>;
  [[nodiscard]] Connection open() const;

  const std::filesystem::path file_;
  std::mutex mutex_;  ///< of the writer's connection
  Connection writer_;
};

/// What one client has, made of states and events as PROTOCOL.md says. Threads: one at a time.
class Replica {
 public:
  /// Joins as a newcomer: what it had is void, and a state has to come first.
  void forget();
  void state(const State& part);
  void bundle(std::string_view json, Offset as_of);
  void event(Offset offset, std::string_view key, std::string_view data);
  /// A state may be of later than it says; then events repeat changes it has, older ones first, and
  /// what is here is that of no moment until they have all come.
  void caught_up() { caught_up_ = true; }
  /// Told of a gap: what it had is void until a state comes.
  void gap() { next_.reset(); }

  /// It may go on after the last position it was given; else only as a newcomer.
  [[nodiscard]] bool whole() const { return next_.has_value() && !arriving_; }
  /// The last event it has. Pre: whole().
  [[nodiscard]] Offset last() const { return {next_->value - 1}; }
  [[nodiscard]] bool complete() const { return whole() && caught_up_ && items_.contains(kEndKey); }
  [[nodiscard]] const Items& items() const { return items_; }
  /// What came that should not have come; empty: all was well.
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] std::size_t states() const { return states_; }
  [[nodiscard]] std::size_t events() const { return events_; }

 private:
  void fault(std::string what);
  void replace(Items items, Offset as_of);

  Items items_;
  std::optional<Items> arriving_;  ///< a state of which the last part has not come
  std::optional<Offset> next_;     ///< the only event that may come; none: a state has to
  bool caught_up_ = false;         ///< since the last state
  std::size_t states_ = 0;
  std::size_t events_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace tidemark::test
