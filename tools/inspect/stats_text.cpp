// One section after another, each from what the answer holds.
// tools/inspect/: see stats_text.hpp.
#include "tools/inspect/stats_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "tools/cursors.hpp"
#include "tools/inspect/bar_plot.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/text_table.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

/// A bar is not drawn longer on a wide terminal: the eye has to come back to its number.
constexpr std::size_t kMostBar = 40;
constexpr std::size_t kLeastBar = 8;

struct Page {
  int fd;
  std::size_t width;
};

double real_of(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  boost::system::error_code error;
  const auto number = value == nullptr ? 0.0 : value->to_number<double>(error);
  return error || !std::isfinite(number) || number < 0 ? 0 : number;
}

std::uint64_t whole_of(const json::object& object, const char* name) {
  constexpr double kMost = 9'007'199'254'740'992;
  return static_cast<std::uint64_t>(std::min(real_of(object, name), kMost));
}

json::object object_of(const json::object& object, const char* name) {
  const auto* found = object.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : json::object();
}

std::string decimals(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

// ---- rows ----

/// A name, a number as text, and how long its bar is.
struct Row {
  std::string name;
  std::string value;
  double size = 0;
  std::string more;  ///< in place of a bar
};

std::string heading(const Page& page, const std::string& text) {
  return "\n" + paint(page.fd, Colour::bold, text) + "\n";
}

/// The rows under a heading, with bars as long as their sizes are to `most`; nothing without rows.
std::string section(const Page& page, const std::string& title, const std::vector<Row>& rows,
                    double most) {
  if (rows.empty()) return {};
  std::size_t names = 0;
  std::size_t values = 0;
  for (const auto& row : rows) {
    names = std::max(names, characters(row.name));
    values = std::max(values, characters(row.value));
  }
  const auto used = 2 + names + 2 + values + 2;
  const auto columns = std::clamp(page.width > used ? page.width - used : 0, kLeastBar, kMostBar);
  std::string out = heading(page, title);
  for (const auto& row : rows) {
    auto line = "  " + pad(row.name, names) + "  " + pad(row.value, values, true);
    const auto end = row.more.empty() ? bar(row.size, most, columns) : row.more;
    if (!end.empty()) line += "  " + end;
    out += line + "\n";
  }
  return out;
}

std::string section(const Page& page, const std::string& title, const std::vector<Row>& rows) {
  double most = 0;
  for (const auto& row : rows) most = std::max(most, row.size);
  return section(page, title, rows, most);
}

/// If the figure is there.
void add_size(const json::object& figures, const char* figure, const char* name,
              std::vector<Row>& rows) {
  if (!figures.contains(figure)) return;
  rows.push_back({name, size_behind(whole_of(figures, figure)), real_of(figures, figure), {}});
}

// ---- sizes ----

std::string sizes_text(const Page& page, const json::object& stats) {
  const auto engine = object_of(stats, "engine");
  const auto memory = object_of(stats, "memory");
  std::vector<Row> disk;
  add_size(engine, "live_files_bytes", "files in use", disk);
  add_size(engine, "files_bytes", "all files", disk);
  add_size(engine, "pending_compaction_bytes", "to be compacted", disk);
  std::vector<Row> held;
  add_size(engine, "memtable_bytes", "not in files yet", held);
  add_size(memory, "ring_bytes", "newest events", held);
  add_size(memory, "segment_cache_bytes", "older events", held);
  add_size(engine, "block_cache_bytes", "block cache", held);
  add_size(engine, "table_readers_bytes", "open files", held);
  auto out = section(page, "On the disk", disk);
  if (const auto free = number_of(object_of(stats, "disk"), "free_bytes"); free > 0) {
    out += "  " + size_behind(free) + " are free\n";
  }
  return out + section(page, "In memory", held);
}

// ---- levels ----

std::string levels_text(const Page& page, const json::object& stats) {
  const auto* levels = stats.if_contains("levels");
  if (levels == nullptr || !levels->is_array() || levels->get_array().empty()) return {};
  double most = 0;
  for (const auto& level : levels->get_array()) {
    if (level.is_object()) most = std::max(most, real_of(level.get_object(), "bytes"));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& value : levels->get_array()) {
    if (!value.is_object()) continue;
    const auto& level = value.get_object();
    rows.push_back({printable(text_of(level, "family")), std::to_string(number_of(level, "level")),
                    grouped(number_of(level, "files")), size_behind(whole_of(level, "bytes")),
                    bar(real_of(level, "bytes"), most, kMostBar / 2)});
  }
  return "\n" + text_table(page.fd,
                           {{"FAMILY"}, {"LEVEL", true}, {"FILES", true}, {"SIZE", true}, {""}},
                           rows);
}

// ---- writing ----

std::string writing_text(const Page& page, const json::object& stats) {
  const auto engine = object_of(stats, "engine");
  std::vector<Row> rows;
  add_size(engine, "written_bytes_total", "keys and values", rows);
  add_size(engine, "wal_bytes_total", "write-ahead log", rows);
  add_size(engine, "flush_write_bytes_total", "new files", rows);
  add_size(engine, "compaction_write_bytes_total", "compactions", rows);
  auto out = section(page, "Written since the start", rows);
  if (const auto times = real_of(stats, "write_amplification"); times > 0) {
    out += "  write amplification " + decimals(times, 2) +
           ": bytes written for each byte of keys and values\n";
  }
  const auto syncs = whole_of(engine, "wal_syncs_total");
  if (syncs > 0) out += "  " + grouped(syncs) + " syncs of the write-ahead log\n";
  if (const auto stalled = real_of(engine, "stall_seconds_total"); stalled > 0) {
    out += "  " +
           paint(page.fd, Colour::yellow,
                 "writing was held up for " + time_text(stalled * 1e6) + " in all") +
           "\n";
  }
  return out;
}

// ---- caches ----

void add_rate(const char* name, std::uint64_t hits, std::uint64_t misses, std::vector<Row>& rows) {
  const auto all = static_cast<double>(hits) + static_cast<double>(misses);
  if (all == 0) {
    rows.push_back({name, "–", 0, "not asked yet"});
    return;
  }
  const auto share = static_cast<double>(hits) / all;
  rows.push_back({name, decimals(share * 100, 1) + "%", share, {}});
}

std::string caches_text(const Page& page, const json::object& stats) {
  const auto engine = object_of(stats, "engine");
  const auto segments = object_of(stats, "segment_cache");
  std::vector<Row> rows;
  add_rate("blocks", whole_of(engine, "block_cache_hits_total"),
           whole_of(engine, "block_cache_misses_total"), rows);
  add_rate("older events", number_of(segments, "hits"), number_of(segments, "misses"), rows);
  return section(page, "Found in a cache", rows, 1);
}

// ---- histograms ----

std::vector<Bucket> buckets_of(const json::object& histogram) {
  std::vector<Bucket> out;
  const auto* buckets = histogram.if_contains("buckets");
  if (buckets == nullptr || !buckets->is_array()) return out;
  for (const auto& value : buckets->get_array()) {
    if (!value.is_object()) continue;
    const auto& bucket = value.get_object();
    const auto* most = bucket.if_contains("le");
    const bool bounded = most != nullptr && most->is_number();
    out.push_back({.most = bounded ? std::optional(real_of(bucket, "le")) : std::nullopt,
                   .count = number_of(bucket, "count")});
  }
  return out;
}

using Unit = std::string (*)(double);

std::string bytes_text(double bytes) { return size_behind(static_cast<std::uint64_t>(bytes)); }

std::string quantile_text(const std::vector<Bucket>& buckets, double part, Unit unit) {
  const auto found = quantile(buckets, part);
  if (!found) return "–";
  return (found->beyond ? "over " : "") + unit(found->value);
}

std::string histogram_text(const Page& page, const std::string& title,
                           const json::object& histogram, Unit unit) {
  const auto count = number_of(histogram, "count");
  if (count == 0) return {};
  const auto buckets = with_empty(buckets_of(histogram));
  std::vector<Row> rows;
  double above = 0;
  for (const auto& bucket : buckets) {
    rows.push_back({bucket.most ? "≤ " + unit(*bucket.most) : "> " + unit(above),
                    grouped(bucket.count),
                    static_cast<double>(bucket.count),
                    {}});
    above = bucket.most.value_or(above);
  }
  const auto mean = real_of(histogram, "sum") / static_cast<double>(count);
  return section(page,
                 title + ": " + grouped(count) + ", half within " +
                     quantile_text(buckets, 0.5, unit) + ", 99% within " +
                     quantile_text(buckets, 0.99, unit) + ", " + unit(mean) + " on average",
                 rows);
}

std::string commits_text(const Page& page, const json::object& stats) {
  const auto commits = object_of(stats, "commits");
  std::string out =
      histogram_text(page, "Commits synced to the disk", object_of(commits, "synced"), time_text);
  out += histogram_text(page, "Commits handed to the system", object_of(commits, "buffered"),
                        time_text);
  out += histogram_text(page, "Sizes of commits", object_of(commits, "group_bytes"), bytes_text);
  return out.empty() ? heading(page, "Commits") + "  none since the start\n" : out;
}

std::string head_text(const json::object& stats) {
  const auto topics = number_of(stats, "topics");
  std::string out = counted(topics, "topic");
  if (const auto memory = object_of(stats, "memory"); !memory.empty()) {
    out += ", " + grouped(number_of(memory, "open_topics")) + " of them open";
  }
  if (const auto commits = object_of(stats, "commits"); !commits.empty()) {
    out += "; since the start " + counted(number_of(commits, "events"), "event") + " in " +
           counted(number_of(commits, "publishes"), "publish", "publishes") + " and " +
           counted(number_of(commits, "groups"), "commit");
  }
  return out + "\n";
}

}  // namespace

std::string time_text(double us) {
  const auto scaled = [](double value, const char* unit) {
    return decimals(value, value < 10 ? 1 : 0) + unit;
  };
  if (us < 1'000) return decimals(us, 0) + " µs";
  if (us < 1'000'000) return scaled(us / 1'000, " ms");
  return scaled(us / 1'000'000, " s");
}

std::string stats_text(const json::object& stats, int fd, std::size_t width) {
  const Page page{.fd = fd, .width = width};
  auto out = head_text(stats) + sizes_text(page, stats) + levels_text(page, stats);
  // Files have been opened for this look alone: their counts would be those of the look.
  if (!stats.contains("commits")) return out;
  return out + writing_text(page, stats) + caches_text(page, stats) + commits_text(page, stats);
}

}  // namespace tidemark::tools
