// How a subscription stands with the broker: not asked for, asked for, or live.
// protocol/client/: part of each feed. Threads: the session's strand.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "protocol/client/backoff.hpp"
#include "protocol/client/options.hpp"

namespace tidemark::client {

class Standing {
 public:
  explicit Standing(Backoff backoff) : backoff_(std::move(backoff)) {}

  void ask(RequestId id) {
    phase_ = Phase::asked;
    id_ = id;
    retry_at_.reset();
  }
  void go() { phase_ = Phase::live; }
  void stop() { phase_ = Phase::idle; }
  void stop_for_good() {
    stop();
    retry_at_.reset();
  }
  /// Ask again when some time has passed; an earlier appointment stays.
  void retry(Clock::time_point now) {
    if (!retry_at_) retry_at_ = now + backoff_.next();
  }
  /// What made it wait is over.
  void calm() { backoff_.reset(); }

  /// Is this the answer to the last ask()?
  [[nodiscard]] bool asked(RequestId id) const { return phase_ == Phase::asked && id_ == id; }
  [[nodiscard]] bool live() const { return phase_ == Phase::live; }
  [[nodiscard]] const std::optional<Clock::time_point>& retry_at() const { return retry_at_; }

 private:
  enum class Phase : std::uint8_t { idle, asked, live };
  Phase phase_ = Phase::idle;
  RequestId id_ = 0;
  std::optional<Clock::time_point> retry_at_;
  Backoff backoff_;
};

/// Is a refusal of a subscription, or its end, worth another try later? Beside what passes for
/// everybody, an application that makes states may be back by then.
[[nodiscard]] inline bool may_come_back(Errc code) {
  return passes(code) || code == Errc::state_failed || code == Errc::timed_out;
}

}  // namespace tidemark::client
