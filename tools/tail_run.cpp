// Connects, follows, and ends in order; the client does the resuming.
// tools/: see tail_run.hpp.
#include "tools/tail_run.hpp"

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

void ignore(const std::exception_ptr& /*thrown*/) {}

}  // namespace

TailRun::TailRun(TailOptions options)
    : options_(std::move(options)),
      printer_(format_of(options_), STDOUT_FILENO,
               options_.is_pattern() ? Topics::many : Topics::one),
      signals_(io_, SIGINT, SIGTERM),
      client_(io_.get_executor(), client_of(options_)) {}

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
  auto last = depart();
  co_await std::move(last);
  close();
}

// Closing wakes whoever waits.
void TailRun::close() {
  if (std::exchange(closing_, true)) return;
  asio::co_spawn(io_, client_.close(), ignore);
}

asio::awaitable<void> TailRun::depart() { co_return; }

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
  ++printed_;
  if (options_.limit > 0 && printed_ == options_.limit) done_ = true;
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
