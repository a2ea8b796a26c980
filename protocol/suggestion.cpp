// Distances between words.
// protocol/: see suggestion.hpp.
#include "protocol/suggestion.hpp"

#include <algorithm>

namespace tidemark {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Damerau's distance with adjacent swaps, by rows.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      cost[i][j] =
          std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view typed,
                                   const std::vector<std::string>& candidates) {
  const std::size_t most = std::max<std::size_t>(1, typed.size() / 3);
  std::optional<std::string> best;
  std::size_t least = most + 1;
  for (const auto& candidate : candidates) {
    const auto [shorter, longer] = std::minmax({typed.size(), candidate.size()});
    if (longer - shorter >= least) continue;  // as many letters are missing at least
    const auto changes = distance(typed, candidate);
    if (changes >= least) continue;
    least = changes;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string>& candidates) {
  const auto best = closest(typed, candidates);
  return best ? ", did you mean " + *best + "?" : "";
}

}  // namespace tidemark
