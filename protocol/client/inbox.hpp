// What has come for the application and waits for it, and where it is when it has taken it.
// protocol/client/: feeds fill one each; the application's side takes deliveries.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client/options.hpp"
#include "protocol/client/signal.hpp"

namespace tidemark::client {

/// Only from a pattern: nothing more comes from this topic, unless it is created again. The others
/// go on.
struct TopicEnded {
  Refusal why;
  bool deleted = false;  ///< its position means nothing any more, and is forgotten
};

/// What a subscription hands over, in order. CaughtUp comes again after a reconnect, a gap or a
/// state.
///
/// A state may come in parts. With State::first all that was known of the topic is void; with
/// State::last the state is whole, and events follow it. If the connection is lost between the two,
/// another `first` begins it anew. So apply a state when its last part is there.
using Delivery = std::variant<Event, Gap, CaughtUp, EpochNotice, State, TopicEnded>;

/// A delivery of a pattern, and the topic it is of.
struct TopicDelivery {
  std::string topic;
  std::string content_type;  ///< of the topic; empty: the broker has never told it
  Delivery delivery;
};

/// A bounded queue in front of the application. Threads: the part for the application locks; the
/// part for the session is for its strand only.
class Inbox {
 public:
  struct Bounds {
    std::size_t events = 0;
    std::size_t bytes = 0;
  };
  /// A topic here. One that is created again after its end is another.
  using Slot = std::uint64_t;
  struct Origin {
    std::string topic;
    std::string content_type;
  };

  Inbox(const boost::asio::any_io_executor& strand, Bounds bounds);
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // ---- for the application ----

  /// The next delivery, or why there will be no more; nothing if it has to be waited for.
  /// `made_room`: full() has just ceased, and the session must be told. `origin`: if given, is told
  /// where the delivery is from.
  [[nodiscard]] std::optional<Reply<Delivery>> take(bool& made_room, Origin* origin = nullptr);
  /// Where the application is in each topic by what it has been handed.
  [[nodiscard]] std::vector<TopicPosition> positions() const;
  /// Holds as much as it may; nothing should be read from the broker meanwhile.
  [[nodiscard]] bool full() const { return full_.load(); }
  [[nodiscard]] bool over() const;
  /// Is there something to take before the end?
  [[nodiscard]] bool holds() const;

  // ---- for the session ----

  /// `position`: where the application is in the topic already, if it is.
  Slot add(std::string topic, std::optional<Position> position);
  void describe(Slot slot, const std::string& content_type);
  /// `after`: where the application is when it has been handed this; none: where it was.
  void push(Slot slot, Delivery delivery, std::optional<Position> after);
  /// The application is there once it has been handed what waits now.
  void move(Slot slot, Position position);
  /// There will be no more; the first reason stays.
  void end(Refusal reason);
  /// Raised when there is something to take.
  [[nodiscard]] Signal& arrived() { return arrived_; }

 protected:
  [[nodiscard]] std::optional<Position> position_of(Slot slot) const;
  [[nodiscard]] std::string content_type_of(Slot slot) const;

 private:
  struct Item {
    Slot slot = 0;
    std::optional<Delivery> delivery;  ///< none: only the position moves; never the front
    std::optional<Position> after;
    std::size_t bytes = 0;
  };
  struct Topic {
    std::string name;
    std::string content_type;
    std::optional<Position> position;
  };

  void enqueue(Item item);
  Item pop();

  const Bounds bounds_;
  Signal arrived_;

  // Shared, under the lock.
  mutable std::mutex mutex_;
  std::deque<Item> queue_;
  std::size_t queued_bytes_ = 0;
  std::map<Slot, Topic> topics_;
  Slot last_slot_ = 0;
  std::optional<Refusal> ended_;
  std::atomic<bool> full_{false};
};

}  // namespace tidemark::client
