// The thread that loads what is due, and then calls those who wait.
// broker/access/: see key_sets.hpp.
#include "broker/access/key_sets.hpp"

#include <algorithm>
#include <utility>

#include "broker/access/key_file.hpp"

namespace tidemark::broker {
namespace {

constexpr std::chrono::seconds kRetry{60};

struct Loaded {
  std::variant<std::vector<VerifyKey>, KeyFault> keys;
  std::vector<std::string> skipped;
};

std::variant<std::string, KeyFault> document_of(const KeySetRule& rule, bool private_addresses,
                                                const AccessSources& sources,
                                                const std::stop_token& stop) {
  if (rule.url.empty()) {
    auto file = read_key_file(rule.file);
    if (auto* fault = std::get_if<KeyFault>(&file)) return std::move(*fault);
    return std::move(std::get<KeyFile>(file).bytes);
  }
  auto fetched = sources.fetch({rule.url, private_addresses, stop});
  if (auto* failure = std::get_if<FetchFailure>(&fetched)) return KeyFault{failure->text};
  return std::get<std::string>(std::move(fetched));
}

Loaded loaded(const KeySetRule& rule, bool private_addresses, const AccessSources& sources,
              const std::stop_token& stop) {
  auto document = document_of(rule, private_addresses, sources, stop);
  if (auto* fault = std::get_if<KeyFault>(&document)) return {std::move(*fault), {}};
  Loaded out{KeyFault{}, {}};
  out.keys = verify_keys_of_set(std::get<std::string>(document), rule.url.empty(), out.skipped);
  return out;
}

std::string name_of(const KeySetRule& rule) {
  // Without its query, which may hold what is not for logs.
  return rule.url.empty() ? rule.file.string() : rule.url.substr(0, rule.url.find_first_of("?#"));
}

bool same_keys(const std::vector<VerifyKey>& a, const std::vector<VerifyKey>& b) {
  return std::ranges::equal(a, b, [](const VerifyKey& one, const VerifyKey& other) {
    return one.id() == other.id() && one.thumbprint() == other.thumbprint();
  });
}

}  // namespace

KeySets::KeySets(AccessSources sources, std::function<void()> changed)
    : sources_(std::move(sources)),
      changed_(std::move(changed)),
      random_(std::random_device{}()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

KeySets::~KeySets() {
  thread_.request_stop();
  thread_.join();
}

void KeySets::note(std::string_view name, const std::string& text) const {
  if (sources_.note) sources_.note(name, text);
}

// Not all brokers of a fleet at the same moment.
KeySets::Clock::duration KeySets::jittered(Clock::duration period) {
  std::uniform_real_distribution<double> factor(0.9, 1.1);
  return std::chrono::duration_cast<Clock::duration>(period * factor(random_));
}

void KeySets::replace(const std::vector<PlannedSet>& sets, bool private_addresses) {
  const std::lock_guard lock(mutex_);
  std::vector<Set> next;
  for (const auto& planned : sets) {
    Set set;
    set.number = next_number_++;
    set.rule = planned.rule;
    set.private_addresses = private_addresses;
    set.keys = planned.keys;
    set.due = sources_.steady();
    if (!planned.rule.file.empty()) set.due += jittered(planned.rule.refresh);
    const auto before = std::ranges::find_if(sets_, [&](const Set& old) {
      return !old.rule.url.empty() && old.rule == planned.rule &&
             old.private_addresses == private_addresses;
    });
    if (before != sets_.end()) set = std::move(*before);
    next.push_back(std::move(set));
  }
  sets_ = std::move(next);
  woken_ = true;
  wake_.notify_all();
}

std::vector<TrustedKey> KeySets::keys() const {
  const std::lock_guard lock(mutex_);
  std::vector<TrustedKey> out;
  for (const auto& set : sets_) {
    for (const auto& key : set.keys) out.push_back({key, set.rule.issuer});
  }
  return out;
}

bool KeySets::demand(std::function<void()> then) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= most_waiting || thread_.get_stop_token().stop_requested()) return false;
  const auto now = sources_.steady();
  bool coming = false;
  for (auto& set : sets_) {
    // One under way may have been answered before the key was there: if it is time, another
    // follows.
    if (!set.tried || now - *set.tried >= least_between_demands) {
      set.demanded = true;
      coming = true;
    } else if (loading_ == set.number) {
      coming = true;
    }
  }
  if (!coming) return false;
  waiting_.push_back(std::move(then));
  woken_ = true;
  wake_.notify_all();
  return true;
}

void KeySets::look() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

KeySets::Set* KeySets::due_set() {
  const auto now = sources_.steady();
  const auto due =
      std::ranges::find_if(sets_, [&](const Set& set) { return set.demanded || now >= set.due; });
  return due == sets_.end() ? nullptr : &*due;
}

void KeySets::run(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (auto* set = due_set()) {
      load(lock, *set, stop);
    } else if (!waiting_.empty()) {
      call_waiting(lock);
    } else {
      wait(lock, stop);
    }
  }
  call_waiting(lock);
}

void KeySets::load(Lock& lock, Set& set, const std::stop_token& stop) {
  set.demanded = false;
  set.tried = sources_.steady();
  const auto number = set.number;
  const auto rule = set.rule;
  const bool private_addresses = set.private_addresses;
  loading_ = number;
  lock.unlock();
  auto result = loaded(rule, private_addresses, sources_, stop);
  for (const auto& text : result.skipped) note("key_skipped", name_of(rule) + ": " + text);
  if (const auto* fault = std::get_if<KeyFault>(&result.keys)) {
    note("key_set_failed", name_of(rule) + ": " + fault->text + "; the keys from before stay");
  }
  lock.lock();
  if (take_over(number, std::move(result.keys))) {
    lock.unlock();
    note("key_set_changed", name_of(rule));
    changed_();
    lock.lock();
  }
  loading_.reset();  // not before: until `changed_` is through, others still see the old keys
}

/// True if the keys are others now.
bool KeySets::take_over(std::uint64_t number,
                        std::variant<std::vector<VerifyKey>, KeyFault> loaded) {
  const auto set = std::ranges::find(sets_, number, &Set::number);
  if (set == sets_.end()) return false;  // replaced meanwhile
  auto* keys = std::get_if<std::vector<VerifyKey>>(&loaded);
  const Clock::duration refresh = set->rule.refresh;
  const auto pause = keys != nullptr ? refresh : std::min<Clock::duration>(refresh, kRetry);
  set->due = sources_.steady() + jittered(pause);
  if (keys == nullptr || same_keys(*keys, set->keys)) return false;
  set->keys = std::move(*keys);
  return true;
}

void KeySets::call_waiting(Lock& lock) {
  const auto waiting = std::exchange(waiting_, {});
  lock.unlock();
  for (const auto& then : waiting) then();
  lock.lock();
}

void KeySets::wait(Lock& lock, const std::stop_token& stop) {
  const auto woken = [this] { return std::exchange(woken_, false); };
  const auto next = std::ranges::min_element(sets_, {}, &Set::due);
  if (next == sets_.end()) {
    wake_.wait(lock, stop, woken);
  } else {
    wake_.wait_for(lock, stop, next->due - sources_.steady(), woken);
  }
}

}  // namespace tidemark::broker
