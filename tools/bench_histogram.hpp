// Latencies counted in buckets of constant relative width: any number of them in 32 KiB.
// tools/: part of `tidemark bench`.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tidemark::tools::bench {

/// Values up to 63 are exact, larger ones within 1.6 %; negative ones count as 0.
class Histogram {
 public:
  void record(std::int64_t value) {
    const auto v = value < 0 ? 0 : static_cast<std::uint64_t>(value);
    ++counts_[bucket(v)];
    ++total_;
    max_ = std::max(max_, v);
  }

  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    max_ = std::max(max_, other.max_);
  }

  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  /// The value that `percent` of all are at or below, as the upper edge of its bucket.
  [[nodiscard]] std::uint64_t percentile(double percent) const {
    const double exact = std::ceil(percent / 100 * static_cast<double>(total_));
    const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(upper_edge(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 6;  // 64 buckets per doubling

  static std::size_t bucket(std::uint64_t v) {
    if (v < (1U << kBits)) return v;
    const auto shift = static_cast<unsigned>(std::bit_width(v)) - kBits - 1;
    return (std::size_t{shift} << kBits) + (v >> shift);
  }
  static std::uint64_t upper_edge(std::size_t index) {
    if (index < (std::size_t{2} << kBits)) return index;
    const auto shift = (index >> kBits) - 1;
    const auto mantissa = (index & ((1U << kBits) - 1)) + (1U << kBits);
    return ((mantissa + 1) << shift) - 1;
  }

  std::array<std::uint64_t, std::size_t{60} << kBits> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace tidemark::tools::bench
