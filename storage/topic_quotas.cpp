// How many topics there are of each pattern that has a limit: see topic_quotas.hpp.
// storage/: what is written and what a group adds are kept apart until it is written.
#include "storage/topic_quotas.hpp"

#include <utility>

namespace tidemark::storage {

TopicQuotas::TopicQuotas(Log& log, std::vector<TopicQuota> quotas) : log_(log) {
  set(std::move(quotas));
}

void TopicQuotas::set(std::vector<TopicQuota> quotas) {
  counted_.clear();
  for (auto& quota : quotas) counted_.push_back({.quota = std::move(quota)});
  known_ = false;
}

Result<std::optional<std::string>> TopicQuotas::refusal(const TopicName& name) {
  std::optional<std::string> why;
  if (counted_.empty()) return why;
  if (!known_) {
    if (auto counted = count(); !counted) return counted.error();
  }
  for (const Counted& each : counted_) {
    if (!each.quota.fits(name.str())) continue;
    if (each.there + each.pending < static_cast<std::int64_t>(each.quota.topics)) continue;
    why = "there may be " + std::to_string(each.quota.topics) + " topics of " + each.quota.pattern;
    break;
  }
  return why;
}

void TopicQuotas::change(std::string_view name, std::int64_t by) {
  for (Counted& each : counted_) {
    if (each.quota.fits(name)) each.pending += by;
  }
}

void TopicQuotas::settle(bool written) {
  for (Counted& each : counted_) {
    const auto pending = std::exchange(each.pending, 0);
    if (written) each.there += pending;
  }
}

void TopicQuotas::forget() {
  known_ = false;
  settle(false);
}

/// By name, since that is the order of the log: only what begins as the pattern does.
Result<void> TopicQuotas::count() {
  for (Counted& each : counted_) {
    each.there = 0;
    const auto prefix = each.quota.pattern.substr(0, each.quota.pattern.find('*'));
    const auto visit = [&](const TopicMeta& meta) {
      const bool of_prefix = meta.name.starts_with(prefix);
      if (of_prefix && each.quota.fits(meta.name)) ++each.there;
      return of_prefix || meta.name < prefix;
    };
    // Names after `prefix` without its last character begin no later than those with it.
    const auto after = prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1);
    if (auto listed = log_.list(after, visit); !listed) return listed;
  }
  known_ = true;
  return ok();
}

}  // namespace tidemark::storage
