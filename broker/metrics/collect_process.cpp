// What the page of metrics tells of this process.
// broker/metrics/: see collect.hpp. Names and meaning are those all Prometheus clients use.
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

/// Pages of virtual and of resident memory.
std::pair<double, double> pages() {
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return {all, resident};
}

double open_files() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count;
}

/// As the kernel has it, in seconds since 1970; 0: it does not say.
double start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The second field is a name in parentheses that may hold anything; the start is the 22nd.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  double since_boot = 0;
  std::ifstream("/proc/uptime") >> since_boot;
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return now - since_boot + std::strtod(field.c_str(), nullptr) / ticks;
}

}  // namespace

void collect_process(MetricFamilies& out) {
  static const double started = start_time();
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const auto [all, resident] = pages();
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  out.counter("process_cpu_seconds_total", "CPU time used, of users and the system",
              seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  out.gauge("process_resident_memory_bytes", "Memory in use", resident * page);
  out.gauge("process_virtual_memory_bytes", "Address space in use", all * page);
  out.gauge("process_open_fds", "Files and sockets open", open_files());
  out.gauge("process_max_fds", "Files and sockets that may be open",
            static_cast<double>(files.rlim_cur));
  out.gauge("process_start_time_seconds", "When the process was started, in seconds since 1970",
            started);
  add_sample(out.gauges("tidemark_build_info", "1; the labels say which build this is"),
             {{"version", TIDEMARK_VERSION}, {"compiler", __VERSION__}}, 1);
}

std::vector<MetricFamily> collect_metrics(Network& network) {
  MetricFamilies out;
  collect_network(network, out);
  collect_store(network.hub.store(), out);
  collect_states(network.hub, out);
  collect_backups(network.backups, out);
  collect_process(out);
  return out.all();
}

}  // namespace tidemark::broker
