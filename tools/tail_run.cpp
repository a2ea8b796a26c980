// Connects, follows, and ends in order; the client does the resuming.
// tools/: see tail_run.hpp.
#include "tools/tail_run.hpp"

#include <chrono>
#include <csignal>
#include <exception>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>

#include "tools/connection_notes.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace asio = boost::asio;

namespace {

// Often enough that little comes twice after a kill, seldom enough to cost the broker nothing.
constexpr std::chrono::seconds kAcknowledgeEvery{1};
// A broker that is away must not hold up who wants to leave.
constexpr std::chrono::seconds kLastWordsTake{3};

void ignore(const std::exception_ptr& /*thrown*/) {}

}  // namespace

TailRun::TailRun(TailOptions options)
    : options_(std::move(options)),
      printer_(format_of(options_), STDOUT_FILENO,
               options_.is_pattern() ? Topics::many : Topics::one),
      signals_(io_, SIGINT, SIGTERM),
      client_(io_.get_executor(), client_of(options_)),
      acknowledge_at_(io_),
      patience_(io_) {}

int TailRun::run() {
  std::signal(SIGPIPE, SIG_IGN);
  signals_.async_wait([this](boost::system::error_code error, int /*signal*/) {
    if (!error) interrupt();
  });
  std::exception_ptr failed;
  asio::co_spawn(io_, whole(), [this, &failed](std::exception_ptr thrown) {
    failed = std::move(thrown);
    signals_.cancel();
  });
  io_.run();
  if (failed) std::rethrow_exception(failed);
  return code_;
}

void TailRun::interrupt() {
  interrupted_ = true;
  asio::co_spawn(io_, leave(), ignore);
  // A second signal finds the default action again.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

asio::awaitable<void> TailRun::leave() {
  auto last = last_words();
  co_await std::move(last);
  close();
}

// Closing wakes whoever waits.
void TailRun::close() {
  if (std::exchange(closing_, true)) return;
  asio::co_spawn(io_, client_.close(), ignore);
}

bool TailRun::flush() {
  if (!printer_.flush()) return false;
  printed();
  if (owes() && !std::exchange(acknowledge_armed_, true)) {
    acknowledge_at_.expires_after(kAcknowledgeEvery);
    acknowledge_at_.async_wait([this](boost::system::error_code error) {
      acknowledge_armed_ = false;
      if (!error) asio::co_spawn(io_, acknowledge(), ignore);
    });
  }
  return true;
}

asio::awaitable<void> TailRun::acknowledge() { co_return; }

void TailRun::refused(const client::Refusal& refusal) {
  const Errc code = refusal.code;
  if (client::passes(code) || code == Errc::cancelled || code == Errc::connection_lost) return;
  if (failed_) return;
  complain("the cursor " + options_.cursor + " cannot be moved: " + refusal.text);
  fail(kRefused);
}

asio::awaitable<void> TailRun::last_words() {
  if (!owes()) co_return;
  patience_.expires_after(kLastWordsTake);
  patience_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    warn("the broker could not be told where the cursor " + options_.cursor + " is now");
    fail(kIncomplete);
  });
  auto last = acknowledge();
  co_await std::move(last);
  patience_.cancel();
}

asio::awaitable<void> TailRun::settle() {
  static_cast<void>(flush());
  auto last = last_words();
  co_await std::move(last);
  acknowledge_at_.cancel();
  patience_.cancel();
}

asio::awaitable<void> TailRun::whole() {
  const auto connected = co_await client_.connect();
  if (!connected) {
    code_ = interrupted_ ? kIncomplete : complain_of(connected.error());
  } else {
    auto following = follow();
    co_await std::move(following);
    if (interrupted_ && !failed_) {
      const bool owing = options_.limit > 0 || options_.no_follow;
      code_ = owing && !done_ ? kIncomplete : kOk;
    }
  }
  if (!std::exchange(closing_, true)) co_await client_.close();
}

void TailRun::take(const Event& event, Epoch epoch) {
  printer_.event(event, epoch);
  ++events_;
  if (options_.limit > 0 && events_ == options_.limit) done_ = true;
}

void TailRun::take(const State& state) {
  printer_.state(state);
  if (options_.quiet || !state.last) return;
  const auto of = options_.is_pattern() ? " of " + state.topic : std::string();
  note("the state" + of + " as of offset " + std::to_string(state.position.offset.value) +
       "; what comes after it follows");
}

void TailRun::take(const std::string& topic, const Gap& gap, const std::string& goes_on) {
  printer_.gap(topic, gap);
  const auto of = options_.is_pattern() ? topic + ": " : std::string();
  warn(of + gap_text(gap) +
       (gap_answer(options_) == OnGap::fail ? "" : "; going on with " + goes_on));
}

void TailRun::take(const EpochNotice& notice) {
  printer_.epoch(notice);
  if (options_.quiet) return;
  const auto of = options_.is_pattern() ? " of " + notice.topic : std::string();
  note("from event " + std::to_string(notice.first.value) + of + " on this is epoch " +
       std::to_string(notice.epoch.value));
}

void TailRun::ended(const client::Refusal& refusal) {
  if (interrupted_ || failed_) return;
  code_ = kRefused;
  if (refusal.code == Errc::unknown_topic && !options_.is_pattern()) {
    complain(unknown_topic_text(options_.broker, options_.topic));
    if (!options_.quiet) note("--wait waits until there is one");
    return;
  }
  const bool unknown = client::is_of_credential(refusal.code);
  complain(unknown ? refusal.text + kWhoAreYou : refusal.text);
}

void TailRun::fail(ExitCode code) {
  failed_ = true;
  code_ = code;
  close();
}

}  // namespace tidemark::tools
