// poll(2) over a few connections; answers wait in a queue in the order they are due.
// tools/: see bench_hook.hpp.
#include "tools/bench_hook.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "tools/bench_wire.hpp"

namespace tidemark::tools::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxHead = 16384;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

[[noreturn]] void fail_errno(const std::string& what) {
  throw BenchError(what + ": " + std::generic_category().message(errno));
}

// A broker that is gone takes nothing; that is no fault of the hook's.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// "GET /state?topic=x HTTP/1.1\r\n…" → "/state?topic=x"
std::string target_of(std::string_view head) {
  const auto begin = head.find(' ');
  if (begin == std::string_view::npos) return {};
  const auto end = head.find(' ', begin + 1);
  return std::string(head.substr(begin + 1, end - begin - 1));
}

}  // namespace

class HookServer::Work {
 public:
  explicit Work(HookServer& server) : server_(server) {}
  ~Work() {
    for (const auto& [fd, head] : connections_) ::close(fd);
  }

  void run() {
    for (;;) {
      std::vector<pollfd> wanted{{.fd = server_.wake_[0], .events = POLLIN, .revents = 0},
                                 {.fd = server_.listener_, .events = POLLIN, .revents = 0}};
      for (const auto& [fd, head] : connections_) {
        wanted.push_back({.fd = fd, .events = POLLIN, .revents = 0});
      }
      ::poll(wanted.data(), wanted.size(), wait_ms());
      if (wanted[0].revents != 0) return;
      if (wanted[1].revents != 0) accept();
      for (std::size_t i = 2; i < wanted.size(); ++i) {
        if (wanted[i].revents != 0 && !read(wanted[i].fd)) forget(wanted[i].fd);
      }
      answer_due();
    }
  }

 private:
  struct Answer {
    Clock::time_point due;
    int fd;
    std::string bundle;
  };

  [[nodiscard]] int wait_ms() const {
    if (answers_.empty()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(answers_.front().due - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  void accept() {
    const int fd = ::accept4(server_.listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) connections_.emplace(fd, std::string());
  }

  bool read(int fd) {
    char bytes[4096];
    const auto count = ::recv(fd, bytes, sizeof bytes, 0);
    if (count < 0 && errno == EINTR) return true;
    if (count <= 0) return false;
    auto& head = connections_[fd];
    head.append(bytes, static_cast<std::size_t>(count));
    for (auto end = head.find(kHeadEnd); end != std::string::npos; end = head.find(kHeadEnd)) {
      ++server_.requests_;
      answers_.push_back(
          {Clock::now() + server_.options_.delay, fd, server_.options_.bundle(target_of(head))});
      head.erase(0, end + kHeadEnd.size());
    }
    return head.size() < kMaxHead;
  }

  void forget(int fd) {
    connections_.erase(fd);
    std::erase_if(answers_, [fd](const Answer& answer) { return answer.fd == fd; });
    ::close(fd);
  }

  // All wait equally long, so they are due in the order they came.
  void answer_due() {
    while (!answers_.empty() && answers_.front().due <= Clock::now()) {
      const auto answer = std::move(answers_.front());
      answers_.pop_front();
      const auto head = "HTTP/1.1 200 OK\r\nContent-Type: " + server_.options_.content_type +
                        "\r\nContent-Length: " + std::to_string(answer.bundle.size()) + "\r\n\r\n";
      if (!send_all(answer.fd, head + answer.bundle)) forget(answer.fd);
    }
  }

  HookServer& server_;
  std::map<int, std::string> connections_;  ///< by descriptor: what has come of a request's head
  std::deque<Answer> answers_;
};

HookServer::HookServer(Options options) : options_(std::move(options)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, where, size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, where, &size) != 0 || ::pipe2(wake_, O_CLOEXEC) != 0) {
    fail_errno("the state hook cannot listen");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Work(*this).run(); });
}

HookServer::~HookServer() {
  while (::write(wake_[1], "x", 1) < 0 && errno == EINTR) {
  }
  thread_.join();
  for (const int fd : {listener_, wake_[0], wake_[1]}) ::close(fd);
}

}  // namespace tidemark::tools::bench
