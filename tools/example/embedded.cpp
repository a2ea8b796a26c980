// The broker as a C++ library: a scoreboard, its publisher, and a newcomer who misses nothing.
// tools/: an example to start from; it ends with 1 if state and events are not the final state.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "broker/hub.hpp"

namespace {

using namespace tidemark;

using Scores = std::map<std::string, std::string>;

/// The application's own data. It keeps no list of who listens and no history: the topic does.
class Scoreboard {
 public:
  /// Changes the data first, then publishes the change. So whatever is in the log is in the data,
  /// and a bundle read after a position was taken holds everything up to that position.
  std::future<broker::PublishOutcome> score(broker::Hub& hub, const TopicName& topic,
                                            const std::string& player, int points) {
    const std::lock_guard lock(mutex_);  // one order for both
    scores_[player] = std::to_string(points);
    NewEvent change;
    change.key = player;
    change.data = std::to_string(points);
    return hub.publish(topic, {std::move(change)});
  }

  [[nodiscard]] Scores scores() const {
    const std::lock_guard lock(mutex_);
    return scores_;
  }

  /// The whole of it, as a newcomer gets it: a line "player points" each.
  [[nodiscard]] std::string bundle() const {
    std::string text;
    for (const auto& [player, points] : scores()) text += player + ' ' + points + '\n';
    return text;
  }

 private:
  mutable std::mutex mutex_;
  Scores scores_;
};

/// Builds the scores anew from the bundle and the events after it.
class Newcomer {
 public:
  explicit Newcomer(Offset until) : until_(until) {}

  broker::SubscriptionHandler handler() {
    return {
        .on_state = [this](std::string_view text, Position at) { take_state(text, at); },
        .on_event = [this](const EventView& event, Epoch) { take_event(event); },
        .on_end = [this](Errc reason) { finish(std::string(info(reason).text)); },
    };
  }

  /// Blocks until the last event has come; what ended it before that, or an empty string.
  std::string wait() { return done_.get_future().get(); }
  [[nodiscard]] const Scores& scores() const { return scores_; }
  [[nodiscard]] Offset joined_at() const { return joined_at_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  void take_state(std::string_view text, Position at) {
    joined_at_ = at.offset;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      const std::size_t space = line.find(' ');
      scores_[std::string(line.substr(0, space))] = line.substr(space + 1);
      text.remove_prefix(line.size() + 1);
    }
    if (joined_at_ >= until_) finish({});
  }
  /// May repeat what the bundle held already; setting a score twice does no harm.
  void take_event(const EventView& event) {
    scores_[std::string(event.key)] = event.data;
    ++events_;
    if (event.offset == until_) finish({});
  }
  void finish(std::string why) {
    if (!std::exchange(finished_, true)) done_.set_value(std::move(why));
  }

  const Offset until_;
  Scores scores_;
  Offset joined_at_;
  std::uint64_t events_ = 0;
  bool finished_ = false;
  std::promise<std::string> done_;
};

constexpr int kChanges = 3'000;
constexpr std::array kPlayers = {"ada", "boris", "chen", "dana", "emeka"};

int run(const std::filesystem::path& directory) {
  auto store = storage::EventStore::open(directory, {});
  if (!store) {
    std::cerr << store.error().text << '\n';
    return EXIT_FAILURE;
  }
  const TopicName topic = TopicName::parse("game/scores").value();
  broker::Hub hub(**store, {});
  Scoreboard board;
  // The directory may hold an earlier game.
  const auto earlier = (*store)->open_topic(topic);
  const Offset last{(earlier ? (*earlier)->bounds().head.value : 0) + kChanges};

  // Joined in the middle of the game, on purpose.
  std::promise<void> half_time;
  std::thread publisher([&] {
    for (int i = 1; i <= kChanges; ++i) {
      auto published =
          board.score(hub, topic, kPlayers[static_cast<std::size_t>(i) % 5], i * i % 97);
      if (i % 50 == 0) published.wait();  // at most this many in flight
      if (i == kChanges / 2) half_time.set_value();
    }
  });
  half_time.get_future().wait();

  Newcomer newcomer(last);
  const auto joined = hub.join(
      topic,
      [&](Position) -> Result<broker::StateBundle> {
        return broker::StateBundle{.data = board.bundle(), .reflects = std::nullopt};
      },
      OnGap::fail, newcomer.handler());
  publisher.join();
  if (!joined) {
    std::cerr << "cannot join: " << joined.error().message() << '\n';
    return EXIT_FAILURE;
  }
  if (const std::string why = newcomer.wait(); !why.empty()) {
    std::cerr << "the subscription ended: " << why << '\n';
    return EXIT_FAILURE;
  }

  std::cout << "joined at event " << newcomer.joined_at().value << " of " << last.value
            << ", then got " << newcomer.events() << " events\n";
  for (const auto& [player, points] : newcomer.scores()) {
    std::cout << "  " << player << ": " << points << '\n';
  }
  if (newcomer.scores() != board.scores()) {
    std::cerr << "state and events are not the final state\n";
    return EXIT_FAILURE;
  }
  std::cout << "state + events = the scoreboard\n";
  return EXIT_SUCCESS;
}

}  // namespace

/// `embedded_example [DIRECTORY]`: keeps the log there, else in a temporary directory.
int main(int argc, char** argv) {
  if (argc > 1) return run(argv[1]);
  std::string name = (std::filesystem::temp_directory_path() / "tidemark-example-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    std::cerr << "cannot make a temporary directory like " << name << '\n';
    return EXIT_FAILURE;
  }
  const int code = run(name);
  std::filesystem::remove_all(name);
  return code;
}
