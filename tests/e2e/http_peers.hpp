// Who follows and appends to a JSON stream over HTTP: an EventSource, a long-poller, an appender.
// tests/e2e/: blocking, a thread each; they come back by themselves, as applications' do.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tidemark::test {

/// What one follower has been given, in order: its events as JSON texts. Threads: any.
class Seen {
 public:
  void add(std::string event);
  void wrong(std::string what);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::vector<std::string> events() const;
  /// What was no event and no reconnect; empty: nothing.
  [[nodiscard]] std::string faults() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  std::string faults_;
  std::atomic<std::size_t> count_{0};
};

/// What they have in common.
struct HttpScene {
  std::uint16_t port = 0;
  std::string path;                 ///< of the stream, below /v1/stream/
  std::atomic<bool> over{false};    ///< then they end with their connection
  std::atomic<bool> enough{false};  ///< then nothing more is appended
  std::atomic<std::size_t> connections{0};
  std::mutex mutex;
  std::vector<std::uint64_t>
      told_ms;  ///< `retry:` of streams that ended, as an EventSource obeys it
};

/// Follows by an event stream, resuming by Last-Event-ID, until the scene is over.
void follow_events(HttpScene& scene, Seen& seen);
/// Follows by long-polls and Stream-Next-Offset.
void follow_polls(HttpScene& scene, Seen& seen);
/// Appends {"by":name,"n":0}, 1, 2 … as an idempotent producer until it is enough; returns how many
/// have been acknowledged.
std::uint64_t append_events(HttpScene& scene, const std::string& name);

}  // namespace tidemark::test
