// The newest event of each key of a topic, page by page.
// broker/state/: see open_keys.hpp.
#include "broker/state/open_keys.hpp"

#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace tidemark::broker {
namespace {

/// What an entry takes besides its bytes.
constexpr std::size_t kEntryBytes = 64;

StateEntry entry_of(const EventView& event) {
  StateEntry out{.key = std::string(event.key),
                 .offset = event.offset,
                 .time = event.time,
                 .headers = {},
                 .data = std::string(event.data)};
  for (const HeaderView header : event.headers) {
    out.headers.push_back({std::string(header.name), std::string(header.value)});
  }
  return out;
}

std::size_t bytes_of(const EventView& event) {
  return kEntryBytes + event.key.size() + event.headers.packed().size() + event.data.size();
}

/// All on the shard's thread, apart from the page that is being read: then the reader is the reader
/// thread's, until it comes back.
class Inner : public std::enable_shared_from_this<Inner> {
 public:
  Inner(Shard& shard, KeysBegun begun, States::Clock clock)
      : shard_(shard),
        begun_(std::move(begun)),
        position_(begun_.keys->position()),
        clock_(std::move(clock)),
        timer_(shard.io()) {}

  /// The reader is let go when its time is over, whatever the client does.
  void watch() {
    timer_.expires_after(begun_.keys->opened() + kKeysStayOpen - clock_());
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      if (const auto self = weak.lock(); self && !error) self->expire();
    });
  }

  [[nodiscard]] Position position() const { return position_; }

  void next(StateReading::Done done) {
    if (!begun_.ready.empty()) {
      const auto part = std::move(begun_.ready.front());
      begun_.ready.pop_front();
      return done(part);
    }
    if (!begun_.keys || clock_() - begun_.keys->opened() >= kKeysStayOpen) {
      expire();
      return done(Errc::state_failed);
    }
    read(std::move(done));
  }

  void close() {
    timer_.cancel();
    done_ = nullptr;
  }

 private:
  using Pages = OpenKeys::Pages;

  void read(StateReading::Done done) {
    done_ = std::move(done);
    reading_ = true;
    const auto pages = std::make_shared<Result<Pages>>(Errc::cancelled);
    shard_.run_blocking([keys = begun_.keys, pages] { *pages = keys->read(1); },
                        [weak = weak_from_this(), pages] {
                          if (const auto self = weak.lock()) self->arrived(*pages);
                        });
  }

  void arrived(Result<Pages>& pages) {
    reading_ = false;
    if (!pages || pages->last || expired_) begun_.keys.reset();
    const auto done = std::exchange(done_, nullptr);
    if (!done) return;
    if (!pages) return done(pages.error());
    begun_.ready = std::move(pages->parts);
    next(done);
  }

  void expire() {
    expired_ = true;
    if (!reading_) begun_.keys.reset();
  }

  Shard& shard_;
  KeysBegun begun_;
  const Position position_;
  const States::Clock clock_;
  boost::asio::steady_timer timer_;
  StateReading::Done done_;
  bool reading_ = false;
  bool expired_ = false;
};

class KeysReading final : public StateReading {
 public:
  explicit KeysReading(std::shared_ptr<Inner> inner) : inner_(std::move(inner)) {}
  ~KeysReading() override { inner_->close(); }
  [[nodiscard]] Position position() const override { return inner_->position(); }
  void next(Done done) override {
    // `done` may destroy this.
    const auto inner = inner_;
    inner->next(std::move(done));
  }

 private:
  const std::shared_ptr<Inner> inner_;  // handlers look whether it is still there
};

}  // namespace

OpenKeys::OpenKeys(std::shared_ptr<storage::Topic> topic,
                   std::unique_ptr<storage::KeyReader> reader, std::shared_ptr<void> place,
                   std::chrono::steady_clock::time_point opened)
    : place_(std::move(place)),
      topic_(std::move(topic)),
      reader_(std::move(reader)),
      opened_(opened) {}

Result<OpenKeys::Pages> OpenKeys::read(std::size_t bytes) {
  Pages pages;
  do {
    if (const auto read = read_page(pages); !read) return read.error();
  } while (!pages.last && pages.bytes <= bytes);
  return pages;
}

Result<void> OpenKeys::read_page(Pages& into) {
  State page{.topic = topic_->name().str(), .position = reader_->position()};
  std::size_t bytes = 0;
  const auto more = reader_->read([&](const EventView& event) {
    page.entries.push_back(entry_of(event));
    bytes += bytes_of(event);
    return bytes < kKeyPageBytes;
  });
  if (!more) return more.error();
  page.first = !std::exchange(begun_, true);
  page.last = !*more;
  into.last = page.last;
  into.bytes += bytes;
  into.parts.push_back(std::make_shared<const StatePart>(std::move(page), topic_->payload()));
  return ok();
}

std::unique_ptr<StateReading> reading_of(Shard& shard, KeysBegun begun, States::Clock clock) {
  const auto inner = std::make_shared<Inner>(shard, std::move(begun), std::move(clock));
  inner->watch();
  return std::make_unique<KeysReading>(inner);
}

}  // namespace tidemark::broker
