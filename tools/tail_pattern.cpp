// Many topics on one subscription; each line says which one it is of.
// tools/: see tail_pattern.hpp.
#include "tools/tail_pattern.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tools/tail_run.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;
namespace {

class PatternTail final : public TailRun {
 public:
  using TailRun::TailRun;

 private:
  using Places = std::map<std::string, Position>;

  asio::awaitable<void> follow() override {
    subscription_.emplace(client().subscribe_pattern(options().topic, wanted()));
    while (!done()) {
      if ((!subscription_->ready() || printer().full()) && !flush()) break;
      auto next = co_await subscription_->next();
      if (!next) {
        ended(next.error());
        break;
      }
      printer().set_content_type(next->content_type);
      if (places_[next->topic].epoch == Epoch{}) learn();
      std::visit([&](const auto& message) { handle(next->topic, message); }, next->delivery);
    }
    auto settled = settle();
    co_await std::move(settled);
    subscription_.reset();
  }

  client::PatternOptions wanted() const {
    client::PatternOptions out;
    out.start = start_of(options());
    out.on_gap = gap_answer(options());
    out.state = options().state;
    out.filter = filter_of(options());
    out.cursor = options().cursor;
    return out;
  }

  // Of topics that are new to us; afterwards what comes tells of the place.
  void learn() {
    for (const auto& [topic, position] : subscription_->positions()) {
      auto& place = places_[topic];
      if (place.epoch == Epoch{}) place = position;
    }
  }

  void move(const std::string& topic, Position position) {
    places_[topic] = position;
    if (!options().cursor.empty()) taken_.insert_or_assign(topic, position);
  }

  void handle(const std::string& topic, const Event& event) {
    const Epoch epoch = places_[topic].epoch;
    take(event, epoch);
    move(topic, {epoch, event.offset});
  }

  void handle(const std::string& topic, const Gap& gap) {
    places_[topic].epoch = gap.epoch;
    take(topic, gap,
         gap_answer(options()) == OnGap::state ? "the state" : std::to_string(gap.earliest.value));
  }

  void handle(const std::string& topic, const State& state) {
    take(state);
    if (state.last) move(topic, state.position);
  }

  void handle(const std::string& topic, const EpochNotice& notice) {
    places_[topic].epoch = notice.epoch;
    take(notice);
  }

  void handle(const std::string& topic, const CaughtUp& message) {
    const Epoch epoch = places_[topic].epoch;
    if (epoch != Epoch{}) move(topic, {epoch, message.offset});
  }

  // The others go on.
  void handle(const std::string& topic, const client::TopicEnded& end) {
    if (end.deleted) {
      places_.erase(topic);
      taken_.erase(topic);
      printed_.erase(topic);
    }
    warn(topic + ": " + end.why.text);
  }

  // ---- the named cursor, one in each topic ----

  void printed() override {
    for (auto& [topic, position] : taken_) printed_.insert_or_assign(topic, position);
    taken_.clear();
  }

  [[nodiscard]] bool owes() const override { return !printed_.empty(); }

  // One after another: a client that follows many topics is in no hurry with any of them.
  asio::awaitable<void> acknowledge() override {
    const auto owed = printed_;
    for (const auto& [topic, position] : owed) {
      if (!subscription_) co_return;
      auto asked = subscription_->acknowledge(topic, position);
      auto moved = co_await std::move(asked);
      // One that is gone has no cursor to be moved.
      const bool gone = !moved && (moved.error().code == Errc::unknown_topic ||
                                   moved.error().code == Errc::topic_deleted);
      if (!moved && !gone) {
        refused(moved.error());
        co_return;
      }
      const auto at = printed_.find(topic);
      if (at != printed_.end() && at->second == position) printed_.erase(at);
    }
  }

  std::optional<client::PatternSubscription> subscription_;
  Places places_;   ///< of everything that has come
  Places taken_;    ///< not printed yet
  Places printed_;  ///< not acknowledged yet
};

}  // namespace

int tail_pattern(const TailOptions& options) { return PatternTail(options).run(); }

}  // namespace tidemark::tools
