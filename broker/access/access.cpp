// The rules of now behind a lock, the keys beside them, and a cache in front.
// broker/access/: see access.hpp.
#include "broker/access/access.hpp"

#include <mutex>
#include <utility>

#include "broker/access/access_plan.hpp"
#include "broker/access/credential_cache.hpp"
#include "broker/access/key_sets.hpp"
#include "broker/access/token_verifier.hpp"

namespace tidemark::broker {
namespace {

using Kind = Provenance::Kind;
using Done = std::function<void(AuthOutcome)>;

/// What decisions are made by; one generation of it.
struct State {
  std::shared_ptr<const AccessPlan> plan;  // shared by the generations that differ in keys only
  KeyRing ring;
  std::uint64_t generation = 0;
};

Timestamp time_of_day() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

AccessSources completed(AccessSources sources) {
  if (!sources.now) sources.now = time_of_day;
  if (!sources.steady) sources.steady = std::chrono::steady_clock::now;
  if (!sources.fetch) {
    sources.fetch = [](const FetchRequest&) -> Fetched {
      return FetchFailure{"nothing here can fetch"};
    };
  }
  return sources;
}

}  // namespace

class Access::Impl {
 public:
  Impl(AccessPlan plan, AccessSources sources)
      : sources_(completed(std::move(sources))), sets_(sources_, [this] { keys_changed(); }) {
    install(std::move(plan));
  }

  [[nodiscard]] std::shared_ptr<const State> state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  void install(AccessPlan plan) {
    for (const auto& text : plan.warnings) {
      if (sources_.note) sources_.note("key_warning", text);
    }
    const std::lock_guard lock(mutex_);
    sets_.replace(plan.key_sets, plan.rules->private_key_urls);
    rebuild(std::make_shared<const AccessPlan>(std::move(plan)), true);
  }

  void authenticate(std::string_view credential, Done done);
  std::shared_ptr<const Identity> renew(const std::shared_ptr<const Identity>& identity) const;

 private:
  void keys_changed() {
    const std::lock_guard lock(mutex_);
    rebuild(state_->plan, false);
  }

  /// Pre: mutex_ is held.
  void rebuild(std::shared_ptr<const AccessPlan> plan, bool other_rules) {
    std::vector<TrustedKey> keys;
    for (const auto& key : plan->token_keys) keys.push_back({key, {}});
    for (auto& key : sets_.keys()) keys.push_back(std::move(key));
    auto next = std::make_shared<State>();
    next->plan = std::move(plan);
    next->ring = KeyRing(std::move(keys));
    // Keys that came take nothing from anyone; keys that went do.
    const bool takes = other_rules || !next->ring.covers(state_->ring);
    next->generation = (state_ == nullptr ? 0 : state_->generation) + (takes ? 1 : 0);
    state_ = std::move(next);
  }

  void token(std::string_view text, const Sha256& digest, Done done);
  Verified verified(std::string_view text, const Sha256& digest, const State& by);

  const AccessSources sources_;
  CredentialCache cache_;
  mutable std::mutex mutex_;  // before the one of sets_
  std::shared_ptr<const State> state_;
  KeySets sets_;  // last: its thread calls keys_changed and what waits
};

void Access::Impl::authenticate(std::string_view credential, Done done) {
  const auto now = state();
  const auto& rules = *now->plan->rules;
  if (!rules.configured()) return done(now->plan->anonymous);
  if (credential.empty()) return done(AccessRefusal{Errc::unauthorized, "it is empty"});
  if (credential.size() > rules.token_bytes) {
    return done(AccessRefusal{Errc::unauthorized, "it is longer than token-bytes allows"});
  }
  const auto digest = sha256(credential);
  if (is_api_key(credential)) {
    if (auto identity = now->plan->api_keys.find(digest)) return done(std::move(identity));
    return done(AccessRefusal{Errc::unauthorized, "there is no such API key"});
  }
  if (auto known = cache_.find(digest, now->generation, sources_.now())) {
    return done(std::move(known));
  }
  token(credential, digest, std::move(done));
}

Verified Access::Impl::verified(std::string_view text, const Sha256& digest, const State& by) {
  if (text.size() > by.plan->rules->token_bytes) {
    return AccessRefusal{Errc::unauthorized, "it is longer than token-bytes allows"};
  }
  auto out = verify_token(text, by.ring, *by.plan, sources_.now());
  if (const auto* identity = std::get_if<std::shared_ptr<const Identity>>(&out)) {
    cache_.put(digest, by.generation, *identity);
  }
  return out;
}

void Access::Impl::token(std::string_view text, const Sha256& digest, Done done) {
  const auto answer = [](Verified result, const Done& to) {
    if (auto* identity = std::get_if<std::shared_ptr<const Identity>>(&result)) {
      return to(std::move(*identity));
    }
    if (auto* unknown = std::get_if<UnknownKey>(&result)) {
      return to(AccessRefusal{Errc::unauthorized, std::move(unknown->why)});
    }
    to(std::get<AccessRefusal>(std::move(result)));
  };
  const auto used = state();
  auto result = verified(text, digest, *used);
  if (!std::holds_alternative<UnknownKey>(result)) return answer(std::move(result), done);
  // Shared, since a std::function has to be copyable and `done` is also needed if nobody waits.
  const auto shared = std::make_shared<Done>(std::move(done));
  const bool waits = sets_.demand([this, kept = std::string(text), digest, shared, answer] {
    answer(verified(kept, digest, *state()), *shared);
  });
  if (waits) return;
  // The keys it needs may have come since it was looked at, so that there is nothing to wait for.
  if (const auto now = state(); now != used) result = verified(text, digest, *now);
  answer(std::move(result), *shared);
}

std::shared_ptr<const Identity> Access::Impl::renew(
    const std::shared_ptr<const Identity>& identity) const {
  const auto now = state();
  const auto& plan = *now->plan;
  if (!plan.rules->configured()) return plan.anonymous;
  switch (identity->provenance().kind) {
    case Kind::api_key:
      return plan.api_keys.find(identity->provenance().key);
    case Kind::token:
      return still_good(*identity, now->ring, plan, sources_.now()) ? identity : nullptr;
    case Kind::unrestricted:
    case Kind::anonymous:
      break;
  }
  return plan.anonymous;
}

Access::Access(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Access::~Access() = default;

Access::Made Access::make(AccessRules rules, AccessSources sources) {
  auto planned = plan_access(std::move(rules));
  if (auto* faults = std::get_if<std::vector<AccessFault>>(&planned)) return std::move(*faults);
  auto impl = std::make_unique<Impl>(std::get<AccessPlan>(std::move(planned)), std::move(sources));
  return std::shared_ptr<Access>(new Access(std::move(impl)));
}

std::shared_ptr<const Identity> Access::anonymous() const {
  return impl_->state()->plan->anonymous;
}

void Access::authenticate(std::string_view credential, Done done) {
  impl_->authenticate(credential, std::move(done));
}

std::shared_ptr<const Identity> Access::renew(
    const std::shared_ptr<const Identity>& identity) const {
  return impl_->renew(identity);
}

std::uint64_t Access::generation() const { return impl_->state()->generation; }

std::vector<AccessFault> Access::replace(AccessRules rules) {
  auto planned = plan_access(std::move(rules));
  if (auto* faults = std::get_if<std::vector<AccessFault>>(&planned)) return std::move(*faults);
  impl_->install(std::get<AccessPlan>(std::move(planned)));
  return {};
}

std::shared_ptr<const AccessRules> Access::rules() const { return impl_->state()->plan->rules; }

std::vector<AccessFault> check_access(const AccessRules& rules) {
  auto planned = plan_access(rules);
  if (auto* faults = std::get_if<std::vector<AccessFault>>(&planned)) return std::move(*faults);
  return {};
}

}  // namespace tidemark::broker
