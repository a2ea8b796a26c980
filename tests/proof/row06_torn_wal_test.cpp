// Row 6: a write-ahead log cut at every byte of its last records, and its end overwritten.
// tests/proof/: what opens is a whole beginning, and what is missing of it is never missing
// silently.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "figures.hpp"
#include "storage/event_store.hpp"
#include "tests/support/storage_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::proof {
namespace {

namespace fs = std::filesystem;
using storage::ConfigureRequest;
using storage::Durability;
using storage::EventStore;
using storage::EventStoreOptions;
using storage::ReadAnswer;
using testing::publish_of;
using testing::topic_name;
using testing::Waiting;

constexpr std::uint64_t kSynced = 300;
constexpr std::uint64_t kBuffered = 20;

std::string payload(std::uint64_t number) {
  return '"' + std::to_string(number) + std::string(number % 90, 'y') + '"';
}

enum class Harm : std::uint8_t { cut, zeros, garbage };

class Row06TornWal : public ::testing::Test {
 protected:
  void SetUp() override {
    seed_ = first_seed();
    random_.seed(seed_);
    std::cout << "seed " << seed_ << '\n';
    auto opened = EventStore::open(home(), options(false));
    ASSERT_TRUE(opened) << opened.error().text;
    Waiting waiting(**opened);
    auto configure = std::make_unique<ConfigureRequest>(topic_name("buffered"));
    configure->durability = Durability::buffered;
    ASSERT_FALSE(waiting.run(std::move(configure))->error);
    for (std::uint64_t n = 1; n <= kSynced; ++n) {
      const auto done = waiting.run(publish_of("synced", {payload(n)}));
      ASSERT_FALSE(done->error);
      epoch_ = done->epoch;
      ends_.push_back(fs::file_size(wal(home())));
    }
    image(synced_);
    for (std::uint64_t n = 1; n <= kBuffered; ++n)
      ASSERT_FALSE(waiting.run(publish_of("buffered", {payload(n)}))->error);
    image(buffered_);
  }

  [[nodiscard]] fs::path home() const { return directory_.path() / "data"; }
  static EventStoreOptions options(bool accept_loss) {
    EventStoreOptions options;
    options.store.accept_loss = accept_loss;
    options.store.block_cache_bytes = std::size_t{1} << 20;
    options.committer.flush_interval = std::chrono::hours(1);
    return options;
  }
  static fs::path wal(const fs::path& where) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(where / "db"))
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
    return newest;
  }
  void image(const fs::path& to) {
    fs::remove_all(to);
    fs::copy(home(), to, fs::copy_options::recursive);
  }
  /// A copy of an image whose write-ahead log is harmed from `at` on, for `size` bytes.
  fs::path harmed(const fs::path& from, Harm harm, std::uint64_t at, std::uint64_t size) {
    const fs::path to = directory_.path() / "harmed";
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
    if (harm == Harm::cut) {
      fs::resize_file(wal(to), at);
      return to;
    }
    std::string bytes(size, '\0');
    if (harm == Harm::garbage)
      for (char& byte : bytes) byte = static_cast<char>(random_());
    std::fstream file(wal(to), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
    file << bytes;
    return to;
  }

  struct Found {
    bool whole_beginning = false;
    std::uint64_t events = 0;
  };
  /// Whether what there is of a topic is a beginning of what was published.
  static Found read(EventStore& store, const std::string& name) {
    const auto topic = store.open_topic(topic_name(name));
    if (!topic) return {.whole_beginning = topic.errc() == Errc::unknown_topic};
    const Offset head = (*topic)->bounds().head;
    Position at{.epoch = Epoch{0}, .offset = Offset{0}};
    while (at.offset < head) {
      const ReadAnswer answer = store.read(**topic, at);
      if (answer.state == ReadAnswer::State::cold) {
        if (!store.load(**topic, at.offset)) return {};
        continue;
      }
      if (answer.state != ReadAnswer::State::events) return {};
      for (Offset o = answer.slice.offsets.first; o < answer.slice.offsets.end; o = o.next())
        if (answer.slice.segment->event(o).data != payload(o.value)) return {};
      at.offset = Offset{answer.slice.offsets.end.value - 1};
    }
    return {.whole_beginning = true, .events = head.value};
  }

  /// What was acknowledged as synced has been harmed: refused, and if the loss is accepted another
  /// epoch begins. `may_be_whole`: what was there before need not be harmed at all.
  void look(const fs::path& where, bool may_be_whole) {
    ++runs_;
    if (auto opened = EventStore::open(where, options(false)); opened) {
      const Found found = read(**opened, "synced");
      if (!found.whole_beginning) ++holes_;
      if (found.events < kSynced) ++silent_;
      EXPECT_TRUE(found.whole_beginning);
      EXPECT_EQ(found.events, kSynced) << "a lost tail is never silent";
      EXPECT_TRUE(may_be_whole);
      ++whole_;
      return;
    } else {
      EXPECT_TRUE(opened.error().code == Errc::store_lost_data ||
                  opened.error().code == Errc::corrupt_record)
          << opened.error().text;
      ++refused_;
    }
    auto opened = EventStore::open(where, options(true));
    ASSERT_TRUE(opened) << opened.error().text;
    const Found found = read(**opened, "synced");
    if (!found.whole_beginning) ++holes_;
    EXPECT_TRUE(found.whole_beginning);
    EXPECT_LE(found.events, kSynced);
    Waiting waiting(**opened);
    const auto next = waiting.run(publish_of("synced", {"\"next\""}));
    ASSERT_FALSE(next->error);
    if (next->epoch <= epoch_) ++silent_;
    EXPECT_GT(next->epoch, epoch_);
    EXPECT_EQ(next->offsets.first.value, found.events + 1);
  }

  /// Only what was never synced is cut: what was is all there, and of the rest a beginning.
  void cut_unsynced(std::uint64_t step) {
    const std::uint64_t end = fs::file_size(wal(buffered_));
    for (std::uint64_t at = ends_.back(); at < end && !HasFailure();
         at += (step == 1 ? 1 : 16 * step)) {
      SCOPED_TRACE("what was not synced, cut at byte " + std::to_string(at));
      ++cut_unsynced_;
      const auto opened = EventStore::open(harmed(buffered_, Harm::cut, at, 0), options(false));
      ASSERT_TRUE(opened) << opened.error().text;
      const Found synced = read(**opened, "synced");
      const Found buffered = read(**opened, "buffered");
      if (!synced.whole_beginning || !buffered.whole_beginning) ++holes_;
      EXPECT_TRUE(synced.whole_beginning && buffered.whole_beginning);
      EXPECT_EQ(synced.events, kSynced);
      EXPECT_LT(buffered.events, kBuffered);
    }
  }

  TempDir directory_;
  const fs::path synced_ = directory_.path() / "synced";
  const fs::path buffered_ = directory_.path() / "buffered";
  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  Epoch epoch_;
  std::vector<std::uint64_t> ends_;  ///< of the write-ahead log, after each event
  std::uint64_t runs_ = 0, refused_ = 0, whole_ = 0, holes_ = 0, silent_ = 0, cut_unsynced_ = 0;
};

TEST_F(Row06TornWal, IsNeverReadWithAHoleNorShorterWithoutAWord) {
  // The fast form looks at other bytes with each seed.
  const std::uint64_t step = how_many(41, 1);
  const std::uint64_t begin = ends_[kSynced - 4] + seed_ % step;
  const std::uint64_t end = ends_[kSynced - 1];
  for (std::uint64_t at = begin; at < end && !HasFailure(); at += step) {
    SCOPED_TRACE("from byte " + std::to_string(at) + " of " + std::to_string(end) + " on");
    look(harmed(synced_, Harm::cut, at, 0), false);
    if ((at - begin) % (step == 1 ? 1 : 3 * step) != 0) continue;
    look(harmed(synced_, Harm::zeros, at, end - at), false);
    look(harmed(synced_, Harm::garbage, at, end - at), false);
  }
  // One byte is changed; what follows it is as it was.
  for (std::uint64_t at = begin; at < end && !HasFailure(); at += (step == 1 ? 1 : 4 * step)) {
    SCOPED_TRACE("byte " + std::to_string(at) + " of " + std::to_string(end));
    look(harmed(synced_, Harm::garbage, at, 1), true);
  }
  // Nothing of ours is harmed, but something stands behind it.
  for (std::uint64_t size = 1; size < 200 && !HasFailure(); size += (step == 1 ? 1 : 5 * step)) {
    SCOPED_TRACE(std::to_string(size) + " bytes more");
    look(harmed(synced_, Harm::zeros, end, size), true);
    look(harmed(synced_, Harm::garbage, end, size), true);
  }
  cut_unsynced(step);
  tell_figures(6,
               {{"runs", runs_},
                {"refused", refused_},
                {"whole", whole_},
                {"cut_in_unsynced", cut_unsynced_},
                {"holes", holes_},
                {"silent_losses", silent_}},
               seed_, !HasFailure());
}

}  // namespace
}  // namespace tidemark::proof
