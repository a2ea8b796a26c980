// A topic's state for newcomers: who asks, and who is answered with what.
// broker/state/: see states.hpp; the sources are in states_run.cpp.
#include "broker/state/states.hpp"

#include <utility>

#include "broker/log/log.hpp"
#include "broker/state/states_impl.hpp"
#include "broker/topic_defaults.hpp"

namespace tidemark::broker {
namespace {

const StateRule* rule_for(const StateRules& rules, const TopicName& topic) {
  for (const auto& rule : rules.rules) {
    if (matches_topic(rule.pattern, topic.str())) return &rule;
  }
  return nullptr;
}

StateOrigin origin_of(const StateRule* rule, const storage::Topic& topic) {
  if (rule != nullptr) return rule->callback ? StateOrigin::callback : StateOrigin::hook;
  return topic.meta().settings.keep_latest ? StateOrigin::keys : StateOrigin::stored;
}

/// A client by all its source is told of it. No subject has a line end, and no claims begin with
/// one.
std::string name_of(const StateWanted& wanted) { return wanted.subject + "\n" + wanted.claims; }

/// How long, and how far, what a run has made is good for others.
KeptState kept_state(const StateRun& run, std::shared_ptr<MadeState> made) {
  KeptState out{.made = std::move(made), .origin = run.origin, .since = run.since};
  if (run.rule != nullptr) {
    out.max_age = run.rule->max_age;
    out.max_events = run.rule->max_events;
  } else {
    out.max_age = std::chrono::hours(24);  // keys: until something comes, whenever that is
  }
  return out;
}

/// What is stored can be replaced or removed at any time, and is read each time.
bool keepable(const StateRun& run) {
  return run.shared && run.key.who.empty() && run.origin != StateOrigin::stored;
}

}  // namespace

StateAsked::~StateAsked() {
  const auto run = run_.lock();
  const auto states = states_.lock();
  if (run && states) states->left(run, number_);
}

void StateAsked::answer(Result<std::unique_ptr<StateReading>> result) {
  const auto done = std::exchange(done_, nullptr);
  if (done) done(std::move(result));
}

States::Impl::Impl(storage::EventStore& store, StateRules rules, Clock clock)
    : store_(store),
      clock_(clock ? std::move(clock) : [] { return std::chrono::steady_clock::now(); }),
      hooks_(rules.requests),
      rules_(std::make_shared<const StateRules>(std::move(rules))) {}

std::shared_ptr<void> States::Impl::ask(Shard& shard, const std::shared_ptr<storage::Topic>& topic,
                                        const StateWanted& wanted, Done done) {
  const auto asked = std::make_shared<StateAsked>(weak_from_this(), topic, std::move(done));
  const Waiting waiting{.asked = asked, .shard = &shard, .link = shard.link()};
  Rules rules;
  {
    const std::lock_guard lock(mutex_);
    ++counted_.asked;
    rules = rules_;
  }
  auto run = run_for(topic, wanted, rules);
  run->home = &shard;
  run->home_link = shard.link();
  if (const auto kept = kept_for(*run); kept.made) {
    give(waiting, kept);
    return asked;
  }
  const auto joined = join(run, asked, waiting);
  if (!joined) {
    refuse(waiting, joined.errc());
  } else if (*joined == Joined::to_begin) {
    begin(run);
  }
  return asked;
}

States::Impl::Run States::Impl::run_for(const std::shared_ptr<storage::Topic>& topic,
                                        const StateWanted& wanted, const Rules& rules) const {
  auto run = std::make_shared<StateRun>();
  run->topic = topic;
  run->rules = rules;
  run->rule = rule_for(*rules, topic->name());
  run->origin = origin_of(run->rule, *topic);
  run->key.topic = topic->id();
  if (run->rule != nullptr && run->rule->per_client) {
    run->who = wanted;
    run->key.who = name_of(wanted);
  }
  return run;
}

/// Looked at again by whoever asks: it holds only as long as all that follows it is in the log.
States::Impl::Held States::Impl::kept_for(const StateRun& run) {
  if (!keepable(run)) return {};
  const auto now = clock_();
  std::optional<KeptState> kept;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return {};
    kept = kept_.find(run.topic->id(), now);
  }
  if (!kept) return {};
  auto held = kept->made->hold(run.topic);  // before the look, so that it stays true
  using Found = storage::ReadAnswer::State;
  const auto found = store_.read(*run.topic, kept->made->position()).state;
  const bool whole = found != Found::gap && found != Found::deleted;
  const std::lock_guard lock(mutex_);
  if (whole && kept->origin == run.origin && near_enough(*kept, run.topic->bounds().head)) {
    ++counted_.shared;
    return {std::move(kept->made), std::move(held)};
  }
  kept_.drop(run.topic->id(), kept->made.get());  // `kept` still holds it
  return {};
}

Result<States::Impl::Joined> States::Impl::join(Run& run, const std::shared_ptr<StateAsked>& asked,
                                                Waiting waiting) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return Errc::shutting_down;
  if (waiting_ >= rules_->waiting) return Errc::overloaded;
  auto& joinable = joinable_[run->key];
  // Rules and settings may have changed since it began.
  const bool begins = !joinable || joinable->origin != run->origin || joinable->rules != run->rules;
  if (begins) {
    joinable = run;
    runs_.insert(run);
  } else {
    run = joinable;
    ++counted_.shared;
  }
  const auto number = ++last_number_;
  ++waiting_;
  run->waiting.emplace(number, std::move(waiting));
  asked->wait_in(run, number);
  return begins ? Joined::to_begin : Joined::under_way;
}

void States::Impl::left(const Run& run, std::uint64_t number) {
  std::uint64_t call = 0;
  {
    const std::lock_guard lock(mutex_);
    if (run->waiting.erase(number) == 0) return;
    --waiting_;
    // What all may share is made to its end: others will come.
    if (!run->waiting.empty() || keepable(*run) || run->over) return;
    run->over = true;
    runs_.erase(run);
    if (const auto found = joinable_.find(run->key);
        found != joinable_.end() && found->second == run) {
      joinable_.erase(found);
    }
    call = run->hook_call;
  }
  if (call != 0) hooks_.cancel(call);
}

/// Held until it is read: what follows its position must not go on the way.
void States::Impl::give(const Waiting& waiting, const Held& state) {
  waiting.link->post([asked = waiting.asked, held = state]() mutable {
    const auto it = asked.lock();
    if (!it) return;
    auto reading = reading_of(std::move(held.made), it->topic());
    held.hold.reset();  // it has one of its own; with it goes the state, if nobody keeps that
    it->answer(std::move(reading));
  });
}

void States::Impl::refuse(const Waiting& waiting, Errc code) {
  waiting.link->post([asked = waiting.asked, code] {
    if (const auto it = asked.lock()) it->answer(code);
  });
}

/// Those who wait for it; what it has made is kept for those who come.
std::vector<StateWaiting> States::Impl::take_off_books(const Run& run, const Made& made) {
  std::vector<Waiting> waiting;
  std::vector<Made> gone;  // let go after the lock
  const std::lock_guard lock(mutex_);
  if (run->over) return waiting;
  run->over = true;
  for (auto& [number, each] : run->waiting) waiting.push_back(std::move(each));
  run->waiting.clear();
  waiting_ -= waiting.size();
  runs_.erase(run);
  if (const auto found = joinable_.find(run->key);
      found != joinable_.end() && found->second == run) {
    joinable_.erase(found);
  }
  if (made == nullptr) return waiting;
  ++counted_.made;
  if (keepable(*run) && run->rules == rules_ && !stopping_) {
    gone = kept_.keep(run->topic->id(), kept_state(*run, made));
  }
  return waiting;
}

void States::Impl::deliver(const Run& run, const Made& made) {
  const Held state{made, made->hold(run->topic)};
  for (const auto& waiting : take_off_books(run, made)) give(waiting, state);
}

void States::Impl::fail(const Run& run, const SourceFailure& failure) {
  const auto waiting = take_off_books(run, nullptr);
  {
    const std::lock_guard lock(mutex_);
    counted_.failed += waiting.size();
  }
  if (!failure.why.empty()) {
    log::event(log::Level::warn, "state_failed",
               {{"topic", run->topic->name().str()},
                {"code", info(failure.code).name},
                {"note", failure.why}});
  }
  for (const auto& each : waiting) refuse(each, failure.code);
}

bool States::Impl::make_room(std::size_t bytes) {
  for (;;) {
    Made oldest;  // let go after the lock
    const std::lock_guard lock(mutex_);
    if (*bytes_ + bytes <= rules_->shared_bytes) return true;
    oldest = kept_.take_oldest();
    if (!oldest) return false;
  }
}

void States::Impl::apply(StateRules rules) {
  auto next = std::make_shared<const StateRules>(std::move(rules));
  hooks_.allow(next->requests);
  KeptStates kept;  // what was kept, and in `next` its rules, are let go after the lock
  const std::lock_guard lock(mutex_);
  std::swap(rules_, next);
  std::swap(kept, kept_);
}

StateFigures States::Impl::figures() const {
  const auto hooks = hooks_.figures();
  const std::lock_guard lock(mutex_);
  auto out = counted_;
  out.hook_requests = hooks.requests;
  out.hook_failures = hooks.failures;
  out.running = runs_.size();
  out.waiting = waiting_;
  out.bytes = *bytes_;
  return out;
}

void States::Impl::stop() {
  KeptStates kept;
  std::unordered_set<Run> runs;
  std::deque<Run> for_a_place;
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    std::swap(kept, kept_);
    std::swap(runs, runs_);
    std::swap(for_a_place, for_a_place_);
    joinable_.clear();
    for (const auto& run : runs) {
      run->over = true;
      for (auto& [number, each] : run->waiting) waiting.push_back(std::move(each));
      run->waiting.clear();
    }
    waiting_ = 0;
    counted_.failed += waiting.size();
  }
  for (const auto& each : waiting) refuse(each, Errc::shutting_down);
  hooks_.stop();
}

States::States(storage::EventStore& store, StateRules rules, Clock clock)
    : impl_(std::make_shared<Impl>(store, std::move(rules), std::move(clock))) {}

States::~States() { stop(); }

std::shared_ptr<void> States::ask(Shard& shard, const std::shared_ptr<storage::Topic>& topic,
                                  const StateWanted& wanted, Done done) {
  return impl_->ask(shard, topic, wanted, std::move(done));
}

void States::apply(StateRules rules) { impl_->apply(std::move(rules)); }
StateFigures States::figures() const { return impl_->figures(); }
void States::stop() { impl_->stop(); }

}  // namespace tidemark::broker
