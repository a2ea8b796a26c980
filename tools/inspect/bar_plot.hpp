// Bars and histograms drawn with characters.
// tools/inspect/: for stats; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::tools {

/// A bar of `columns` characters for `most`, in eighths of one: "███▌". What is more than nothing
/// is seen. Not padded.
[[nodiscard]] std::string bar(double value, double most, std::size_t columns);

/// How often values fell where. Bounds double from bucket to bucket.
struct Bucket {
  std::optional<double> most;  ///< values up to it, and above half of it; nullopt: above all others
  std::uint64_t count = 0;
  bool operator==(const Bucket&) const = default;
};

/// Buckets in order, with those between the first and the last that are empty.
[[nodiscard]] std::vector<Bucket> with_empty(std::vector<Bucket> buckets);

/// The value that `part` (0 to 1) of all values are at most, estimated as if those of a bucket lay
/// evenly in it.
struct Quantile {
  double value = 0;
  bool beyond = false;  ///< it is above `value`, and nothing is known of by how much
};
/// nullopt: there are no values. Pre: the buckets are in order.
[[nodiscard]] std::optional<Quantile> quantile(const std::vector<Bucket>& buckets, double part);

}  // namespace tidemark::tools
