// Patterns a WebSocket connection follows: the topics there are, and those that come to be.
// broker/: see websocket_session.hpp. Each topic is followed as if it had been asked for by name.
#include <algorithm>

#include "broker/topic_defaults.hpp"
#include "broker/websocket_follower.hpp"

namespace tidemark::broker {

using storage::EventStore;
using storage::Topic;

namespace {

constexpr std::size_t kMaxPatterns = 100;  // of a connection
// Topics begun at a time, and names looked at: some 10 ms of a reader thread.
constexpr std::size_t kPageTopics = 128;
constexpr std::size_t kPageNames = 10'000;

/// A topic's name once its stars are filled in.
bool valid_pattern(std::string_view text) {
  std::string name(text);
  std::ranges::replace(name, '*', 'a');
  return TopicName::parse(name).has_value();
}

/// What all names begin with that fit. `**` also stands for no segment: `a/**` fits `a`.
std::string_view fixed_start(std::string_view pattern) {
  auto start = pattern.substr(0, pattern.find('*'));
  if (pattern.substr(start.size()).starts_with("**") && start.ends_with('/')) {
    start.remove_suffix(1);
  }
  return start;
}

}  // namespace

/// Some of the topics there are.
struct WebSocketSession::PatternPage {
  struct Entry {
    Found found;
    std::shared_ptr<const Beginning> beginning;
  };
  std::vector<Entry> topics;
  std::vector<std::string> gone;  ///< with the last page: of topics there were positions of
  std::string last;               ///< name that was looked at last
  bool more = false;
  Result<void> outcome = ok();

  void read(EventStore& store, const Pattern& pattern, const Caller& caller, std::string after);
  void open(EventStore& store, const Pattern& pattern, const TopicName& name);
  void look_for_gone(EventStore& store, const Pattern& pattern, const Caller& caller);
};

/// On a reader thread, where of the pattern only what stays while it is listed is looked at.
void WebSocketSession::PatternPage::read(EventStore& store, const Pattern& pattern,
                                         const Caller& caller, std::string after) {
  std::vector<TopicName> names;
  std::size_t looked_at = 0;
  const auto choose = [&](const TopicName& name) {
    last = name.str();
    if (matches_topic(pattern.text, last) && caller.may(Right::subscribe, name)) {
      names.push_back(name);
    }
    more = names.size() == kPageTopics || ++looked_at == kPageNames;
    // They are opened below; to have the listing load them would be for nothing.
    return more ? EventStore::Listing::stop : EventStore::Listing::skip;
  };
  const auto listed = store.list(after, kPageTopics, fixed_start(pattern.text), choose);
  if (!listed) {
    outcome = listed.errc();
    return;
  }
  for (const auto& name : names) open(store, pattern, name);
  if (!more) look_for_gone(store, pattern, caller);
}

void WebSocketSession::PatternPage::open(EventStore& store, const Pattern& pattern,
                                         const TopicName& name) {
  auto topic = store.open_topic(name);
  if (!topic) return;  // it is no more, or can't be read: then nothing can be said of it
  auto beginning = pattern.beginning;
  if (const auto& given = pattern.positions) {
    if (const auto at = given->find(name.str()); at != given->end()) {
      auto resumed = *beginning;
      resumed.start = StartAfter{at->second};
      resumed.state = false;
      beginning = std::make_shared<const Beginning>(std::move(resumed));
    }
  }
  auto found = Found::look_up(store, std::move(*topic), *beginning);
  topics.push_back({std::move(found), std::move(beginning)});
}

/// Of what the client may not see it is not told whether it is there.
void WebSocketSession::PatternPage::look_for_gone(EventStore& store, const Pattern& pattern,
                                                  const Caller& caller) {
  if (!pattern.positions) return;
  for (const auto& [text, position] : *pattern.positions) {
    const auto name = TopicName::parse(text);
    if (!name || !matches_topic(pattern.text, text) || !caller.may(Right::subscribe, *name)) {
      continue;
    }
    const auto topic = store.open_topic(*name);
    if (topic) continue;
    if (topic.errc() == Errc::unknown_topic || topic.errc() == Errc::topic_deleted) {
      gone.push_back(text);
    }
  }
}

// ---- the structs ----

WebSocketSession::Pattern::Pattern(WebSocketSession& s, Subscribe&& m)
    : session(s),
      text(m.pattern),
      on_gap(m.on_gap),
      filter(m.filter.empty() ? nullptr : std::make_shared<const EventFilter>(m.filter)),
      beginning(std::make_shared<const Beginning>(
          Beginning{m.positions ? Start(StartEarliest{}) : m.start, m.cursor, m.state,
                    m.state_if_behind, false})),
      later(std::make_shared<const Beginning>(
          Beginning{StartEarliest{}, m.cursor, m.state, m.state_if_behind, true})) {
  if (!m.positions) return;
  auto given = std::make_shared<Positions>();
  for (auto& at : *m.positions) given->insert_or_assign(std::move(at.topic), at.position);
  positions = std::move(given);
}

WebSocketSession::Follower::Follower(WebSocketSession& s, std::string t,
                                     const std::shared_ptr<Pattern>& p)
    : session(s),
      topic(std::move(t)),
      id(0),
      on_gap(p->on_gap),
      filter(p->filter),
      beginning(p->later),
      pattern(p) {}

// ---- what is asked for ----

std::optional<Errc> WebSocketSession::refuse_pattern(const Subscribe& message) const {
  if (!valid_pattern(message.pattern)) return Errc::invalid_pattern;
  if (!caller().may_anything()) return caller().refusal();
  if (draining_) return Errc::shutting_down;
  if (find_pattern(message.pattern)) return Errc::already_subscribed;
  if (patterns_.size() >= kMaxPatterns) return Errc::too_many_subscriptions;
  if (const auto valid = check_filter(message.filter); !valid) return valid.errc();
  if (message.cursor.empty()) return std::nullopt;
  if (const auto valid = check_cursor_name(message.cursor); !valid) return valid.errc();
  return std::nullopt;
}

void WebSocketSession::follow_pattern(Subscribe&& message) {
  if (const auto code = refuse_pattern(message)) return refuse(message.id, *code, {});
  const RequestId id = message.id;
  const auto pattern = std::make_shared<Pattern>(*this, std::move(message));
  patterns_.push_back(pattern);
  // Watch, then list: what comes to be in between is found by both, and followed once.
  group().shard().watch(pattern->text, pattern);
  answer(Following{id, pattern->text});
  list_next();
}

void WebSocketSession::unfollow_pattern(const Unsubscribe& message) {
  const auto pattern = find_pattern(message.pattern);
  if (!pattern) return refuse(message.id, Errc::not_subscribed, {});
  drop(pattern);
  answer(Unsubscribed{message.id, {}, message.pattern, std::nullopt});
}

/// With its topics, apart from those that another pattern fits too.
void WebSocketSession::drop(const std::shared_ptr<Pattern>& pattern) {
  pattern->removed = true;
  group().shard().unwatch(pattern->text, *pattern);
  std::erase(patterns_, pattern);
  for (const auto& follower : std::vector(followers_)) {
    if (follower->pattern != pattern) continue;
    follower->pattern = pattern_for(follower->topic);
    if (!follower->pattern) remove(*follower);
  }
}

void WebSocketSession::drop_patterns() {
  for (const auto& pattern : std::exchange(patterns_, {})) {
    pattern->removed = true;
    group().shard().unwatch(pattern->text, *pattern);
  }
}

std::shared_ptr<WebSocketSession::Pattern> WebSocketSession::find_pattern(
    std::string_view text) const {
  const auto found = std::ranges::find(patterns_, text, [](const auto& p) { return p->text; });
  return found == patterns_.end() ? nullptr : *found;
}

std::shared_ptr<WebSocketSession::Pattern> WebSocketSession::pattern_for(
    std::string_view topic) const {
  const auto found = std::ranges::find_if(
      patterns_, [topic](const auto& p) { return matches_topic(p->text, topic); });
  return found == patterns_.end() ? nullptr : *found;
}

// ---- the topics there are ----

/// One page at a time for a connection, however many patterns it follows and takes back.
void WebSocketSession::list_next() {
  if (listing_ || over_) return;
  const auto next =
      std::ranges::find_if(patterns_, [](const auto& p) { return p->list_after.has_value(); });
  if (next == patterns_.end()) return;
  listing_ = true;
  auto page = std::make_shared<PatternPage>();
  auto& shard = group().shard();
  shard.run_blocking([page, pattern = *next, &store = shard.store(), who = caller(),
                      after = *(*next)->list_after] { page->read(store, *pattern, who, after); },
                     [page, pattern = *next, self = shared_from_this()] {
                       self->listing_ = false;
                       if (!pattern->removed) self->take_page(*pattern, *page);
                       self->list_next();
                     });
}

void WebSocketSession::take_page(Pattern& pattern, PatternPage& page) {
  if (!page.outcome) {
    const auto keep = find_pattern(pattern.text);
    drop(keep);
    return answer(Unsubscribed{0, {}, keep->text, page.outcome.errc()});
  }
  for (auto& [found, beginning] : page.topics) {
    const auto follower = follow(pattern, found.topic);
    if (!follower) continue;
    follower->beginning = std::move(beginning);
    begin(*follower, std::move(found));
  }
  for (auto& topic : page.gone) {
    if (find(topic) == nullptr) answer(Unsubscribed{0, std::move(topic), {}, Errc::topic_deleted});
  }
  const bool full = followers_.size() >= group().limits().subscriptions_per_connection;
  if (page.more && !(full && pattern.told_limit)) {
    pattern.list_after = std::move(page.last);
  } else {
    pattern.list_after.reset();
    pattern.positions.reset();
  }
}

// ---- and those that come to be ----

/// A follower for the topic, to be begun; nullptr: it is followed already, or must not be.
std::shared_ptr<WebSocketSession::Follower> WebSocketSession::follow(
    Pattern& pattern, const std::shared_ptr<Topic>& topic) {
  const TopicName& name = topic->name();
  if (over_ || closing_ || draining_ || !caller().may(Right::subscribe, name)) return nullptr;
  if (!make_way(topic)) return nullptr;
  if (followers_.size() >= group().limits().subscriptions_per_connection) {
    if (!std::exchange(pattern.told_limit, true)) {
      refuse(0, Errc::too_many_subscriptions, name.str());
    }
    return nullptr;
  }
  auto follower = std::make_shared<Follower>(*this, name.str(), find_pattern(pattern.text));
  add(follower);
  return follower;
}

/// False if nothing is to be done, as one of this name is followed or this one is gone already.
bool WebSocketSession::make_way(const std::shared_ptr<Topic>& topic) {
  if (topic->deleted()) return false;
  Follower* const other = find(topic->name().str());
  if (other == nullptr) return true;
  if (!other->cursor) {
    // Which one it will find is not known yet. If it is an earlier one, this one comes after it.
    other->successor = topic;
    return false;
  }
  if (!other->cursor->topic()->deleted()) return false;
  end(*other, Errc::topic_deleted);
  return find(topic->name().str()) == nullptr;
}

void WebSocketSession::follow_created(Pattern& pattern, const std::shared_ptr<Topic>& topic) {
  if (const auto follower = follow(pattern, topic)) open(follower, topic->name(), topic);
}

/// A topic of the same name may have come to be before the end of this one was seen.
void WebSocketSession::follow_successor(const Follower& ended) {
  if (!ended.successor || ended.successor->deleted()) return;
  if (const auto pattern = pattern_for(ended.topic)) follow_created(*pattern, ended.successor);
}

}  // namespace tidemark::broker
