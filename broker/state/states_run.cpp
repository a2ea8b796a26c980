// The sources of states: each run takes a position, asks its source, and sees whether what it got
// still stands.
// broker/state/: see states_impl.hpp.
#include <utility>

#include "broker/state/states_impl.hpp"

namespace tidemark::broker {
namespace {

/// After that retention is faster than the source.
constexpr unsigned kMostRuns = 3;
/// Readers of keys open at a time, of those the store allows; who wants another waits.
constexpr std::size_t kMostOpenKeys = 128;

}  // namespace

void States::Impl::begin(const Run& run) {
  // Before the source is asked: a position covers whatever happens while it works.
  run->taken = run->topic->end().tail;
  run->hold = storage::Topic::hold(run->topic, run->taken.offset, std::chrono::steady_clock::now());
  run->since = clock_();
  ++run->runs;
  switch (run->origin) {
    case StateOrigin::hook:
      return ask_hook(run);
    case StateOrigin::callback:
    case StateOrigin::stored:
      return call_source(run);
    case StateOrigin::keys:
      if (auto place = take_place(run)) open_keys(run, std::move(place));
      return;
  }
}

void States::Impl::begin_again(const Run& run) {
  if (run->runs >= kMostRuns) {
    return fail(run, {Errc::state_failed, "events after its position were gone " +
                                              std::to_string(kMostRuns) +
                                              " times by the time it was ready"});
  }
  {
    const std::lock_guard lock(mutex_);
    ++counted_.outrun;
  }
  begin(run);
}

// ---- bundles ----

void States::Impl::ask_hook(const Run& run) {
  const auto most = run->rules->max_bytes;
  auto call = hook_call(*run->rule, run->topic->name(), run->taken, run->who, most);
  if (const auto* const failure = std::get_if<SourceFailure>(&call)) return fail(run, *failure);
  // Not to be kept alive by what it owns.
  const auto id = hooks_.start(std::get<HookCall>(std::move(call)),
                               [weak = weak_from_this(), run, most](HookOutcome outcome) {
                                 const auto self = weak.lock();
                                 if (self) self->finish(run, bundle_of(std::move(outcome), most));
                               });
  bool nobody_waits = false;
  {
    const std::lock_guard lock(mutex_);
    run->hook_call = id;
    nobody_waits = run->over;
  }
  if (nobody_waits) hooks_.cancel(id);
}

void States::Impl::call_source(const Run& run) {
  const auto outcome = std::make_shared<SourceOutcome>(SourceFailure{});
  run->home->run_blocking(
      [self = shared_from_this(), run, outcome] {
        *outcome =
            run->origin == StateOrigin::callback
                ? call_back(*run->rule, run->topic->name(), run->taken, run->rules->max_bytes)
                : stored_bundle(self->store_, *run->topic);
      },
      [self = shared_from_this(), run, outcome] { self->finish(run, std::move(*outcome)); });
}

void States::Impl::finish(const Run& run, SourceOutcome outcome) {
  if (const auto* const failure = std::get_if<SourceFailure>(&outcome)) return fail(run, *failure);
  auto& bundle = std::get<SourceBundle>(outcome);
  const auto position = settle_position(*run->topic, bundle.reflects, run->taken);
  if (!position) {
    return fail(run, {Errc::state_failed, "it claims to reflect events that are yet to come"});
  }
  if (!stands(run, *position)) return;
  const auto bytes = bundle.data.size();
  State message{.topic = run->topic->name().str(),
                .position = *position,
                .content_type = std::move(bundle.content_type),
                .bundle = std::move(bundle.data)};
  settle(run, *position,
         {std::make_shared<const StatePart>(std::move(message), run->topic->payload())}, bytes);
}

bool States::Impl::stands(const Run& run, Position position) {
  // The hold before the look: what is seen stays so. It replaces the one on the position that was
  // taken, which may be a later one.
  run->hold = storage::Topic::hold(run->topic, position.offset, std::chrono::steady_clock::now());
  const auto found = store_.read(*run->topic, position);
  if (found.state == storage::ReadAnswer::State::deleted) {
    fail(run, {Errc::topic_deleted, {}});
    return false;
  }
  if (found.state != storage::ReadAnswer::State::gap) return true;
  const bool of_another_history =
      found.gap.cause == GapCause::epoch || found.gap.cause == GapCause::ahead;
  const bool claimed = run->origin != StateOrigin::keys && position != run->taken;
  if (of_another_history && claimed) {
    fail(run, {Errc::state_failed, "its position is of a history that is not the topic's"});
  } else {
    begin_again(run);
  }
  return false;
}

void States::Impl::settle(const Run& run, Position position, StateParts parts, std::size_t bytes) {
  if (!make_room(bytes)) {
    return fail(run,
                {Errc::overloaded, "there is no room for another state (state-limits.shared)"});
  }
  deliver(run, std::make_shared<MadeState>(position, std::move(parts), bytes, bytes_));
}

// ---- keys ----

void States::Impl::open_keys(const Run& run, std::shared_ptr<void> place) {
  auto request = std::make_unique<OpenKeysRequest>(
      run->topic->name(),
      [self = shared_from_this(), run, place = std::move(place)](OpenKeysRequest& answered) {
        self->read_ahead(run, answered, place);
      });
  request->observer = run->home;
  std::unique_ptr<storage::Request> base = std::move(request);
  if (const auto submitted = store_.submit(base); !submitted) fail(run, {submitted.errc(), {}});
}

void States::Impl::read_ahead(const Run& run, OpenKeysRequest& request,
                              std::shared_ptr<void> place) {
  if (request.error) return fail(run, {*request.error, request.error_text});
  const auto keys =
      std::make_shared<OpenKeys>(run->topic, std::move(request.reader), std::move(place), clock_());
  const auto pages = std::make_shared<Result<OpenKeys::Pages>>(Errc::cancelled);
  // What all may share is looked at as far as sharing goes.
  const std::size_t bytes = run->shared ? kSmallKeysBytes : 1;
  run->home->run_blocking([keys, pages, bytes] { *pages = keys->read(bytes); },
                          [self = shared_from_this(), run, keys, pages] {
                            if (!*pages) {
                              return self->fail(run, {pages->errc(), "its keys can't be read"});
                            }
                            self->finish_keys(run, keys, std::move(**pages));
                          });
}

void States::Impl::finish_keys(const Run& run, std::shared_ptr<OpenKeys> keys,
                               OpenKeys::Pages pages) {
  const auto position = keys->position();
  if (!stands(run, position)) return;
  if (!pages.last) return hand_over(run, std::move(keys), std::move(pages));
  settle(run, position, StateParts(pages.parts.begin(), pages.parts.end()), pages.bytes);
}

/// Too large to be kept: the first who waits goes on with this reader, each of the others has its
/// own.
void States::Impl::hand_over(const Run& run, std::shared_ptr<OpenKeys> keys,
                             OpenKeys::Pages pages) {
  const auto waiting = take_off_books(run, nullptr);
  if (waiting.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    ++counted_.made;
  }
  hand_first(
      waiting.front(),
      {.keys = std::move(keys), .ready = std::move(pages.parts), .hold = std::move(run->hold)});
  for (std::size_t i = 1; i < waiting.size(); ++i) begin_alone(*run, waiting[i]);
}

void States::Impl::hand_first(const Waiting& waiting, KeysBegun begun) {
  waiting.link->post(
      [self = shared_from_this(), waiting, begun = std::make_shared<KeysBegun>(std::move(begun))] {
        const auto asked = waiting.asked.lock();
        if (asked) asked->answer(reading_of(*waiting.shard, std::move(*begun), self->clock_));
      });
}

void States::Impl::begin_alone(const StateRun& like, const Waiting& waiting) {
  const auto run = std::make_shared<StateRun>();
  run->key = like.key;
  run->origin = like.origin;
  run->shared = false;
  run->topic = like.topic;
  run->rules = like.rules;
  run->home = waiting.shard;
  run->home_link = waiting.link;
  waiting.link->post([self = shared_from_this(), run, waiting] {
    const auto asked = waiting.asked.lock();
    if (asked && self->enter(run, *asked, waiting)) self->begin(run);
  });
}

/// Puts a run on the books that is one waiter's alone. False: it has been refused.
bool States::Impl::enter(const Run& run, StateAsked& asked, const Waiting& waiting) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      const auto number = ++last_number_;
      ++waiting_;
      run->waiting.emplace(number, waiting);
      asked.wait_in(run, number);
      runs_.insert(run);
      return true;
    }
  }
  refuse(waiting, Errc::shutting_down);
  return false;
}

// ---- places of readers ----

std::shared_ptr<void> States::Impl::take_place(const Run& run) {
  {
    const std::lock_guard lock(mutex_);
    if (places_taken_ >= kMostOpenKeys) {
      if (!run->over) for_a_place_.push_back(run);
      return nullptr;
    }
    ++places_taken_;
  }
  return new_place();
}

std::shared_ptr<void> States::Impl::new_place() {
  // A pointer to something, or the place would look like none.
  return {static_cast<void*>(this), [weak = weak_from_this()](void*) {
            if (const auto self = weak.lock()) self->give_place_back();
          }};
}

void States::Impl::give_place_back() {
  std::vector<Run> over;  // let go after the lock
  Run next;
  {
    const std::lock_guard lock(mutex_);
    while (!for_a_place_.empty() && !next) {
      auto run = std::move(for_a_place_.front());
      for_a_place_.pop_front();
      (run->over ? over.emplace_back() : next) = std::move(run);
    }
    if (!next) --places_taken_;
  }
  if (!next) return;
  next->home_link->post(
      [self = shared_from_this(), next, place = new_place()] { self->open_keys(next, place); });
}

}  // namespace tidemark::broker
