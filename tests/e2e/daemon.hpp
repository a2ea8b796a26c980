// A real tidemarkd on a temporary directory: started, killed, stopped, or run until it gives up.
// tests/e2e/: what every whole-system test stands on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tidemark::test {

/// A directory that is gone with everything in it at the end of its scope.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// How a program ended, and what it said.
struct Ended {
  std::optional<int> exit_code;  ///< nullopt: a signal ended it
  int signal = 0;
  std::string output;
  std::string errors;
};

/// Runs a program to its end. After `limit_seconds` (fourfold under ASan) it is killed.
[[nodiscard]] Ended run_program(const std::vector<std::string>& arguments, int limit_seconds = 20);

/// One daemon at a time on one data directory. Its stderr is kept and shown when a start fails.
class Daemon {
 public:
  /// `more`: further arguments.
  explicit Daemon(std::filesystem::path data, std::vector<std::string> more = {})
      : data_(std::move(data)), more_(std::move(more)) {}
  ~Daemon() { kill(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Starts it and waits until it listens: on the port of the last start, or any free one.
  /// Throws std::runtime_error with what it said if it does not.
  void start();
  /// SIGKILL; returns when it is gone.
  void kill();
  /// SIGTERM.
  void terminate();
  /// Waits for its end. Throws if that takes longer than `limit_seconds`.
  Ended wait(int limit_seconds = 20);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::filesystem::path data_;
  std::vector<std::string> more_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  int output_ = -1;
  std::string log_;
};

/// The command that starts the daemon on a directory and an address.
[[nodiscard]] std::vector<std::string> daemon_command(const std::filesystem::path& data,
                                                      std::uint16_t port);

/// TIDEMARK_SEED if it is set, else a random one; printed, so that a failure can be had again.
[[nodiscard]] std::uint64_t test_seed();

}  // namespace tidemark::test
