// What bare loops need: connected sockets, a process of their own, a file.
// tools/: bench_ceiling and bench_publish_ceiling measure the machine with them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <sys/types.h>
#include <vector>

namespace tidemark::tools::bench {

/// Throws BenchError unless `good`.
void require(bool good, const char* what);

/// Pairs of connected loopback sockets, none of which blocks: the server's ends, with TCP_NODELAY,
/// and the clients'.
struct Pairs {
  explicit Pairs(std::size_t count);
  ~Pairs();
  Pairs(const Pairs&) = delete;
  Pairs& operator=(const Pairs&) = delete;

  std::vector<int> servers;
  std::vector<int> clients;
};

/// A process that is killed when this goes out of scope, or when its parent dies.
class Child {
 public:
  Child() = default;
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// `body` must not return. Call once.
  void run(const std::function<void()>& body);
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// An open file without a name.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& parent);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace tidemark::tools::bench
