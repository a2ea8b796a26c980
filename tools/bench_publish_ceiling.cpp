// A bare loop that receives, writes, syncs and answers: what no broker on this machine can exceed
// that acknowledges after fdatasync.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/bench_bare.hpp"
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

// What a publish, the record of it and the answer take on the wire and on the disk, about.
constexpr std::size_t kRequestBytes = 200;
constexpr std::size_t kRecordBytes = 180;
constexpr std::size_t kAnswerBytes = 90;
constexpr int kMostReady = 1024;

// Who is readable of a set of sockets.
class Poll {
 public:
  explicit Poll(const std::vector<int>& fds) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const int fd : fds) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = fd;
      require(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    }
  }
  ~Poll() { ::close(epoll_); }
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  template <class Visit>
  void wait(int timeout_ms, const Visit& visit) {
    const int count = ::epoll_wait(epoll_, ready_, kMostReady, timeout_ms);
    for (int i = 0; i < count; ++i) visit(ready_[i].data.fd);
  }

 private:
  int epoll_;
  epoll_event ready_[kMostReady];
};

bool take(int fd) {
  char bytes[kRequestBytes];
  return ::recv(fd, bytes, sizeof bytes, 0) > 0;
}

void put(int fd, const std::string& bytes) {
  static_cast<void>(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

// Whatever has come by the end of a sync is the next group, as in the broker.
[[noreturn]] void serve_forever(const Pairs& pairs, int file) {
  Poll poll(pairs.servers);
  const std::string answer(kAnswerBytes, 'a');
  std::vector<int> group;
  while (true) {
    group.clear();
    poll.wait(-1, [&](int fd) {
      if (take(fd)) group.push_back(fd);
    });
    const std::string records(group.size() * kRecordBytes, 'r');
    if (::write(file, records.data(), records.size()) < 0 || ::fdatasync(file) != 0) ::_exit(1);
    for (const int fd : group) put(fd, answer);
  }
}

std::uint64_t publish_for(std::chrono::nanoseconds duration, Poll& poll) {
  const std::string request(kRequestBytes, 'p');
  std::uint64_t answers = 0;
  const auto until = now_ns() + duration.count();
  while (now_ns() < until) {
    if (interrupted()) throw BenchError("interrupted");
    poll.wait(50, [&](int fd) {
      if (!take(fd)) return;
      ++answers;
      put(fd, request);
    });
  }
  return answers;
}

Row measure(const Common& common, std::size_t connections) {
  const Pairs pairs(connections);
  const TemporaryFile file(common.broker.data_parent);
  Child server;
  server.run([&] {
    pin_to(common.broker.server_cores);
    serve_forever(pairs, file.fd());
  });
  Poll poll(pairs.clients);
  for (const int fd : pairs.clients) put(fd, std::string(kRequestBytes, 'p'));
  publish_for(common.warm_up, poll);
  const auto cpu_before = process_cpu_seconds(server.pid()).value_or(0);
  const auto began = now_ns();
  const auto answers = static_cast<double>(publish_for(common.duration, poll));
  const Cost::Spent spent{.seconds = static_cast<double>(now_ns() - began) / 1e9,
                          .cpu_seconds = process_cpu_seconds(server.pid()).value_or(0) - cpu_before,
                          .threads = {}};
  Row row;
  row.number("connections", "connections", static_cast<double>(connections));
  put_rates(row, "acked", "acknowledged publishes", answers, spent);
  return row;
}

}  // namespace

Report publish_ceiling(const Common& common, const PublishCeilingOptions& options) {
  Progress progress(common.progress);
  Report report{.mode = "publish-ceiling", .setting = {}, .rows = {}, .faults = {}};
  report.setting.text("machine", "machine", machine());
  for (const auto connections : options.connections) {
    progress.say(std::to_string(connections) + " connections");
    report.rows.push_back(measure(common, connections));
  }
  return report;
}

}  // namespace tidemark::tools::bench
