// Eighths of a character, and what can be said of values that were only counted.
// tools/inspect/: see bar_plot.hpp.
#include "tools/inspect/bar_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace tidemark::tools {
namespace {

constexpr std::size_t kEighths = 8;
/// Bounds double, so there are no more of them than bits; an answer that has more is wrong.
constexpr std::size_t kMostBuckets = 128;

}  // namespace

std::string bar(double value, double most, std::size_t columns) {
  constexpr std::array<std::string_view, kEighths> kParts{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (!(value > 0) || !(most > 0) || columns == 0) return {};
  const auto whole = static_cast<double>(columns * kEighths);
  const auto share = std::min(value / most, 1.0);
  const auto eighths =
      std::max<std::size_t>(static_cast<std::size_t>(std::lround(share * whole)), 1);
  std::string out;
  for (std::size_t i = 0; i < eighths / kEighths; ++i) out += "█";
  out += kParts.at(eighths % kEighths);
  return out;
}

std::vector<Bucket> with_empty(std::vector<Bucket> buckets) {
  std::vector<Bucket> out;
  for (auto& bucket : buckets) {
    while (!out.empty() && out.back().most && bucket.most && out.size() < kMostBuckets &&
           *out.back().most > 0 && *out.back().most * 2 < *bucket.most) {
      out.push_back({.most = *out.back().most * 2, .count = 0});
    }
    out.push_back(bucket);
  }
  return out;
}

std::optional<Quantile> quantile(const std::vector<Bucket>& buckets, double part) {
  double all = 0;
  for (const auto& bucket : buckets) all += static_cast<double>(bucket.count);
  if (all == 0) return std::nullopt;
  const double wanted = part * all;
  double below = 0;
  double most = 0;
  for (const auto& bucket : buckets) {
    const auto count = static_cast<double>(bucket.count);
    if (!bucket.most) break;
    most = *bucket.most;
    if (count > 0 && below + count >= wanted) {
      const double least = most / 2;
      return Quantile{.value = least + (most - least) * std::max(wanted - below, 0.0) / count};
    }
    below += count;
  }
  return Quantile{.value = most, .beyond = true};
}

}  // namespace tidemark::tools
