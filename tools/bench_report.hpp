// What a measurement came to, as a table for people and as JSON for machines.
// tools/: part of `tidemark bench`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tools/bench_histogram.hpp"

namespace tidemark::tools::bench {

/// One measured value. `key` is for machines and carries the unit as a suffix.
struct Cell {
  std::string key;
  std::string label;
  std::variant<double, std::string> value;
  std::string unit = {};
};

/// One measurement: what was asked for and what came out.
class Row {
 public:
  Row& number(std::string key, std::string label, double value, std::string unit = {});
  Row& text(std::string key, std::string label, std::string value);
  /// p50 … max of nanoseconds, in milliseconds.
  Row& latency(const std::string& key, const std::string& label, const Histogram& ns);

  [[nodiscard]] const std::vector<Cell>& cells() const { return cells_; }

 private:
  std::vector<Cell> cells_;
};

struct Report {
  std::string mode;
  Row setting;            ///< machine, file system, sizes: the same for all rows
  std::vector<Row> rows;  ///< the same cells in all of them
  std::vector<std::string> faults;
};

/// One row is written as a list, several as a table.
void print_table(const Report& report);
void print_json(const Report& report);

/// 12345678.9 as "12.3 M" with `digits` significant digits.
[[nodiscard]] std::string pretty(double value);

}  // namespace tidemark::tools::bench
