// One epoll set: floods are paced by a tick, the rest waits for what the broker does.
// tools/: see bench_attackers.hpp.
#include "tools/bench_attackers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cmath>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "tools/bench_loop.hpp"

namespace tidemark::tools::bench {
namespace {

constexpr int kTickMs = 10;
constexpr int kNice = 5;  // a third of what the healthy clients' thread may take beside it
constexpr int kReadyAtOnce = 512;
constexpr double kLargestBurst = 32768;            // bytes a flood may catch up at once
constexpr std::int64_t kBackAfter = 500'000'000;   // sent away: an attacker comes back
constexpr std::int64_t kLeavesAfter = 50'000'000;  // and one that leaves by itself, sooner
constexpr int kSmallestBuffer = 4096;

struct Counts {
  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> bytes{0};
};

// One hostile client; it has a connection, or waits for when it makes the next.
struct Attacker {
  enum class State : std::uint8_t { away, connecting, upgrading, attacking };
  const Attack* attack = nullptr;
  Counts* counts = nullptr;
  State state = State::away;
  int fd = -1;
  std::int64_t due = 0;    ///< away: when it comes back
  std::int64_t paced = 0;  ///< attacking: as of when `credit` is
  double credit = 0;       ///< bytes of the refrain it may send
  std::string said;        ///< what is to be sent before the refrain
  std::size_t sent = 0;    ///< of `said`, then of the refrain
  std::string heard;       ///< upgrading: the answer so far
};

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

}  // namespace

std::string loopback_only(const std::string& host) {
  in_addr address{};
  const auto* const text = host == "localhost" ? "127.0.0.1" : host.c_str();
  if (::inet_pton(AF_INET, text, &address) != 1 || ntohl(address.s_addr) >> 24 != 127) {
    throw BenchError("only a broker on 127.0.0.1 is attacked, not one on " + host);
  }
  return text;
}

class Attackers::Crowd {
 public:
  Crowd(const std::string& host, std::uint16_t port, std::vector<Attack> attacks,
        std::size_t connections)
      : address_(address_of(host, port)),
        attacks_(std::move(attacks)),
        counts_(attacks_.size()),
        attackers_(connections),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < connections; ++i) {
      attackers_[i].attack = &attacks_[i % attacks_.size()];
      attackers_[i].counts = &counts_[i % attacks_.size()];
    }
  }
  ~Crowd() {
    for (auto& one : attackers_) reset(one);
    ::close(epoll_);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void run(const std::atomic<bool>& over) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    while (!over) {
      wait();
      const auto now = now_ns();
      for (auto& one : attackers_) act(one, now);
    }
  }

  [[nodiscard]] std::vector<AttackOutcome> outcomes() const {
    std::vector<AttackOutcome> out;
    for (std::size_t i = 0; i < attacks_.size(); ++i) {
      const auto& c = counts_[i];
      out.push_back({attacks_[i], c.made, c.ended, c.refused, c.bytes});
    }
    return out;
  }

 private:
  using State = Attacker::State;

  void wait() {
    std::array<epoll_event, kReadyAtOnce> ready{};
    const int count = ::epoll_wait(epoll_, ready.data(), kReadyAtOnce, kTickMs);
    for (int i = 0; i < count; ++i) {
      auto& one = *static_cast<Attacker*>(ready.at(static_cast<std::size_t>(i)).data.ptr);
      const auto events = ready.at(static_cast<std::size_t>(i)).events;
      if (one.state == State::connecting) {
        connected(one);
      } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        end(one);
      } else if ((events & EPOLLIN) != 0) {
        hear(one);
      }
    }
  }

  void act(Attacker& one, std::int64_t now) {
    if (one.state == State::away && now >= one.due) connect(one, now);
    if (one.state != State::attacking) return;
    if (one.attack->leaves) return leave(one, now);
    attack(one, now);
  }

  // ---- coming and going ----

  void connect(Attacker& one, std::int64_t now) {
    one.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one.fd < 0) return refused(one, now);
    if (!one.attack->reads) {
      ::setsockopt(one.fd, SOL_SOCKET, SO_RCVBUF, &kSmallestBuffer, sizeof kSmallestBuffer);
    }
    const auto* const to = reinterpret_cast<const sockaddr*>(&address_);
    if (::connect(one.fd, to, sizeof address_) != 0 && errno != EINPROGRESS) {
      return refused(one, now);
    }
    one.state = State::connecting;
    watch(one, EPOLL_CTL_ADD, EPOLLOUT);
  }

  void connected(Attacker& one) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return refused(one, now_ns());
    ++one.counts->made;
    one.said = one.attack->opening;
    one.sent = 0;
    one.heard.clear();
    one.state = one.attack->upgrades ? State::upgrading : State::attacking;
    if (!one.attack->upgrades) begin(one);
    watch(one, EPOLL_CTL_MOD, wants_to_hear(one) ? std::uint32_t{EPOLLIN} : 0);
    if (one.attack->upgrades) say(one);
  }

  void begin(Attacker& one) {
    one.said.erase(0, one.sent);
    one.said += one.attack->then;
    one.sent = 0;
    one.state = State::attacking;
    one.paced = now_ns();
    one.credit = 0;
  }

  void refused(Attacker& one, std::int64_t now) {
    ++one.counts->refused;
    reset(one);
    one.due = now + kBackAfter;
  }
  void end(Attacker& one) {
    ++one.counts->ended;
    reset(one);
    one.due = now_ns() + kBackAfter;
  }
  void leave(Attacker& one, std::int64_t now) {
    reset(one);
    one.due = now + kLeavesAfter;
  }

  // By a reset: ports of connections that end in order are not free again for a minute.
  static void reset(Attacker& one) {
    if (one.fd < 0) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(one.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(one.fd);
    one.fd = -1;
    one.state = State::away;
    one.said = {};
  }

  // ---- hearing ----

  static bool wants_to_hear(const Attacker& one) {
    return one.attack->reads || one.state == State::upgrading;
  }

  void watch(Attacker& one, int operation, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &one;
    ::epoll_ctl(epoll_, operation, one.fd, &event);
  }

  void hear(Attacker& one) {
    const auto count = ::recv(one.fd, scratch_.data(), scratch_.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) return end(one);
    // The broker says no more. Who floods goes on all the same, until the connection is gone.
    if (count == 0 && one.attack->refrain.empty()) return end(one);
    if (count == 0) {
      if (one.state == State::upgrading) return end(one);
      return watch(one, EPOLL_CTL_MOD, 0);
    }
    if (one.state != State::upgrading) return;
    one.heard.append(scratch_.data(), static_cast<std::size_t>(count));
    if (one.heard.find("\r\n\r\n") == std::string::npos) return;
    begin(one);
    if (!wants_to_hear(one)) watch(one, EPOLL_CTL_MOD, 0);
  }

  // ---- saying ----

  void attack(Attacker& one, std::int64_t now) {
    const auto& refrain = one.attack->refrain;
    if (!say(one) || refrain.empty()) return;
    const auto seconds = static_cast<double>(now - std::exchange(one.paced, now)) / 1e9;
    one.credit = std::min(one.credit + seconds * one.attack->bytes_per_second,
                          std::max(kLargestBurst, static_cast<double>(refrain.size())));
    const auto whole = static_cast<double>(refrain.size() - one.sent);
    // What is slow on purpose comes byte by byte, what floods in whole refrains.
    const bool drips = one.attack->bytes_per_second <= static_cast<double>(refrain.size());
    while (one.credit >= (drips ? 1 : whole)) {
      const auto most =
          std::min(refrain.size() - one.sent, static_cast<std::size_t>(std::floor(one.credit)));
      const auto count = send(one, refrain.data() + one.sent, most);
      if (count == 0) return;
      one.credit -= static_cast<double>(count);
      one.sent = (one.sent + count) % refrain.size();
    }
  }

  /// True once everything before the refrain has been said.
  bool say(Attacker& one) {
    if (one.said.empty()) return true;
    one.sent += send(one, one.said.data() + one.sent, one.said.size() - one.sent);
    if (one.fd < 0 || one.sent < one.said.size()) return false;
    one.said = {};
    one.sent = 0;
    return true;
  }

  std::size_t send(Attacker& one, const char* bytes, std::size_t size) {
    const auto count = ::send(one.fd, bytes, size, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) end(one);
    if (count <= 0) return 0;
    one.counts->bytes += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }

  const sockaddr_in address_;
  const std::vector<Attack> attacks_;
  std::vector<Counts> counts_;
  std::vector<Attacker> attackers_;
  const int epoll_;
  std::array<char, 65536> scratch_{};
};

Attackers::Attackers(const std::string& host, std::uint16_t port, std::vector<Attack> attacks,
                     std::size_t connections)
    : crowd_(std::make_unique<Crowd>(host, port, std::move(attacks), connections)),
      thread_([this] { crowd_->run(over_); }) {}

Attackers::~Attackers() {
  over_ = true;
  thread_.join();
}

std::vector<AttackOutcome> Attackers::outcomes() const { return crowd_->outcomes(); }

bool Attackers::all_were_bounded() const {
  return std::ranges::all_of(outcomes(), [](const AttackOutcome& outcome) {
    return !outcome.attack.must_end || outcome.ended > 0;
  });
}

}  // namespace tidemark::tools::bench
