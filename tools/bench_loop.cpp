// epoll, level-triggered: one read per ready connection and turn.
// tools/: see bench_loop.hpp.
#include "tools/bench_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace tidemark::tools::bench {
namespace {

// Large enough for what a kernel buffer holds of a connection, small enough for the L2 cache.
constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr int kEvents = 1024;
constexpr std::size_t kMaxHead = 8192;

volatile sig_atomic_t interrupt_seen = 0;
void note_interrupt(int) { interrupt_seen = 1; }

[[noreturn]] void fail_errno(const std::string& what) {
  throw BenchError(what + ": " + std::generic_category().message(errno));
}

int connect_to(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    throw BenchError("no such host: " + host);
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_errno("socket (a higher limit of open files may help: ulimit -n)");
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    fail_errno("can't connect to " + host + ":" + std::to_string(port));
  }
  return fd;
}

}  // namespace

std::int64_t now_ns() {
  static const auto began = std::chrono::steady_clock::now();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                              began)
      .count();
}

bool interrupted() { return interrupt_seen != 0; }

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Peer::~Peer() {
  if (fd_ >= 0) ::close(fd_);
}

void Peer::connect(const std::string& host, std::uint16_t port) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = connect_to(host, port);
  carry_.clear();
  out_.clear();
  sent_ = 0;
  wants_write_ = watched_ = false;
  timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  open(host + ":" + std::to_string(port));
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

void Peer::open(const std::string&) {}

void Peer::send_now(std::string_view bytes) {
  if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    fail_errno("can't send to the broker");
  }
}

std::string Peer::read_head() {
  std::string head;
  while (!head.ends_with("\r\n\r\n") && head.size() < kMaxHead) {
    char bytes[1024];
    const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    head.append(bytes, static_cast<std::size_t>(count));
  }
  return head;
}

void Peer::closed() { throw BenchError("the broker closed a connection"); }

void Peer::flush() {
  while (sent_ < out_.size()) {
    const auto count = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      wants_write_ = true;
      return;
    }
    if (count < 0) fail_errno("can't send to the broker");
    sent_ += static_cast<std::size_t>(count);
  }
  out_.clear();
  sent_ = 0;
  wants_write_ = false;
}

Loop::Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadBytes) {
  if (epoll_ < 0) fail_errno("epoll_create1");
}

Loop::~Loop() { ::close(epoll_); }

void Loop::watch(Peer& peer, int operation) {
  epoll_event event{};
  event.events = EPOLLIN | (peer.wants_write_ ? std::uint32_t{EPOLLOUT} : 0);
  event.data.ptr = &peer;
  peer.watched_ = peer.wants_write_;
  if (::epoll_ctl(epoll_, operation, peer.fd_, &event) != 0) fail_errno("epoll_ctl");
}

void Loop::add(Peer& peer) { watch(peer, EPOLL_CTL_ADD); }
void Loop::remove(Peer& peer) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, peer.fd_, nullptr); }

void Loop::flush(Peer& peer) {
  peer.flush();
  if (peer.watched_ != peer.wants_write_) watch(peer, EPOLL_CTL_MOD);
}

void Loop::turn(std::chrono::nanoseconds timeout) {
  epoll_event events[kEvents];
  const auto count_of = [](auto d) { return static_cast<std::time_t>(d.count()); };
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  timespec wait{.tv_sec = count_of(whole), .tv_nsec = count_of(timeout - whole)};
  if (timeout.count() < 0) wait = {};
  const int count = ::epoll_pwait2(epoll_, events, kEvents, &wait, nullptr);
  if (count < 0 && errno != EINTR) fail_errno("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    auto& peer = *static_cast<Peer*>(events[i].data.ptr);
    if ((events[i].events & EPOLLOUT) != 0) {
      flush(peer);
    }
    if ((events[i].events & ~std::uint32_t{EPOLLOUT}) != 0) read(peer);
  }
}

bool Loop::run_until(const std::function<bool()>& done, std::chrono::nanoseconds timeout) {
  const auto deadline = now_ns() + timeout.count();
  while (!done()) {
    if (interrupted()) throw BenchError("interrupted");
    if (now_ns() > deadline) return false;
    turn(std::chrono::milliseconds(50));
  }
  return true;
}

void Loop::read(Peer& peer) {
  const std::size_t have = peer.carry_.size();
  if (have > buffer_.size() / 2) buffer_.resize(buffer_.size() * 2);  // one frame larger than that
  std::memcpy(buffer_.data(), peer.carry_.data(), have);
  const auto count = ::recv(peer.fd_, buffer_.data() + have, buffer_.size() - have, 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
    remove(peer);
    return peer.closed();
  }
  if (count < 0) return;
  const std::size_t size = have + static_cast<std::size_t>(count);
  const std::size_t used = peer.take(buffer_.data(), size);
  peer.carry_.assign(buffer_.data() + used, size - used);
  if (!peer.out_.empty()) flush(peer);
}

}  // namespace tidemark::tools::bench
