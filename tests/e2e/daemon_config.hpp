// A daemon with a configuration file in a folder of the test's own.
// tests/e2e/: for tests of what the daemon does with it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/daemon.hpp"

namespace tidemark::test {

class DaemonConfig : public testing::Test {
 protected:
  [[nodiscard]] std::string file() const { return (directory_.path() / "tidemark.toml").string(); }
  [[nodiscard]] std::filesystem::path folder() const { return directory_.path(); }
  /// A new file in place of the old one at once, as an editor does it.
  void write(const std::string& text) const {
    const auto fresh = file() + ".new";
    std::ofstream(fresh) << "data = \"data\"\nlisten = \"127.0.0.1:0\"\n" << text;
    std::filesystem::rename(fresh, file());
  }
  [[nodiscard]] Ended run(std::vector<std::string> more) const {
    more.insert(more.begin(), {TIDEMARK_DAEMON, "--config", file()});
    return run_program(more);
  }
  [[nodiscard]] std::vector<std::string> command() const {
    return {TIDEMARK_DAEMON, "--config", file()};
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace tidemark::test
