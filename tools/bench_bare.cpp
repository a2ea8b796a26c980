// What bare loops need.
// tools/: see bench_bare.hpp.
#include "tools/bench_bare.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench_modes.hpp"

namespace tidemark::tools::bench {

void require(bool good, const char* what) {
  if (!good) throw BenchError(std::string(what) + " failed; ulimit -n may be too low");
}

Pairs::Pairs(std::size_t count) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  require(::bind(listener, any, size) == 0 && ::listen(listener, 128) == 0 &&
              ::getsockname(listener, any, &size) == 0,
          "listening");
  const int yes = 1;
  for (std::size_t i = 0; i < count; ++i) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(client >= 0, "socket");
    clients.push_back(client);
    require(::connect(client, any, size) == 0, "connect");
    const int server = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    require(server >= 0, "accept");
    servers.push_back(server);
    ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::fcntl(client, F_SETFL, ::fcntl(client, F_GETFL) | O_NONBLOCK);
  }
  ::close(listener);
}

Pairs::~Pairs() {
  for (const int fd : servers) ::close(fd);
  for (const int fd : clients) ::close(fd);
}

Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::run(const std::function<void()>& body) {
  pid_ = ::fork();
  require(pid_ >= 0, "fork");
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  body();
  ::_exit(1);
}

TemporaryFile::TemporaryFile(const std::filesystem::path& parent) {
  auto pattern = (parent / "tidemark-bench-XXXXXX").string();
  fd_ = ::mkstemp(pattern.data());
  require(fd_ >= 0, "a temporary file");
  ::unlink(pattern.c_str());
}

TemporaryFile::~TemporaryFile() { ::close(fd_); }

}  // namespace tidemark::tools::bench
