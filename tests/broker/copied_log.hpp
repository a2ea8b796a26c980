// A log in memory that can be backed up: as a directory that looks like one, when the test lets it.
// tests/: for backups that take their time, or fail.
#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <semaphore>

#include "storage/head_marker.hpp"
#include "tests/broker/store_fixture.hpp"

namespace tidemark::broker {

class CopiedLog final : public storage::MemoryLog {
 public:
  Result<void> checkpoint(const std::filesystem::path& directory) override {
    namespace fs = std::filesystem;
    fs::create_directories(directory / "db");
    const auto marker =
        storage::HeadMarker::open(directory / "HEAD", storage::HeadMarker::Missing::create);
    if (!marker) return marker.errc();
    std::ofstream(directory / "db" / "000007.sst") << "a table";
    begun.release();
    if (gated && !go.try_acquire_for(kPatience)) return Errc::timed_out;
    if (fails) {
      fs::remove_all(directory);
      return *fails;
    }
    return ok();
  }

  // set before a backup begins
  bool gated = false;  ///< waits for `go`
  std::optional<Errc> fails;

  std::counting_semaphore<> begun{0};  ///< released when a copy is half there
  std::counting_semaphore<> go{0};
};

}  // namespace tidemark::broker
