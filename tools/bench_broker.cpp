// Starting, watching and ending a tidemarkd; Linux only, as the daemon's measurements are.
// tools/: see bench_broker.hpp.
#include "tools/bench_broker.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <time.h>
#include <unistd.h>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;
namespace fs = std::filesystem;

constexpr seconds kStartTimeout{60};
constexpr seconds kStopTimeout{60};
constexpr std::string_view kReady = "listening on http://";

[[noreturn]] void fail_errno(const std::string& what) {
  throw BenchError(what + ": " + std::generic_category().message(errno));
}

fs::path beside_this_program() { return fs::read_symlink("/proc/self/exe").parent_path(); }

[[noreturn]] void become_broker(std::vector<std::string> arguments, const std::vector<int>& cores,
                                int output, const fs::path& log) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);  // an interrupt at the terminal is for the load generator, which then stops us
  pin_to(cores);
  ::dup2(output, STDOUT_FILENO);
  const int errors = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
  if (errors >= 0) ::dup2(errors, STDERR_FILENO);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(argv.front(), argv.data());
  ::_exit(127);
}

// The line the broker prints when it is ready; empty if it ended or took too long.
std::string ready_line(int output) {
  std::string text;
  const auto deadline = Clock::now() + kStartTimeout;
  while (Clock::now() < deadline) {
    pollfd wanted{.fd = output, .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 1000) <= 0) continue;
    char bytes[512];
    const auto count = ::read(output, bytes, sizeof bytes);
    if (count <= 0) return {};
    text.append(bytes, static_cast<std::size_t>(count));
    const auto at = text.find(kReady);
    if (at == std::string::npos) continue;
    const auto end = text.find('\n', at);
    if (end != std::string::npos) {
      return text.substr(at + kReady.size(), end - at - kReady.size());
    }
  }
  return {};
}

std::string last_lines(const fs::path& log) {
  std::ifstream in(log);
  std::string all((std::istreambuf_iterator<char>(in)), {});
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

std::pair<std::string, std::uint16_t> split_address(std::string text) {
  if (const auto scheme = text.find("://"); scheme != std::string::npos) {
    text.erase(0, scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw BenchError("\"" + text + "\" is no HOST:PORT");
  const int port = std::atoi(text.c_str() + colon + 1);
  if (port <= 0 || port > 65535) throw BenchError("\"" + text + "\" has no port");
  return {text.substr(0, colon), static_cast<std::uint16_t>(port)};
}

std::string word_of(const fs::path& file) {
  std::ifstream in(file);
  std::string word;
  std::getline(in, word);
  return word;
}

// user + system time of one thread, from the fields after the name, which may hold anything.
double thread_seconds(const fs::path& task) {
  const auto line = word_of(task / "stat");
  const auto at = line.rfind(')');
  if (at == std::string::npos) return 0;
  unsigned long user = 0;
  unsigned long system = 0;
  std::sscanf(line.c_str() + at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
              &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// The share of a file's pages that is in memory.
double resident_share(int fd, std::size_t size) {
  if (size == 0) return 0;
  void* const map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return 1;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((size + page - 1) / page);
  std::size_t resident = pages.size();
  if (::mincore(map, size, pages.data()) == 0) {
    resident = 0;
    for (const auto p : pages) resident += p & 1U;
  }
  ::munmap(map, size);
  return static_cast<double>(resident) / static_cast<double>(pages.size());
}

}  // namespace

Broker::Broker(BrokerOptions options) : options_(std::move(options)) {
  if (!owned()) {
    std::tie(host_, port_) = split_address(options_.server);
    pid_ = options_.server_pid;
    return;
  }
  if (options_.program.empty()) options_.program = beside_this_program() / "tidemarkd";
  if (::access(options_.program.c_str(), X_OK) != 0) {
    throw BenchError("there is no broker to start at " + options_.program.string() +
                     "; name one with --spawn or use a running one with --server");
  }
  auto pattern = (fs::absolute(options_.data_parent) / "tidemark-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail_errno("no temporary directory at " + pattern);
  directory_ = pattern;
  try {
    start();
  } catch (...) {
    forget();
    throw;
  }
}

Broker::~Broker() {
  if (owned()) forget();
}

// For the end, come what may: nothing left running, nothing left on the disk.
void Broker::forget() {
  kill();
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::chrono::duration<double> Broker::start() {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) fail_errno("pipe");
  std::vector<std::string> arguments{options_.program.string(), "--data",
                                     (directory_ / "data").string(), "--listen", "127.0.0.1:0"};
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  const auto began = Clock::now();
  pid_ = ::fork();
  if (pid_ < 0) fail_errno("fork");
  if (pid_ == 0) {
    become_broker(arguments, options_.server_cores, pipe_ends[1], directory_ / "log");
  }
  ::close(pipe_ends[1]);
  if (output_ >= 0) ::close(output_);
  output_ = pipe_ends[0];
  const auto address = ready_line(output_);
  const auto took = Clock::now() - began;
  if (address.empty()) {
    throw BenchError("the broker did not start:\n" + last_lines(directory_ / "log"));
  }
  std::tie(host_, port_) = split_address(address);
  return took;
}

void Broker::kill() {
  if (!owned() || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::chrono::duration<double> Broker::stop() {
  if (!owned()) throw BenchError("this measurement restarts the broker: it needs one of its own");
  const auto began = Clock::now();
  ::kill(pid_, SIGTERM);
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() - began > kStopTimeout) {
      kill();
      throw BenchError("the broker did not stop within a minute of SIGTERM");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  pid_ = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw BenchError("the broker did not exit with 0:\n" + last_lines(directory_ / "log"));
  }
  return Clock::now() - began;
}

double Broker::drop_page_cache() const {
  double pages = 0;
  double left = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    // Only what is on the disk can be dropped.
    ::fsync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    const auto size = static_cast<double>(entry.file_size());
    left += size * resident_share(fd, entry.file_size());
    pages += size;
    ::close(fd);
  }
  return pages > 0 ? left / pages : 0;
}

std::uint64_t Broker::disk_bytes(const std::string& extension) const {
  std::uint64_t bytes = 0;
  std::error_code gone;  // the broker removes files while we look
  for (const auto& entry : fs::recursive_directory_iterator(directory_ / "data", gone)) {
    if (!extension.empty() && entry.path().extension() != extension) continue;
    struct stat status {};
    if (::stat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
    }
  }
  return bytes;
}

std::string Broker::file_system() const {
  struct statfs status {};
  if (directory_.empty() || ::statfs(directory_.c_str(), &status) != 0) return "unknown";
  switch (static_cast<unsigned long>(status.f_type)) {
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "xfs";
    case 0x9123683E:
      return "btrfs";
    case 0x794C7630:
      return "overlayfs";
    case 0x01021994:
      return "tmpfs: fsync costs nothing here, durable figures mean nothing";
    default:
      return "unknown";
  }
}

std::optional<CpuTime> Broker::cpu() const {
  if (pid_ <= 0) return std::nullopt;
  const auto total = process_cpu_seconds(pid_);
  if (!total) return std::nullopt;
  CpuTime out{.seconds = *total, .threads = {}};
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/task", gone)) {
    out.threads[word_of(task.path() / "comm")] += thread_seconds(task.path());
  }
  return out;
}

std::optional<std::uint64_t> Broker::memory() const {
  if (pid_ <= 0) return std::nullopt;
  std::ifstream in("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(in, line);) {
    unsigned long kib = 0;
    if (std::sscanf(line.c_str(), "RssAnon: %lu kB", &kib) == 1) return std::uint64_t{kib} * 1024;
  }
  return std::nullopt;
}

bool pin_to(const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) {
    if (core >= 0 && core < CPU_SETSIZE) CPU_SET(static_cast<unsigned>(core), &set);
  }
  return ::sched_setaffinity(0, sizeof set, &set) == 0;
}

std::string core_list(const std::vector<int>& cores) {
  std::string out;
  for (const int core : cores) out += (out.empty() ? "" : ",") + std::to_string(core);
  return out;
}

std::optional<double> process_cpu_seconds(pid_t pid) {
  // The process's own clock counts nanoseconds; /proc/PID/stat counts in hundredths of a second.
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    return std::nullopt;
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::string machine() {
  std::string model = "unknown processor";
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  utsname kernel{};
  ::uname(&kernel);
  return model + ", " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " cores, Linux " +
         kernel.release;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace tidemark::tools::bench
