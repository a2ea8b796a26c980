// Metrics as they are before they become a page: see family.hpp.
// broker/metrics/: the only unit that knows prometheus-cpp, which writes the text.
#include "broker/metrics/family.hpp"

#include <limits>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace tidemark::broker {

MetricFamily& MetricFamilies::begin(std::string_view name, std::string_view help,
                                    MetricFamily::Kind kind) {
  return families_.emplace_back(
      MetricFamily{.name = std::string(name), .help = std::string(help), .kind = kind});
}

MetricFamily& MetricFamilies::counters(std::string_view name, std::string_view help) {
  return begin(name, help, MetricFamily::Kind::counter);
}

MetricFamily& MetricFamilies::gauges(std::string_view name, std::string_view help) {
  return begin(name, help, MetricFamily::Kind::gauge);
}

MetricFamily& MetricFamilies::histograms(std::string_view name, std::string_view help) {
  return begin(name, help, MetricFamily::Kind::histogram);
}

void MetricFamilies::counter(std::string_view name, std::string_view help, double value) {
  add_sample(counters(name, help), {}, value);
}

void MetricFamilies::gauge(std::string_view name, std::string_view help, double value) {
  add_sample(gauges(name, help), {}, value);
}

void add_sample(MetricFamily& family, MetricLabels labels, double value) {
  family.samples.push_back({.labels = std::move(labels), .value = value});
}

void add_histogram(MetricFamily& family, MetricLabels labels, const storage::Histogram& histogram,
                   double unit) {
  const auto now = histogram.get();
  MetricFamily::Sample sample{.labels = std::move(labels)};
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    sample.count += now.counts[i];
    const bool last = i == storage::Distribution::kBounds;
    const double bound = last ? std::numeric_limits<double>::infinity()
                              : static_cast<double>(histogram.bound(i)) * unit;
    sample.buckets.emplace_back(bound, sample.count);
  }
  sample.sum = static_cast<double>(now.sum) * unit;
  family.samples.push_back(std::move(sample));
}

namespace {

prometheus::MetricType type_of(MetricFamily::Kind kind) {
  switch (kind) {
    case MetricFamily::Kind::counter:
      return prometheus::MetricType::Counter;
    case MetricFamily::Kind::histogram:
      return prometheus::MetricType::Histogram;
    case MetricFamily::Kind::gauge:
      break;
  }
  return prometheus::MetricType::Gauge;
}

prometheus::ClientMetric metric_of(const MetricFamily::Sample& sample) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : sample.labels) out.label.push_back({name, value});
  out.counter.value = out.gauge.value = sample.value;
  out.histogram.sample_count = sample.count;
  out.histogram.sample_sum = sample.sum;
  for (const auto& [bound, count] : sample.buckets) {
    out.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
  }
  return out;
}

}  // namespace

std::string to_text(const std::vector<MetricFamily>& families) {
  std::vector<prometheus::MetricFamily> out;
  out.reserve(families.size());
  for (const auto& family : families) {
    auto& made = out.emplace_back();
    made.name = family.name;
    made.help = family.help;
    made.type = type_of(family.kind);
    for (const auto& sample : family.samples) made.metric.push_back(metric_of(sample));
  }
  const prometheus::TextSerializer serializer;
  return static_cast<const prometheus::Serializer&>(serializer).Serialize(out);
}

}  // namespace tidemark::broker
