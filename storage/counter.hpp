// Counters that cost their writer an add, and that anybody may read meanwhile.
// storage/: what metrics are made of, here and in the broker; a figure is read late, never torn.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tidemark::storage {

/// Goes up by whatever its one writer says, or up and down if it says how much there is of
/// something. Threads: one writes at a time, any read.
class Counter {
 public:
  void add(std::uint64_t count = 1) { set(get() + count); }
  void take(std::uint64_t count = 1) { set(get() - count); }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// As Counter, with many writers: a locked instruction, so not for what happens with every event.
/// Threads: any.
class SharedCounter {
 public:
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How often a value fell between which bounds, as it was at about this moment.
struct Distribution {
  static constexpr std::size_t kBounds = 16;
  std::array<std::uint64_t, kBounds + 1> counts{};  ///< the last: above all bounds
  std::uint64_t sum = 0;
};

/// Counts values by size. The bounds double: `smallest`, twice that, four times, … up to
/// `smallest` << 15. Threads: one writes, any read.
class Histogram {
 public:
  explicit Histogram(std::uint64_t smallest) : smallest_(smallest) {}

  void note(std::uint64_t value) {
    std::size_t at = 0;
    while (at < Distribution::kBounds && value > bound(at)) ++at;
    counts_[at].add();
    sum_.add(value);
  }
  [[nodiscard]] std::uint64_t bound(std::size_t i) const { return smallest_ << i; }
  [[nodiscard]] Distribution get() const {
    Distribution out;
    for (std::size_t i = 0; i < counts_.size(); ++i) out.counts[i] = counts_[i].get();
    out.sum = sum_.get();
    return out;
  }

 private:
  const std::uint64_t smallest_;
  std::array<Counter, Distribution::kBounds + 1> counts_;
  Counter sum_;
};

}  // namespace tidemark::storage
