// A bare loop that writes ready frames to sockets: what no broker on this machine can exceed.
// tools/: part of `tidemark bench`, see bench_modes.hpp.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/frames.hpp"
#include "tools/bench_bare.hpp"
#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {
namespace {

// Frames of the size the broker's have, as they would lie in a segment.
std::string frames_of(const Common& common, std::size_t count) {
  Payloads payloads(common.size, 5);
  const auto topic = TopicName::parse("bench0").value();
  const EventFramer framer(frame_form(common.form), topic, Payload::json);
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    const EventView event{.offset = {100'000 + i},
                          .time = {1'790'000'000'000},
                          .key = {},
                          .headers = {},
                          .data = payloads.stamped(0)};
    const auto at = out.size();
    out.resize(at + framer.size(event));
    framer.write(event, out.data() + at);
  }
  return out;
}

// Two ends of a line on which the reader says that everyone has been served.
struct Line {
  Line() { require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair"); }
  ~Line() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  void tell() const { static_cast<void>(::send(ends[0], "", 1, MSG_NOSIGNAL)); }
  void hear() const {
    char byte = 0;
    if (::recv(ends[1], &byte, 1, 0) != 1) ::_exit(1);
  }
  int ends[2] = {-1, -1};
};

// Never returns: writes the same run to every socket, over and over, until killed. In lockstep it
// waits after each round until all have read it, as a broker waits for its next publish.
[[noreturn]] void send_forever(const Pairs& pairs, const std::string& run, const Line* lockstep) {
  while (true) {
    if (lockstep != nullptr) lockstep->hear();
    for (const int fd : pairs.servers) {
      std::size_t sent = 0;
      while (sent < run.size()) {
        const auto count = ::send(fd, run.data() + sent, run.size() - sent, MSG_NOSIGNAL);
        if (count > 0) {
          sent += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
          pollfd wanted{.fd = fd, .events = POLLOUT, .revents = 0};
          ::poll(&wanted, 1, 1000);
        } else if (errno != EINTR) {
          ::_exit(1);
        }
      }
    }
  }
}

// Reads and walks the frames as a measurement of the broker would.
class Reader {
 public:
  explicit Reader(const Pairs& pairs)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        carries_(pairs.clients.size()),
        buffer_(std::size_t{256} << 10),
        fds_(pairs.clients) {
    for (std::size_t i = 0; i < fds_.size(); ++i) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      require(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[i], &event) == 0, "epoll_ctl");
    }
  }
  ~Reader() { ::close(epoll_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // `lockstep`: is told whenever a round has been read, `round` frames.
  std::uint64_t read_for(std::chrono::nanoseconds duration, const Line* lockstep,
                         std::uint64_t round) {
    std::uint64_t frames = 0;
    const auto until = now_ns() + duration.count();
    while (now_ns() < until) {
      if (interrupted()) throw BenchError("interrupted");
      epoll_event events[1024];
      const int count = ::epoll_wait(epoll_, events, 1024, 50);
      std::uint64_t now = 0;
      for (int i = 0; i < count; ++i) now += read(events[i].data.u64);
      frames += now;
      in_round_ += now;
      if (lockstep != nullptr && in_round_ == round) {
        in_round_ = 0;
        lockstep->tell();
      }
    }
    return frames;
  }

 private:
  std::uint64_t read(std::size_t index) {
    auto& carry = carries_[index];
    std::ranges::copy(carry, buffer_.begin());
    const auto count =
        ::recv(fds_[index], buffer_.data() + carry.size(), buffer_.size() - carry.size(), 0);
    if (count <= 0) return 0;
    const char* at = buffer_.data();
    const char* const end = at + carry.size() + static_cast<std::size_t>(count);
    std::uint64_t frames = 0;
    FrameView frame;
    while (const char* const next = read_frame(at, end, frame)) {
      at = next;
      ++frames;
    }
    carry.assign(at, end);
    return frames;
  }

  int epoll_;
  std::uint64_t in_round_ = 0;
  std::vector<std::string> carries_;
  std::vector<char> buffer_;
  std::vector<int> fds_;
};

Row measure(const Common& common, const CeilingOptions& options, std::size_t per_write) {
  const Pairs pairs(options.connections);
  const auto run = frames_of(common, per_write);
  const Line line;
  const Line* const lockstep = options.lockstep ? &line : nullptr;
  const auto round = per_write * options.connections;
  Child sender;
  sender.run([&] {
    pin_to(common.broker.server_cores);
    send_forever(pairs, run, lockstep);
  });
  Reader reader(pairs);
  line.tell();
  reader.read_for(common.warm_up, lockstep, round);
  const auto cpu_before = process_cpu_seconds(sender.pid()).value_or(0);
  const auto began = now_ns();
  const auto frames = static_cast<double>(reader.read_for(common.duration, lockstep, round));
  Cost::Spent spent{.seconds = static_cast<double>(now_ns() - began) / 1e9,
                    .cpu_seconds = process_cpu_seconds(sender.pid()).value_or(0) - cpu_before,
                    .threads = {}};
  Row row;
  row.number("per_write", "events a write", static_cast<double>(per_write));
  row.number("write_bytes", "bytes a write", static_cast<double>(run.size()));
  put_rates(row, "deliveries", "deliveries", frames, spent);
  return row;
}

// What an fdatasync of 4 KiB costs, in microseconds: the median of a few hundred.
double sync_us(int fd, bool from_start) {
  if (from_start) ::lseek(fd, 0, SEEK_SET);
  const std::string block(4096, 'x');
  std::vector<std::int64_t> times;
  for (int i = 0; i < 300; ++i) {
    require(::write(fd, block.data(), block.size()) == static_cast<ssize_t>(block.size()), "write");
    const auto began = now_ns();
    require(::fdatasync(fd) == 0, "fdatasync");
    times.push_back(now_ns() - began);
  }
  std::ranges::sort(times);
  return static_cast<double>(times[times.size() / 2]) / 1e3;
}

void put_disk(Row& row, const std::filesystem::path& parent) {
  const TemporaryFile file(parent);
  row.number("fdatasync_growing_us", "fdatasync of 4 KiB, growing file", sync_us(file.fd(), false),
             "us");
  row.number("fdatasync_overwriting_us", "the same, overwriting", sync_us(file.fd(), true), "us");
}

}  // namespace

Report ceiling(const Common& common, const CeilingOptions& options) {
  Progress progress(common.progress);
  Report report{.mode = "ceiling", .setting = {}, .rows = {}, .faults = {}};
  report.setting.text("machine", "machine", machine());
  report.setting.text("wire", "wire form", std::string(subprotocol(common.form)));
  report.setting.number("size_bytes", "event data, bytes", static_cast<double>(common.size));
  report.setting.number("connections", "connections", static_cast<double>(options.connections));
  report.setting.text("lockstep", "each round waits for all readers",
                      options.lockstep ? "yes" : "no");
  put_disk(report.setting, common.broker.data_parent);
  for (const auto per_write : options.per_write) {
    progress.say(std::to_string(per_write) + " events a write");
    report.rows.push_back(measure(common, options, per_write));
  }
  return report;
}

}  // namespace tidemark::tools::bench
