// A file is made with its mode, not given it afterwards.
// tools/: see secret_file.hpp.
#include "tools/secret_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <variant>

#include "broker/access/key_file.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

std::optional<std::string> read_stdin() {
  std::string out;
  std::array<char, 4096> piece{};
  while (true) {
    const auto got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    out.append(piece.data(), static_cast<std::size_t>(got));
    if (out.size() <= broker::kMostKeyFileBytes) continue;
    complain("stdin is larger than 1 MiB");
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<std::string> read_secret(const std::string& path) {
  if (path == "-") return read_stdin();
  auto file = broker::read_key_file(path);
  if (const auto* fault = std::get_if<broker::KeyFault>(&file)) {
    complain(path + " " + fault->text);
    return std::nullopt;
  }
  return std::move(std::get<broker::KeyFile>(file).bytes);
}

bool write_new_file(const std::string& path, const std::string& bytes, unsigned mode) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) {
    complain(path + " cannot be made: " + std::strerror(errno));
    return false;
  }
  // The mode as asked for, whatever the umask takes away from it.
  const bool done = ::fchmod(fd, mode) == 0 && write_all(fd, bytes) && ::fsync(fd) == 0;
  if (!done) complain(path + " cannot be written: " + std::strerror(errno));
  ::close(fd);
  return done;
}

}  // namespace tidemark::tools
