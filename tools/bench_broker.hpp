// The broker under measurement: a tidemarkd of our own, or one that is running already.
// tools/: part of `tidemark bench`; also what it costs, as the operating system counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace tidemark::tools::bench {

struct BrokerOptions {
  std::filesystem::path program;      ///< tidemarkd; empty: the one beside this program
  std::filesystem::path data_parent;  ///< where the temporary data directory is made
  std::string server;                 ///< "HOST:PORT" of a running broker; else one is started
  int server_pid = 0;                 ///< of a running broker, so that its costs can be read
  std::vector<int> server_cores = {0};
  std::vector<int> client_cores = {1};
  std::vector<std::string> arguments;  ///< more of them for tidemarkd
};

/// CPU time a process has used.
struct CpuTime {
  double seconds = 0;                     ///< all threads, those that have ended too
  std::map<std::string, double> threads;  ///< by name, of those that live
};

/// One broker, stopped and its data removed at the end. Throws BenchError.
class Broker {
 public:
  explicit Broker(BrokerOptions options);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] bool owned() const { return options_.server.empty(); }

  /// Starts it again on the same data; returns the time until it listened.
  std::chrono::duration<double> start();
  /// SIGKILL.
  void kill();
  /// SIGTERM; returns the time until it was gone. Throws if it did not exit with 0.
  std::chrono::duration<double> stop();

  /// Drops its files from the page cache; the share that could not be dropped, 0 to 1.
  double drop_page_cache() const;
  /// Bytes its data takes on the disk; `extension` empty: of all files.
  [[nodiscard]] std::uint64_t disk_bytes(const std::string& extension = {}) const;
  [[nodiscard]] std::string file_system() const;

  /// nullopt if the process is not known (a remote broker).
  [[nodiscard]] std::optional<CpuTime> cpu() const;
  /// Anonymous resident memory, bytes: heap and stacks, no mapped files.
  [[nodiscard]] std::optional<std::uint64_t> memory() const;

 private:
  void forget();

  BrokerOptions options_;
  std::filesystem::path directory_;
  std::string host_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  int output_ = -1;
};

/// Pins the calling thread; false if that isn't possible (too few cores, not permitted).
bool pin_to(const std::vector<int>& cores);
[[nodiscard]] std::string core_list(const std::vector<int>& cores);
/// CPU time of a process from its clock; nullopt if it can't be read.
[[nodiscard]] std::optional<double> process_cpu_seconds(pid_t pid);
/// Processor model, core count and kernel.
[[nodiscard]] std::string machine();
/// As many descriptors as are permitted.
void raise_descriptor_limit();

}  // namespace tidemark::tools::bench
