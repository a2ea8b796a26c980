// Subscribers that check each frame in a few nanoseconds, publishers that account for each answer.
// tools/: see bench_peers.hpp.
#include "tools/bench_peers.hpp"

#include <bit>
#include <charconv>
#include <cstdio>
#include <unistd.h>
#include <variant>

#include "protocol/json_text.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr std::size_t kTopicDigits = 7;
constexpr std::size_t kDescribed = 5;
constexpr std::uint64_t kFillEvents = 500;  // a publish while filling
constexpr std::uint64_t kFillInFlight = 16;
constexpr std::size_t kDueSlots = std::size_t{1} << 17;

// Every id has the same number of digits, so that messages of a run are of one size.
constexpr RequestId kFirstId = 1'000'000'000;

ServerMessage decoded(WireForm form, const FrameView& frame) {
  auto message = decode_server(form, frame.text());
  if (!message) throw BenchError("the broker sent nonsense: " + message.error().text);
  return std::move(*message);
}

// What ends a measurement, whoever is told of it.
[[noreturn]] void unexpected(const ServerMessage& message) {
  if (const auto* failure = std::get_if<Failure>(&message)) {
    throw BenchError("the broker answers " + std::string(info(failure->code).name) + ": " +
                     failure->text);
  }
  if (std::holds_alternative<Goodbye>(message)) throw BenchError("the broker is going away");
  throw BenchError("the broker sent a message of kind " + std::to_string(message.index()) +
                   " that nobody asked for");
}

std::uint64_t number_at(const char* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

void Faults::add(const std::string& what) {
  if (++count_ <= kDescribed) first_.push_back(what);
}

std::vector<std::string> Faults::described() const {
  auto out = first_;
  if (count_ > kDescribed) out.push_back("and " + std::to_string(count_ - kDescribed) + " more");
  return out;
}

// ---- Feed ----

void Feed::track(std::uint64_t position, std::size_t subscribers, std::size_t most) {
  at_.assign(std::bit_ceil(most + 2), 0);
  at_[position & (at_.size() - 1)] = static_cast<std::uint32_t>(subscribers);
  lowest_ = highest_ = position;
}

void Feed::moved(std::uint64_t from, std::uint64_t to) {
  deliveries_ += to - from;
  if (from < target && to >= target) ++reached;
  if (at_.empty()) return;
  const std::size_t mask = at_.size() - 1;
  --at_[from & mask];
  ++at_[to & mask];
  if (to > highest_) highest_ = to;
  while (lowest_ < highest_ && at_[lowest_ & mask] == 0) ++lowest_;
}

// ---- Subscriber ----

void Subscriber::subscribe(Loop& loop, Start start) {
  append_message(form(), Subscribe{.id = 1, .topic = feed_.topic(), .start = start}, mask(), out());
  loop.flush(*this);
}

std::size_t Subscriber::take(const char* bytes, std::size_t size) {
  const std::int64_t now = feed_.stamps == Stamps::none ? 0 : now_ns();
  const bool all = feed_.stamps == Stamps::all;
  const char* at = bytes;
  const char* const end = bytes + size;
  FrameView frame;
  FrameView last;
  while (const char* const next = read_frame(at, end, frame)) {
    at = next;
    if (!feed_.pattern.matches(frame)) {
      other(frame);
      continue;
    }
    if (!feed_.pattern.has_offset(frame, next_)) wrong(frame);
    if (all) feed_.latency.record(now - feed_.pattern.stamp(frame, next_.digits()));
    last = frame;
    next_.advance();
  }
  if (position() == counted_) return static_cast<std::size_t>(at - bytes);
  if (feed_.stamps == Stamps::last) {
    feed_.latency.record(now - feed_.pattern.stamp(last, digits(position())));
  }
  feed_.moved(counted_, position());
  counted_ = position();
  return static_cast<std::size_t>(at - bytes);
}

// Offsets are all that a run can be trusted by, so it ends here.
void Subscriber::wrong(const FrameView& frame) {
  const auto message = decoded(form(), frame);
  const auto offset = std::get<Event>(message).offset.value;
  throw BenchError((offset > next_.value() ? "a gap: event " : "a doubled event: ") +
                   std::to_string(offset) + " came where " + std::to_string(next_.value()) +
                   " was due, topic " + feed_.topic());
}

void Subscriber::other(const FrameView& frame) {
  if (control(frame)) return;
  const auto message = decoded(form(), frame);
  if (const auto* answer = std::get_if<Subscribed>(&message)) {
    next_.set(answer->position.offset.value + 1);
    counted_ = position();
    ++feed_.subscribed;
    return;
  }
  if (std::holds_alternative<CaughtUp>(message)) return;
  unexpected(message);
}

// ---- ManySubscriber ----

ManySubscriber::ManySubscriber(WireForm form, std::string base, std::size_t first,
                               std::size_t count, Faults& faults)
    : WebSocketPeer(form), base_(std::move(base)), first_(first), next_(count, 1), faults_(faults) {
  const auto name = topic_of(base_, 0);
  if (form == WireForm::json) {
    prefix_ = "{\"type\":\"event\",\"topic\":\"" + base_ + "/";
  } else {
    const std::uint64_t size = name.size();
    prefix_ = "\x01\x13";
    prefix_.append(reinterpret_cast<const char*>(&size), sizeof size).append(base_ + "/");
  }
}

void ManySubscriber::subscribe(Loop& loop) {
  for (std::size_t i = 0; i < next_.size(); ++i) {
    append_message(
        form(), Subscribe{.id = i + 1, .topic = topic_of(base_, first_ + i), .start = StartNow{}},
        mask(), out());
  }
  loop.flush(*this);
}

std::size_t ManySubscriber::take(const char* bytes, std::size_t size) {
  const char* at = bytes;
  FrameView frame;
  while (const char* const next = read_frame(at, bytes + size, frame)) {
    at = next;
    if (!event(frame)) other(frame);
  }
  return static_cast<std::size_t>(at - bytes);
}

bool ManySubscriber::event(const FrameView& frame) {
  constexpr std::string_view between = "\",\"offset\":";
  auto rest = frame.text();
  if (!rest.starts_with(prefix_)) return false;
  rest.remove_prefix(prefix_.size());
  std::size_t topic = 0;
  std::from_chars(rest.data(), rest.data() + kTopicDigits, topic);
  rest.remove_prefix(kTopicDigits);
  std::uint64_t offset = 0;
  if (form() == WireForm::json) {
    rest.remove_prefix(between.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), offset);
  } else {
    offset = number_at(rest.data());
  }
  auto& next = next_.at(topic - first_);
  if (offset != next) {
    faults_.add("event " + std::to_string(offset) + " came where " + std::to_string(next) +
                " was due, topic " + topic_of(base_, topic));
  }
  next = offset + 1;
  ++deliveries_;
  return true;
}

void ManySubscriber::other(const FrameView& frame) {
  if (control(frame)) return;
  const auto message = decoded(form(), frame);
  if (const auto* answer = std::get_if<Subscribed>(&message)) {
    next_.at(answer->id - 1) = answer->position.offset.value + 1;
    ++subscribed_;
    return;
  }
  if (std::holds_alternative<CaughtUp>(message)) return;
  unexpected(message);
}

std::string topic_of(const std::string& base, std::size_t index) {
  auto digits = std::to_string(index);
  return base + "/" + std::string(kTopicDigits - std::min(kTopicDigits, digits.size()), '0') +
         digits;
}

std::string topic_of(const std::string& base, std::size_t index, std::size_t count) {
  return count == 1 ? base : topic_of(base, index);
}

std::string fresh_topic(const Broker& broker) {
  static int count = 0;
  if (broker.owned()) return "bench" + std::to_string(count++);
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  return "bench/" + std::to_string(ms) + "-" + std::to_string(count++);
}

// ---- Publisher ----

void Publisher::publish(std::string_view topic, std::span<const std::string_view> events,
                        std::int64_t due) {
  if (due_.empty()) due_.assign(kDueSlots, -1);
  if (in_flight() >= kDueSlots) throw BenchError("too many publishes in flight");
  due_[sent_ % kDueSlots] = due;
  append_publish(form(), kFirstId + sent_, topic, events, mask(), out());
  ++sent_;
}

std::size_t Publisher::take(const char* bytes, std::size_t size) {
  const std::int64_t now = now_ns();
  const char* at = bytes;
  FrameView frame;
  Ack ack;
  while (const char* const next = read_frame(at, bytes + size, frame)) {
    at = next;
    if (read_ack(form(), frame, ack)) {
      acknowledged(ack, now);
    } else {
      other(frame);
    }
  }
  return static_cast<std::size_t>(at - bytes);
}

void Publisher::acknowledged(const Ack& ack, std::int64_t now) {
  const std::uint64_t index = ack.id - kFirstId;
  auto& due = due_[index % kDueSlots];
  if (ack.id < kFirstId || index >= sent_ || due < 0) {
    return faults_.add("an answer to request " + std::to_string(ack.id) +
                       ", which was not in flight");
  }
  latency.record(now - due);
  due = -1;
  ++acked_;
  acked_events_ += ack.last - ack.first + 1;
  last_offset_ = std::max(last_offset_, ack.last);
  if (on_ack) on_ack(ack);
}

void Publisher::other(const FrameView& frame) {
  if (!control(frame)) unexpected(decoded(form(), frame));
}

// ---- filling ----

std::uint64_t fill(Broker& broker, WireForm form, const std::string& topic, std::uint64_t events,
                   std::size_t size, Faults& faults,
                   const std::function<void(std::uint64_t)>& progress) {
  Loop loop;
  Publisher publisher(form, faults);
  publisher.connect(broker.host(), broker.port());
  loop.add(publisher);
  Payloads payloads(size, 1);
  std::vector<std::string_view> batch;
  std::uint64_t sent = 0;
  constexpr auto patience = std::chrono::seconds(60);
  while (publisher.acked_events() < events) {
    while (sent < events && publisher.in_flight() < kFillInFlight) {
      batch.clear();
      const auto now = now_ns();
      const auto count = std::min({kFillEvents, events - sent, std::uint64_t{payloads.count()}});
      while (batch.size() < count) batch.push_back(payloads.stamped(now));
      publisher.publish(topic, batch, now);
      sent += count;
    }
    loop.flush(publisher);
    const auto before = publisher.acked();
    if (!loop.run_until([&] { return publisher.acked() != before; }, patience)) {
      throw BenchError("the broker has not answered a publish for a minute");
    }
    if (progress) progress(publisher.acked_events());
  }
  return publisher.last_offset();
}

// ---- Progress ----

Progress::Progress(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (wanted_) std::fputs("\r\x1b[K", stderr);
}

void Progress::say(const std::string& what) {
  constexpr std::int64_t interval = 100'000'000;
  const auto now = now_ns();
  if (!wanted_ || (last_ != 0 && now - last_ < interval)) return;
  last_ = now;
  std::fprintf(stderr, "\r\x1b[K%s", what.c_str());
}

}  // namespace tidemark::tools::bench
