// What the engine below a log has failed at, in its own words.
// storage/: RocksDB tells it from any of its threads; who runs the broker is told.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace tidemark::storage {

/// Threads: any. Lock: its own, innermost.
class EngineErrors {
 public:
  struct State {
    std::uint64_t count = 0;  ///< met at work, since the start
    bool now = false;         ///< one since it was opened last
    std::string last;         ///< the newest, whether at work or while it was being opened
  };

  void met(std::string text) {
    const std::lock_guard lock(mutex_);
    ++state_.count;
    state_.now = true;
    state_.last = std::move(text);
  }
  /// It could not be opened.
  void not_opened(std::string text) {
    const std::lock_guard lock(mutex_);
    state_.last = std::move(text);
  }
  /// It has been opened, and works.
  void over() {
    const std::lock_guard lock(mutex_);
    state_.now = false;
  }
  [[nodiscard]] State state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }

 private:
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace tidemark::storage
