// fork, exec, poll.
// tests/tools/: see program.hpp.
#include "tests/tools/program.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidemark::test {
namespace {

constexpr std::chrono::seconds kPatience{30};
using Clock = std::chrono::steady_clock;

[[noreturn]] void become(std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execvp(argv.front(), argv.data());
  ::_exit(127);
}

void close_if_open(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

/// Reads what is there; closes at the end.
void drain(int& fd, std::string& into) {
  std::array<char, 65536> bytes{};
  const auto got = ::read(fd, bytes.data(), bytes.size());
  if (got > 0) {
    into.append(bytes.data(), static_cast<std::size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    close_if_open(fd);  // a terminal ends with EIO
  }
}

}  // namespace

Program::Program(std::vector<std::string> arguments, Streams streams) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0 ||
      ::pipe2(err.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipes");
  }
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  int terminal = -1;
  const bool on_terminal = streams != Streams::pipes;
  pid_ = on_terminal ? ::forkpty(&terminal, nullptr, nullptr, &size) : ::fork();
  if (pid_ < 0) throw std::runtime_error("no fork");
  if (pid_ == 0) {
    if (streams != Streams::console) ::dup2(in[0], STDIN_FILENO);
    if (!on_terminal) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
    }
    become(arguments);
  }
  for (const int fd : {in[0], out[1], err[1]}) ::close(fd);
  input_ = in[1];
  output_ = on_terminal ? terminal : out[0];
  errors_ = err[0];
  if (on_terminal) ::close(out[0]);
  if (streams != Streams::console) return;
  ::close(in[1]);
  input_ = ::fcntl(terminal, F_DUPFD_CLOEXEC, 3);
}

Program::~Program() {
  for (int* fd : {&input_, &output_, &errors_}) close_if_open(*fd);
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Program::write(std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(input_, text.data(), text.size());
    if (written < 0) throw std::runtime_error("the program takes no input");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Program::close_input() { close_if_open(input_); }

/// Waits a moment for output; false when both streams have ended.
bool Program::pump() {
  std::array<pollfd, 2> ready{pollfd{.fd = output_, .events = POLLIN, .revents = 0},
                              pollfd{.fd = errors_, .events = POLLIN, .revents = 0}};
  if (::poll(ready.data(), ready.size(), 100) > 0) {
    if (ready[0].revents != 0) drain(output_, out_);
    if (ready[1].revents != 0) drain(errors_, err_);
  }
  return output_ >= 0 || errors_ >= 0;
}

void Program::expect(std::string_view text, const std::string& in, std::size_t& from,
                     const char* which) {
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    if (const auto at = in.find(text, from); at != std::string::npos) {
      from = at + text.size();
      return;
    }
    if (Clock::now() < deadline && pump()) continue;
    throw std::runtime_error(std::string(which) + " never held \"" + std::string(text) +
                             "\"; it was: " + out_ + " / " + err_);
  }
}

void Program::expect_output(std::string_view text) { expect(text, out_, out_seen_, "output"); }
void Program::expect_errors(std::string_view text) { expect(text, err_, err_seen_, "stderr"); }

std::string Program::output_after(std::string_view text) {
  expect_output(text);
  const auto begin = out_seen_;
  expect_output("\n");
  return out_.substr(begin, out_seen_ - 1 - begin);
}

void Program::signal(int number) const { ::kill(pid_, number); }

Ended Program::wait() {
  close_input();
  const auto deadline = Clock::now() + kPatience;
  while (pump()) {
    if (Clock::now() < deadline) continue;
    ::kill(pid_, SIGKILL);
    break;
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  Ended out;
  if (WIFEXITED(status)) out.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  out.output = out_;
  out.errors = err_;
  return out;
}

}  // namespace tidemark::test
