// Tables, numbers fit for reading, and JSON written by hand.
// tools/: see bench_report.hpp.
#include "tools/bench_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "protocol/json_text.hpp"

namespace tidemark::tools::bench {
namespace {

std::string shown(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell.value)) return *text;
  auto out = pretty(std::get<double>(cell.value));
  if (!cell.unit.empty()) out += ' ' + cell.unit;
  return out;
}

void print_list(const Row& row) {
  std::size_t width = 0;
  for (const auto& cell : row.cells()) width = std::max(width, cell.label.size());
  for (const auto& cell : row.cells()) {
    std::printf("  %-*s  %s\n", static_cast<int>(width), cell.label.c_str(), shown(cell).c_str());
  }
}

void print_columns(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& cell : rows.front().cells()) widths.push_back(cell.label.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.cells().size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], shown(row.cells()[i]).size());
    }
  }
  const auto line = [&](const Row& row, auto text_of) {
    for (std::size_t i = 0; i < row.cells().size() && i < widths.size(); ++i) {
      std::printf("  %*s", static_cast<int>(widths[i]), text_of(row.cells()[i]).c_str());
    }
    std::printf("\n");
  };
  line(rows.front(), [](const Cell& cell) { return cell.label; });
  for (const auto& row : rows) line(row, shown);
}

std::string json_of(const Row& row) {
  std::string out = "{";
  for (const auto& cell : row.cells()) {
    if (out.size() > 1) out += ',';
    append_json_string(out, cell.key);
    out += ':';
    if (const auto* text = std::get_if<std::string>(&cell.value)) {
      append_json_string(out, *text);
    } else {
      char number[40];
      const double value = std::get<double>(cell.value);
      std::snprintf(number, sizeof number, "%.10g", std::isfinite(value) ? value : 0.0);
      out += number;
    }
  }
  return out + '}';
}

}  // namespace

Row& Row::number(std::string key, std::string label, double value, std::string unit) {
  cells_.push_back({std::move(key), std::move(label), value, std::move(unit)});
  return *this;
}

Row& Row::text(std::string key, std::string label, std::string value) {
  cells_.push_back({std::move(key), std::move(label), std::move(value)});
  return *this;
}

Row& Row::latency(const std::string& key, const std::string& label, const Histogram& ns) {
  if (ns.count() == 0) return *this;
  const auto put = [&](const std::string& suffix, const std::string& name, std::uint64_t value) {
    number(key + '_' + suffix + "_ms", label + ' ' + name, static_cast<double>(value) / 1e6, "ms");
  };
  put("p50", "p50", ns.percentile(50));
  put("p90", "p90", ns.percentile(90));
  put("p99", "p99", ns.percentile(99));
  put("p999", "p99.9", ns.percentile(99.9));
  put("max", "max", ns.max());
  return *this;
}

void print_table(const Report& report) {
  std::printf("tidemark bench %s\n", report.mode.c_str());
  print_list(report.setting);
  if (!report.rows.empty()) {
    std::printf("\n");
    if (report.rows.size() == 1) {
      print_list(report.rows.front());
    } else {
      print_columns(report.rows);
    }
  }
  if (report.faults.empty()) {
    std::printf("\nevery connection: contiguous, complete, nothing doubled\n");
  }
  for (const auto& fault : report.faults) std::printf("\nWRONG: %s\n", fault.c_str());
}

void print_json(const Report& report) {
  std::string out = "{\"mode\":";
  append_json_string(out, report.mode);
  out += ",\"setting\":" + json_of(report.setting) + ",\"rows\":[";
  for (const auto& row : report.rows) {
    if (&row != &report.rows.front()) out += ',';
    out += json_of(row);
  }
  out += "],\"faults\":[";
  for (const auto& fault : report.faults) {
    if (&fault != &report.faults.front()) out += ',';
    append_json_string(out, fault);
  }
  std::printf("%s]}\n", out.c_str());
}

std::string pretty(double value) {
  const char* suffix = "";
  if (std::abs(value) >= 1e9) {
    value /= 1e9;
    suffix = " G";
  } else if (std::abs(value) >= 1e6) {
    value /= 1e6;
    suffix = " M";
  } else if (std::abs(value) >= 1e4) {
    value /= 1e3;
    suffix = " k";
  }
  const double size = std::abs(value);
  const bool whole = value == std::floor(value) && *suffix == '\0';
  const int decimals = whole || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
  char text[40];
  std::snprintf(text, sizeof text, "%.*f%s", decimals, value, suffix);
  return text;
}

}  // namespace tidemark::tools::bench
