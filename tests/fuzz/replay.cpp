// Runs kept inputs through a fuzz target, with any compiler and without libFuzzer.
// tests/fuzz/: the main of every target but those of the preset `fuzz`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& place) {
  if (!fs::is_directory(place)) return {place};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(place)) {
    if (entry.is_regular_file() && entry.path().extension() == ".input") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

/// False if it can't be read. Exactly its bytes are allocated, so that a sanitizer sees the end.
bool run(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  if (in.bad() || !in.is_open()) {
    std::cerr << file << " cannot be read\n";
    return false;
  }
  std::cout << file.string() << std::endl;  // told before it is run: it may be the last
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t inputs = 0;
  for (int i = 1; i < count; ++i) {
    const fs::path place = arguments[i];
    if (!fs::exists(place)) continue;  // no regressions yet
    for (const auto& file : files_in(place)) {
      if (!run(file)) return 1;
      ++inputs;
    }
  }
  std::cout << inputs << " inputs\n";
  if (inputs == 0) std::cerr << "there is nothing to run\n";
  return inputs == 0 ? 1 : 0;
}
