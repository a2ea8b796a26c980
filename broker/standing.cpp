// How a connection that lasts stands with access, as time goes on and the rules change.
// broker/: see standing.hpp.
#include "broker/standing.hpp"

#include <algorithm>
#include <utility>

namespace tidemark::broker {

using std::chrono::milliseconds;

Standing::Standing(const Access* access, Caller caller)
    : access_(access), caller_(std::move(caller)) {}

void Standing::replace(Caller caller) {
  caller_ = std::move(caller);
  seen_ = ~std::uint64_t{0};
  told_ = false;
  withdrawn_ = false;
}

Standing::Change Standing::look(Timestamp now) {
  if (access_ == nullptr || !caller_.identity()) return Change::none;
  const auto expires = caller_.expires();
  if (expires && *expires <= now) return Change::expired;
  if (const auto change = renew(); change != Change::none) return change;
  if (!expires || told_ || left(now) > notice_) return Change::none;
  told_ = true;
  return Change::notice;
}

Standing::Change Standing::renew() {
  if (withdrawn_) return Change::withdrawn;
  // Before the question: what changes after it is found by the next look.
  const auto generation = access_->generation();
  if (generation == seen_) return Change::none;
  seen_ = generation;
  notice_ = access_->rules()->expiry_notice;
  auto renewed = access_->renew(caller_.identity());
  if (!renewed) {
    withdrawn_ = true;
    return Change::withdrawn;
  }
  if (renewed == caller_.identity()) return Change::none;
  caller_ = Caller(std::move(renewed));
  return Change::rights;
}

milliseconds Standing::left(Timestamp now) const {
  const auto expires = caller_.expires();
  if (!expires) return milliseconds(0);
  return milliseconds(std::max<std::int64_t>(expires->ms - now.ms, 0));
}

}  // namespace tidemark::broker
