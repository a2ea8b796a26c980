// Damage as disks and people do it: bits, cuts, files that are gone; and proof that nothing was
// touched. tests/: for tests on real directories.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace tidemark::test {

namespace fs = std::filesystem;

inline std::string read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_whole(const fs::path& file, const std::string& bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << bytes;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

/// Flips one bit. Pre: at is within the file.
inline void flip_bit(const fs::path& file, std::uintmax_t at, int bit = 0) {
  auto bytes = read_whole(file);
  auto& byte = bytes.at(static_cast<std::size_t>(at));
  byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit));
  write_whole(file, bytes);
}

inline void cut_to(const fs::path& file, std::uintmax_t bytes) { fs::resize_file(file, bytes); }

/// Files below `directory` whose name begins and ends so, by name.
inline std::vector<fs::path> files_like(const fs::path& directory, const std::string& begin,
                                        const std::string& end = {}) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file() && name.starts_with(begin) && name.ends_with(end))
      out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

/// Every file with its content: equal before and after means that nothing was written.
inline std::map<std::string, std::string> whole_tree(const fs::path& directory) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const auto name = fs::relative(entry.path(), directory).string();
    out[name] = entry.is_regular_file() ? read_whole(entry.path()) : std::string("(directory)");
  }
  return out;
}

}  // namespace tidemark::test
