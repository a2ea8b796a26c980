// How many topics there are of each pattern that has a limit.
// storage/: the committer's own; it counts what each group adds and removes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log.hpp"
#include "storage/store_limits.hpp"

namespace tidemark::storage {

/// The log is counted through when somebody first needs to know, which takes about a second for a
/// million topics; from then on the counts follow. Threads: the committer's.
class TopicQuotas {
 public:
  TopicQuotas(Log& log, std::vector<TopicQuota> quotas);
  /// Other quotas from now on.
  void set(std::vector<TopicQuota> quotas);

  /// Why there may be no topic of this name; nullopt: there may. Errors: of reading the log.
  [[nodiscard]] Result<std::optional<std::string>> refusal(const TopicName& name);

  /// The group under construction adds or removes a topic.
  void add(std::string_view name) { change(name, 1); }
  void remove(std::string_view name) { change(name, -1); }
  /// The group has been written, or has not been and never will be.
  void settle(bool written);
  /// Nothing is known any more: a group may be in the log or not.
  void forget();

 private:
  struct Counted {
    TopicQuota quota;
    std::int64_t there = 0;    ///< written
    std::int64_t pending = 0;  ///< what the group adds
  };
  void change(std::string_view name, std::int64_t by);
  Result<void> count();

  Log& log_;
  std::vector<Counted> counted_;
  bool known_ = false;
};

}  // namespace tidemark::storage
