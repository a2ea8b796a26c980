// A program under test with its three streams in our hands, in pipes or on a terminal of its own.
// tests/tools/: for what run_program cannot do: talk to it while it runs.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "tests/e2e/daemon.hpp"

namespace tidemark::test {

class Program {
 public:
  /// terminal: what it prints goes to one, what it reads comes by a pipe; console: both are one.
  enum class Streams { pipes, terminal, console };

  explicit Program(std::vector<std::string> arguments, Streams streams = Streams::pipes);
  /// Kills it if it still runs.
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void write(std::string_view text);
  void close_input();
  /// Waits until its output holds `text` behind what was waited for before; throws if it ends
  /// without it or takes too long.
  void expect_output(std::string_view text);
  void expect_errors(std::string_view text);
  /// As expect_output, and gives what follows in the same line.
  [[nodiscard]] std::string output_after(std::string_view text);
  void signal(int number) const;
  /// Waits for its end.
  Ended wait();

 private:
  bool pump();
  void expect(std::string_view text, const std::string& in, std::size_t& from, const char* which);

  pid_t pid_ = 0;
  int input_ = -1;
  int output_ = -1;
  int errors_ = -1;
  std::string out_;
  std::string err_;
  std::size_t out_seen_ = 0;
  std::size_t err_seen_ = 0;
};

}  // namespace tidemark::test
