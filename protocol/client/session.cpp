// Connecting, reconnecting, keeping time; see the coroutines named in session.hpp.
// protocol/client/: see session.hpp.
#include "protocol/client/session.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "protocol/codec.hpp"
#include "protocol/json_slices.hpp"

namespace tidemark::client {
namespace asio = boost::asio;

namespace {

// After a goodbye the broker closes when it has answered what it had accepted; a broker that hangs
// in it is left at the latest now.
constexpr std::chrono::seconds kGoodbyePatience{15};
constexpr milliseconds kClosePatience{1'000};
// An application that has no new token yet is asked again after a quarter of what is left.
constexpr milliseconds kRefreshPause{1'000};

Endpoint endpoint_of(const ClientOptions& options) {
  auto endpoint = parse_endpoint(options.url);
  if (!endpoint) {
    throw std::invalid_argument(
        "not a broker's URL (ws://, wss://, http:// or https://HOST:PORT): " + options.url);
  }
  return *endpoint;
}

/// Throws for a credential that can never be shown.
ClientOptions checked(ClientOptions options) {
  const auto* const fixed = std::get_if<std::string>(&options.credential);
  if (fixed != nullptr && !can_be_shown(*fixed)) {
    throw std::invalid_argument("the credential holds characters that no token or API key has");
  }
  return options;
}

std::uint64_t random_number() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string random_name(std::uint64_t seed) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::mt19937_64 random(seed);
  std::string out = "client-";
  for (int i = 0; i < 24; ++i) out += kDigits[random() % kDigits.size()];
  return out;
}

Outbox::Options outbox_options(const ClientOptions& options, std::uint64_t seed) {
  Outbox::Options out;
  out.producer.id = options.producer_id.empty() ? random_name(seed) : options.producer_id;
  out.producer.epoch = options.producer_epoch;
  out.publishes_in_flight = std::max<std::size_t>(options.publishes_in_flight, 1);
  out.bytes_in_flight = options.publish_bytes_in_flight;
  out.backoff_min = options.backoff_min;
  out.backoff_max = options.backoff_max;
  out.seed = seed + 1;
  return out;
}

/// How a publish's data is embedded in JSON: as its content type wants it if all of it is that,
/// else as bytes, which every content type takes.
Payload embedding(const Publish& publish) {
  const Payload wanted =
      publish.content_type.empty() ? Payload::bytes : payload_of(publish.content_type);
  const auto fits = [wanted](const NewEvent& event) {
    if (wanted == Payload::text) return valid_utf8(event.data);
    return wanted == Payload::json && !check_json(event.data, limits::json_depth).fault;
  };
  return std::ranges::all_of(publish.events, fits) ? wanted : Payload::bytes;
}

/// Keeps the link until its writer is done, which may be a little after the reader.
asio::awaitable<void> write_queued(std::shared_ptr<Link> link) { co_await link->write_queued(); }

}  // namespace

Session::Session(asio::any_io_executor executor, ClientOptions options)
    : options_(checked(std::move(options))),
      endpoint_(endpoint_of(options_)),
      trust_(endpoint_.tls ? std::make_shared<Trust>(options_.trust) : nullptr),
      strand_(asio::make_strand(std::move(executor))),
      seed_(options_.seed.value_or(random_number())),
      outbox_(outbox_options(options_, seed_), [this] { return ++last_id_; }),
      backoff_(options_.backoff_min, options_.backoff_max, seed_),
      due_(Clock::time_point::max()),
      changed_(strand_),
      paused_(strand_),
      time_(strand_),
      drained_(strand_),
      answered_(strand_) {}

// ---- what the application asks for ----

asio::awaitable<Reply<void>> Session::connect() {
  start();
  const std::uint64_t before = outcomes_;
  while (!up_ && !closing_ && outcomes_ == before) co_await changed_.wait();
  if (up_) co_return Reply<void>();
  if (closing_) co_return *end_reason_;
  co_return *last_reason_;
}

/// An answer somebody waits for.
template <class T>
struct Session::Waiting {
  explicit Waiting(const asio::any_io_executor& strand) : done(strand) {}
  void settle(Reply<T> answer) {
    reply = std::move(answer);
    done.raise();
  }
  Signal done;
  std::optional<Reply<T>> reply;
};

asio::awaitable<Reply<PublishReceipt>> Session::publish(Publish publish, milliseconds timeout) {
  if (closing_) co_return *end_reason_;
  start();
  std::optional<Clock::time_point> deadline;
  if (timeout.count() > 0) deadline = Clock::now() + timeout;
  const auto waiting = std::make_shared<Waiting<PublishReceipt>>(strand_);
  Outbox::Done done = [waiting](Reply<PublishReceipt> reply) { waiting->settle(std::move(reply)); };
  const auto ticket = outbox_.add(std::move(publish), deadline, std::move(done));
  if (deadline) due_by(*deadline);
  pump();
  while (!waiting->reply) {
    co_await waiting->done.wait();
    if (waiting->reply) break;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() == asio::cancellation_type::none) continue;
    Refusal refusal = refusal_of(Errc::cancelled);
    refusal.outcome_unknown = !outbox_.abandon(ticket);
    waiting->reply = Reply<PublishReceipt>(std::move(refusal));
  }
  answered_.raise();
  co_return std::move(*waiting->reply);
}

asio::awaitable<Reply<Position>> Session::acknowledge(std::string topic, std::string cursor,
                                                      Position position) {
  if (closing_) co_return *end_reason_;
  start();
  const auto waiting = std::make_shared<Waiting<Position>>(strand_);
  Acknowledgements::Done done = [waiting](Reply<Position> reply) {
    waiting->settle(std::move(reply));
  };
  const auto ticket =
      acknowledgements_.add(std::move(topic), std::move(cursor), position, std::move(done));
  pump();
  while (!waiting->reply) {
    co_await waiting->done.wait();
    if (waiting->reply) break;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() == asio::cancellation_type::none) continue;
    acknowledgements_.abandon(ticket);
    co_return refusal_of(Errc::cancelled);
  }
  co_return std::move(*waiting->reply);
}

asio::awaitable<Reply<void>> Session::room() {
  while (!closing_ && !outbox_.has_room()) co_await answered_.wait();
  if (closing_) co_return *end_reason_;
  co_return Reply<void>();
}

asio::awaitable<void> Session::close() {
  const auto self = shared_from_this();
  end(refusal_of(Errc::cancelled));
  if (usable()) co_await link_->close(kClosePatience);
  abort();
  while (coroutines_ > 0) co_await changed_.wait();
}

void Session::abort() {
  end(refusal_of(Errc::cancelled));
  if (link_) link_->fail(refusal_of(Errc::cancelled));
}

void Session::end(const Refusal& refusal) {
  closing_ = true;
  if (!end_reason_) end_reason_ = refusal;
  outbox_.refuse_all(refusal);
  acknowledgements_.refuse_all(refusal);
  end_feeds(refusal);
  for (Signal* signal : {&changed_, &paused_, &time_, &drained_, &answered_}) signal->raise();
}

// ---- the connection ----

void Session::start() {
  if (started_ || closing_) return;
  started_ = true;
  spawn(run());
  spawn(keep_time());
}

void Session::spawn(asio::awaitable<void> coroutine) {
  ++coroutines_;
  asio::co_spawn(strand_, std::move(coroutine),
                 [self = shared_from_this()](std::exception_ptr thrown) {
                   --self->coroutines_;
                   // Ours don't throw; the application's on_status may, or memory has run out.
                   if (thrown) self->abort();
                   self->changed_.raise();
                 });
}

asio::awaitable<void> Session::run() {
  while (!closing_) {
    complaint_.reset();
    report(Connecting{++attempts_});
    link_ = std::make_shared<Link>(strand_, options_, trust_);
    shown_ = current(options_.credential);
    if (!can_be_shown(shown_)) shown_.clear();
    const bool open = co_await link_->open(endpoint_, shown_);
    if (open && !closing_) co_await serve();
    link_->fail(refusal_of(Errc::cancelled));
    if (closing_) break;
    last_reason_ =
        complaint_ && link_->reason().code == Errc::connection_lost ? *complaint_ : link_->reason();
    if (is_of_credential(last_reason_->code) && settle_credential()) continue;
    const bool goodbye = come_back_after_.has_value();
    const milliseconds delay = next_delay();
    ++outcomes_;
    changed_.raise();
    report(Disconnected{.reason = *last_reason_, .retry_in = delay, .goodbye = goodbye});
    co_await pause(delay);
  }
}

asio::awaitable<void> Session::serve() {
  const auto link = link_;
  came_up();
  spawn(write_queued(link));
  while (!link->failed()) {
    co_await wait_for_room();
    auto message = co_await link->read();
    if (message) receive(*message);
  }
  if (link->reason().code == Errc::message_too_large) outbox_.too_large(link->reason());
  went_down();
}

/// The broker does not take what was shown. True if it is settled what comes of it: there is
/// another one to be shown at once, or there never will be.
bool Session::settle_credential() {
  if (!renews(options_.credential)) {
    const Refusal reason = *last_reason_;
    end(reason);
    report(GaveUp{reason});
    return true;
  }
  if (std::exchange(asked_again_, true)) return false;
  return current(options_.credential) != shown_;
}

/// Shows the broker another credential if there is one by now; else looks again later.
void Session::refresh_credential(Clock::time_point now) {
  refresh_at_.reset();
  if (!usable() || !expires_at_ || now >= *expires_at_) return;
  auto next = current(options_.credential);
  if (next == shown_ || next.empty() || !can_be_shown(next)) {
    const auto left = std::chrono::ceil<milliseconds>(*expires_at_ - now);
    refresh_at_ = now + std::max(kRefreshPause, left / 4);
    return due_by(*refresh_at_);
  }
  shown_ = next;
  auth_id_ = ++last_id_;
  send(Authenticate{.id = auth_id_, .token = std::move(next)});
}

/// Reading stops while the application has more waiting than it wanted.
asio::awaitable<void> Session::wait_for_room() {
  if (!full_) co_return;
  while (full_->full() && !full_->over() && !link_->failed()) co_await drained_.wait();
  full_.reset();
  // Nothing could be heard meanwhile, and that was our doing.
  link_->heard(Clock::now());
}

void Session::came_up() {
  up_ = true;
  attempts_ = 0;
  asked_again_ = false;
  ++outcomes_;
  leave_by_.reset();
  come_back_after_.reset();
  pinged_ = Clock::now();
  report(Connected{});
  changed_.raise();
  ask_all();
  pump();
  due_by(pinged_ + options_.ping_interval);
}

void Session::went_down() {
  up_ = false;
  refresh_at_.reset();
  expires_at_.reset();
  outbox_.disconnected();
  acknowledgements_.disconnected();
  for (const auto& [topic, feed] : feeds_) feed->disconnected();
  for (const auto& feed : patterns_) feed->disconnected();
  changed_.raise();
}

milliseconds Session::next_delay() {
  if (!come_back_after_) return backoff_.next();
  return *std::exchange(come_back_after_, std::nullopt);
}

asio::awaitable<void> Session::pause(milliseconds delay) {
  const auto until = Clock::now() + delay;
  while (!closing_ && Clock::now() < until) co_await paused_.wait_until(until);
}

// ---- messages ----

void Session::receive(std::string_view bytes) {
  auto decoded = decode_server(options_.form, bytes);
  if (!decoded) {
    return link_->fail(refusal_of(Errc::malformed_message,
                                  "the broker sent a message that cannot "
                                  "be read: " +
                                      decoded.error().text));
  }
  // A connection that only ever brings errors is no reason to come back faster.
  if (!std::holds_alternative<Failure>(*decoded)) backoff_.reset();
  std::visit([this](auto& message) { on(message); }, *decoded);
}

void Session::on(Published& message) {
  outbox_.published(message);
  pump();
}

void Session::on(Acknowledged& message) {
  acknowledgements_.acknowledged(message);
  pump();
}

void Session::on(Goodbye& message) {
  come_back_after_ = std::min(milliseconds(message.reconnect_after_ms), options_.goodbye_max);
  leave_by_ = Clock::now() + kGoodbyePatience;
  due_by(*leave_by_);
}

void Session::on(TokenExpires& message) {
  if (!renews(options_.credential)) return;
  const auto now = Clock::now();
  expires_at_ = now + milliseconds(message.in_ms);
  refresh_credential(now);
}

void Session::on(Failure& message) {
  if (auth_id_ != 0 && message.id == auth_id_) {
    // Else the connection ends with it, and another one begins.
    if (message.code != Errc::rate_limited) return;
    shown_.clear();
    refresh_at_ = Clock::now() + milliseconds(message.retry_after_ms.value_or(0)) + kRefreshPause;
    return due_by(*refresh_at_);
  }
  if (outbox_.failed(message, Clock::now()) || acknowledgements_.failed(message)) return pump();
  if (feed_failed(message)) return;
  if (message.id == 0) complaint_ = refusal_of(message);
}

void Session::pump() {
  if (!usable() || leave_by_) return;
  outbox_.pump(Clock::now(), [this](const ClientMessage& publish) { send(publish); });
  if (const auto wake = outbox_.held_until()) due_by(*wake);
  acknowledgements_.pump([this] { return ++last_id_; },
                         [this](const ClientMessage& message) { send(message); });
}

void Session::send(const ClientMessage& message) {
  const auto* publish = std::get_if<Publish>(&message);
  const bool json = options_.form == WireForm::json;
  std::string bytes;
  encode(options_.form, message, publish && json ? embedding(*publish) : Payload::bytes, bytes);
  link_->send(std::move(bytes));
}

// ---- time ----

asio::awaitable<void> Session::keep_time() {
  while (!closing_) {
    const auto now = Clock::now();
    outbox_.expire(now);
    retry_feeds(now);
    check_silence(now);
    if (refresh_at_ && now >= *refresh_at_) refresh_credential(now);
    pump();
    due_ = next_due(now);
    co_await time_.wait_until(due_);
  }
}

void Session::due_by(Clock::time_point then) {
  if (then >= due_) return;
  due_ = then;
  time_.raise();
}

Clock::time_point Session::next_due(Clock::time_point now) {
  auto due = outbox_.next_wake(now).value_or(Clock::time_point::max());
  if (usable()) due = std::min(due, next_retry());
  if (usable())
    due = std::min(due, std::max(link_->last_heard(), pinged_) + options_.ping_interval);
  if (usable() && leave_by_) due = std::min(due, *leave_by_);
  if (usable() && refresh_at_) due = std::min(due, *refresh_at_);
  return due;
}

void Session::check_silence(Clock::time_point now) {
  if (!usable()) return;
  if (leave_by_ && now >= *leave_by_) {
    return link_->fail(refusal_of(Errc::connection_lost, "the broker said goodbye"));
  }
  if (full_) return link_->heard(now);
  const auto silent = now - link_->last_heard();
  if (silent < options_.ping_interval || now - pinged_ < options_.ping_interval) {
    return;
  }
  if (silent >= 2 * options_.ping_interval) {
    return link_->fail(refusal_of(Errc::timed_out, "the broker does not answer pings"));
  }
  pinged_ = now;
  send(Ping{.id = ++last_id_});
}

void Session::report(Status status) {
  if (options_.on_status) options_.on_status(status);
}

}  // namespace tidemark::client
