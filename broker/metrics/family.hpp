// Metrics as they are before they become a page: families, samples, labels.
// broker/metrics/: collectors make them, page.cpp writes them; plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/counter.hpp"

namespace tidemark::broker {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// One metric by name, with everything it is told by.
struct MetricFamily {
  enum class Kind : std::uint8_t { counter, gauge, histogram };
  struct Sample {
    MetricLabels labels;
    double value = 0;
    /// A histogram's, instead of the value: how many were up to each bound, and above all of them.
    std::vector<std::pair<double, std::uint64_t>> buckets = {};
    std::uint64_t count = 0;
    double sum = 0;
  };
  std::string name;
  std::string help;
  Kind kind = Kind::gauge;
  std::vector<Sample> samples;
};

/// Collects families, in order.
class MetricFamilies {
 public:
  /// Prometheus' names: words joined by '_', a unit where there is one, `_total` for counters.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  /// One whose samples follow.
  MetricFamily& counters(std::string_view name, std::string_view help);
  MetricFamily& gauges(std::string_view name, std::string_view help);
  MetricFamily& histograms(std::string_view name, std::string_view help);

  [[nodiscard]] const std::vector<MetricFamily>& all() const { return families_; }

 private:
  MetricFamily& begin(std::string_view name, std::string_view help, MetricFamily::Kind kind);
  std::vector<MetricFamily> families_;
};

void add_sample(MetricFamily& family, MetricLabels labels, double value);
/// `unit`: of the histogram's values, in the metric's.
void add_histogram(MetricFamily& family, MetricLabels labels, const storage::Histogram& histogram,
                   double unit = 1);

/// Prometheus' text format, version 0.0.4.
[[nodiscard]] std::string to_text(const std::vector<MetricFamily>& families);
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace tidemark::broker
