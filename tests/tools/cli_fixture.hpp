// A broker and a shell: command lines as a user would type them.
// tests/tools/: what the tests of the built programs share.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/program.hpp"

namespace tidemark::test {

inline std::string quoted(const std::string& text) { return "'" + text + "'"; }

class Cli : public testing::Test {
 protected:
  void SetUp() override { daemon_.start(); }

  /// The environment every command gets, as the shell's assignments.
  std::string environment() const {
    const std::string server = daemon_.port() == 0 ? "" : daemon_.url();
    return "export TIDEMARK_SERVER=" + server + " TERM=xterm TZ=UTC; unset NO_COLOR; ";
  }
  /// "tidemark" stands for the built program.
  std::vector<std::string> shell(const std::string& command) const {
    return {"/bin/sh", "-c",
            environment() + "cd " + quoted(files_.path().string()) + "; tidemark() { " +
                quoted(TIDEMARK_CLI) + " \"$@\"; }; " + command};
  }
  Ended run(const std::string& command) const { return run_program(shell(command)); }
  /// The program itself, so that signals reach it.
  std::vector<std::string> program(const std::vector<std::string>& arguments) const {
    std::vector<std::string> out{"/usr/bin/env", "-u",     "NO_COLOR",
                                 "TERM=xterm",   "TZ=UTC", "TIDEMARK_SERVER=" + daemon_.url(),
                                 TIDEMARK_CLI};
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
  }
  /// Runs, expects success, gives the output.
  std::string output(const std::string& command) const {
    const auto ended = run(command);
    EXPECT_EQ(ended.exit_code, 0) << command << "\n" << ended.errors;
    return ended.output;
  }
  void file(const std::string& name, const std::string& content) const {
    std::ofstream(files_.path() / name, std::ios::binary) << content;
  }

  TemporaryDirectory directory_;
  TemporaryDirectory files_;
  Daemon daemon_{directory_.path() / "data"};
};

/// Lines like those of a package manager's log.
inline std::string log_lines(int first, int last) {
  std::ostringstream out;
  for (int i = first; i <= last; ++i) {
    out << "2026-11-22 17:00:" << i % 60 << " status installed package-" << i << ":amd64\n";
  }
  return out.str();
}

}  // namespace tidemark::test
