// What the rows in C++ share: how much is to be done, the seed, and figures for the results.
// tests/proof/: TIDEMARK_PROOF=full, TIDEMARK_SEED and TIDEMARK_PROOF_FIGURES are read here.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::proof {

[[nodiscard]] inline std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// The figures of the table rather than a spread of them. A number instead of "full" is how many.
[[nodiscard]] inline std::uint64_t how_many(std::uint64_t fast, std::uint64_t full) {
  const std::string said = environment("TIDEMARK_PROOF");
  if (said.empty()) return fast;
  return said == "full" ? full : std::stoull(said);
}

/// As given, or one for this run.
[[nodiscard]] inline std::uint64_t first_seed() {
  const std::string given = environment("TIDEMARK_SEED");
  return given.empty() ? std::random_device{}() : std::stoull(given);
}

using Figures = std::vector<std::pair<std::string_view, std::uint64_t>>;

/// One JSON object, as a line of its own at the end of the file that TIDEMARK_PROOF_FIGURES names.
inline void tell_figures(int row, const Figures& figures, std::uint64_t seed, bool passed) {
  std::string line = "{\"row\":" + std::to_string(row) + ",\"figures\":{";
  for (const auto& [name, value] : figures) {
    if (line.back() != '{') line += ',';
    line += '"' + std::string(name) + "\":" + std::to_string(value);
  }
  line +=
      "},\"seed\":" + std::to_string(seed) + ",\"passed\":" + (passed ? "true" : "false") + "}\n";
  std::printf("%s", line.c_str());
  const std::string file = environment("TIDEMARK_PROOF_FIGURES");
  if (!file.empty()) std::ofstream(file, std::ios::app) << line;
}

}  // namespace tidemark::proof
