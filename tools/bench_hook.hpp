// An application's state hook, as slow and as large as a measurement wants it.
// tools/: part of `tidemark bench state`; tests use it too.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace tidemark::tools::bench {

/// Answers every request over HTTP with a bundle, on 127.0.0.1 and a thread of its own. Any number
/// of requests may be under way; each waits for the delay.
class HookServer {
 public:
  struct Options {
    std::chrono::milliseconds delay{0};
    /// Makes the bundle for a request's target, when the request has come: it is then as old as
    /// the delay when it is sent. Called on the server's thread.
    std::function<std::string(const std::string& target)> bundle;
    std::string content_type = "application/json";
  };

  /// Listens when it returns. Throws BenchError.
  explicit HookServer(Options options);
  /// Drops what is under way.
  ~HookServer();
  HookServer(const HookServer&) = delete;
  HookServer& operator=(const HookServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// So far, those not answered yet included.
  [[nodiscard]] std::uint64_t requests() const { return requests_.load(); }

 private:
  class Work;

  const Options options_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> requests_{0};
  std::thread thread_;
};

}  // namespace tidemark::tools::bench
