// Asks applications over HTTP, many at a time on one thread.
// broker/state/: the hook source tells it what to ask, and makes a state of the answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "protocol/result.hpp"

namespace tidemark::broker {

struct HookCall {
  std::string url;
  std::vector<std::string> headers;          ///< "Name: value"; no line ends in them
  std::filesystem::path ca_file;             ///< empty: the system's
  bool private_addresses = false;            ///< see OutboundDoor
  std::chrono::milliseconds timeout{5'000};  ///< of one try
  std::uint32_t tries = 3;                   ///< in all
  std::size_t max_bytes = 0;                 ///< of a body, bounded while it arrives
};

struct HookAnswer {
  long status = 0;
  std::string content_type;  ///< empty: none
  std::string offset;        ///< Tidemark-Offset; empty: none. Several are joined by ", "
  std::string body;
};

/// Codes: state_failed, state_too_large, timed_out. `text` is a clause for the log.
struct HookFailure {
  Errc code = Errc::state_failed;
  std::string text;
};

using HookOutcome = std::variant<HookAnswer, HookFailure>;

/// Threads: any. One thread of its own, begun with the first call.
class HookClient {
 public:
  explicit HookClient(std::size_t at_a_time);
  ~HookClient();
  HookClient(const HookClient&) = delete;
  HookClient& operator=(const HookClient&) = delete;

  /// GETs. What fails in a way that may pass (no connection, no answer in time, a status of 5xx or
  /// 429) is tried again after a pause that grows; any other status is an answer. `done` is called
  /// once on the client's thread, unless the call is cancelled or the client stopped; it must not
  /// block. No more than `at_a_time` are under way, others wait in order.
  using Done = std::function<void(HookOutcome)>;
  std::uint64_t start(HookCall call, Done done);
  /// Nobody waits for it any more; `done` may be under way.
  void cancel(std::uint64_t call);
  /// Another bound from now on.
  void allow(std::size_t at_a_time);

  struct Figures {
    std::uint64_t requests = 0;  ///< tries
    std::uint64_t failures = 0;  ///< of them, those that failed
  };
  [[nodiscard]] Figures figures() const;

  /// Breaks off what is under way; nothing is called afterwards. Not from `done`. Safe to call
  /// twice.
  void stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark::broker
