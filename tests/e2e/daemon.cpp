// fork, exec, a pipe for what is printed.
// tests/e2e/: see daemon.hpp.
#include "tests/e2e/daemon.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <random>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidemark::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;
namespace fs = std::filesystem;

constexpr seconds kStartLimit{30};

// Under AddressSanitizer a program takes a second only to start and to end.
#ifdef __SANITIZE_ADDRESS__
constexpr int kSlower = 4;
#else
constexpr int kSlower = 1;
#endif

struct Child {
  pid_t pid = 0;
  int output = -1;
  int errors = -1;
};

Child spawn(std::vector<std::string> arguments, const fs::path& log) {
  int output[2];
  int errors[2];
  if (::pipe2(output, O_CLOEXEC) != 0 || ::pipe2(errors, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output[1], STDOUT_FILENO);
    const int file =
        log.empty() ? errors[1] : ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
    ::dup2(file, STDERR_FILENO);
    ::execv(argv.front(), argv.data());
    ::_exit(127);
  }
  ::close(output[1]);
  ::close(errors[1]);
  return {pid, output[0], errors[0]};
}

// Appends what is there; false at the end.
bool read_some(int fd, std::string& into) {
  char bytes[4096];
  const auto count = ::read(fd, bytes, sizeof bytes);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  into.append(bytes, static_cast<std::size_t>(count));
  return true;
}

Ended ended_of(int status) {
  Ended out;
  if (WIFEXITED(status)) out.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
  return out;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  auto pattern = (fs::temp_directory_path() / "tidemark-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Ended run_program(const std::vector<std::string>& arguments, int limit_seconds) {
  auto child = spawn(arguments, {});
  std::string output;
  std::string errors;
  const auto deadline = Clock::now() + kSlower * seconds(limit_seconds);
  bool more_output = true;
  bool more_errors = true;
  while ((more_output || more_errors) && Clock::now() < deadline) {
    pollfd wanted[2] = {{.fd = more_output ? child.output : -1, .events = POLLIN, .revents = 0},
                        {.fd = more_errors ? child.errors : -1, .events = POLLIN, .revents = 0}};
    if (::poll(wanted, 2, 200) <= 0) continue;
    if (wanted[0].revents != 0) more_output = read_some(child.output, output);
    if (wanted[1].revents != 0) more_errors = read_some(child.errors, errors);
  }
  if (more_output || more_errors) ::kill(child.pid, SIGKILL);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  ::close(child.output);
  ::close(child.errors);
  auto out = ended_of(status);
  out.output = std::move(output);
  out.errors = std::move(errors);
  return out;
}

std::vector<std::string> daemon_command(const fs::path& data, std::uint16_t port) {
  return {TIDEMARK_DAEMON, "--data", data.string(), "--listen",
          "127.0.0.1:" + std::to_string(port)};
}

void Daemon::start() {
  constexpr std::string_view ready = "listening on http://127.0.0.1:";
  log_ = data_.string() + ".log";
  auto command = daemon_command(data_, port_);
  command.insert(command.end(), more_.begin(), more_.end());
  const auto child = spawn(command, log_);
  pid_ = child.pid;
  ::close(child.errors);
  if (output_ >= 0) ::close(output_);
  output_ = child.output;
  std::string said;
  const auto deadline = Clock::now() + kStartLimit;
  while (Clock::now() < deadline) {
    const auto at = said.find(ready);
    if (at != std::string::npos && said.find('\n', at) != std::string::npos) {
      port_ = static_cast<std::uint16_t>(std::atoi(said.c_str() + at + ready.size()));
      return;
    }
    pollfd wanted{.fd = output_, .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 200) > 0 && !read_some(output_, said)) break;
  }
  kill();
  throw std::runtime_error("the daemon did not start: " + said + text_of(log_));
}

void Daemon::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void Daemon::terminate() { ::kill(pid_, SIGTERM); }

Ended Daemon::wait(int limit_seconds) {
  const auto deadline = Clock::now() + seconds(limit_seconds);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) throw std::runtime_error("the daemon did not end");
    // Its output ends with it, so this waits for that rather than for time to pass.
    pollfd wanted{.fd = output_, .events = POLLIN, .revents = 0};
    std::string ignored;
    if (::poll(&wanted, 1, 50) > 0) read_some(output_, ignored);
  }
  pid_ = 0;
  auto out = ended_of(status);
  out.errors = text_of(log_);
  return out;
}

std::uint64_t test_seed() {
  const char* const given = std::getenv("TIDEMARK_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}() % 1'000'000'000;
  std::printf("seed %llu (TIDEMARK_SEED=%llu runs it again)\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace tidemark::test
