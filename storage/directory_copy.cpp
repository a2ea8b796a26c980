// Copying files by hand, so that which side has failed is known, and how far it has come.
// storage/: plain POSIX; see the header.
#include "storage/directory_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <set>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "storage/head_marker.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using Copied = boost::system::result<void, CopyError>;

constexpr std::size_t kPiece = std::size_t{1} << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

CopyError unreadable(const fs::path& file, const std::string& why) {
  return {.code = Errc::corrupt_record, .text = "The file " + file.string() + " " + why + "."};
}

CopyError unwritable(const fs::path& file, int error) {
  return {.code = errc_of_errno(error),
          .text = file.string() + " can't be written: " + std::strerror(error) + "."};
}

// One copy under way. Threads: one.
class Copy {
 public:
  explicit Copy(const std::function<bool(std::uint64_t bytes)>& progress)
      : progress_(progress), piece_(kPiece) {}

  Copied file(const fs::path& from, const fs::path& to, std::uint64_t bytes) {
    const Descriptor in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (in.get() < 0)
      return unreadable(from, std::string("can't be read: ") + std::strerror(errno));
    // Never over anything that is there.
    const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.get() < 0) return unwritable(to, errno);
    for (std::uint64_t left = bytes; left > 0;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_.size()));
      const auto got = ::read(in.get(), piece_.data(), want);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return unreadable(from, std::string("can't be read: ") + std::strerror(errno));
      if (got == 0)
        return unreadable(from, "ends after " + std::to_string(bytes - left) + " bytes of " +
                                    std::to_string(bytes));
      if (auto done = write(out.get(), to, static_cast<std::size_t>(got)); !done) return done;
      left -= static_cast<std::uint64_t>(got);
    }
    if (::fsync(out.get()) != 0) return unwritable(to, errno);
    return {};
  }

 private:
  Copied write(int fd, const fs::path& to, std::size_t bytes) {
    for (std::size_t at = 0; at < bytes;) {
      const auto written = ::write(fd, piece_.data() + at, bytes - at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return unwritable(to, errno);
      at += static_cast<std::size_t>(written);
    }
    done_ += bytes;
    if (progress_ && !progress_(done_))
      return CopyError{.code = Errc::cancelled, .text = "The copy has been stopped."};
    return {};
  }

  const std::function<bool(std::uint64_t bytes)>& progress_;
  std::vector<char> piece_;
  std::uint64_t done_ = 0;
};

Copied sync_all(const std::set<fs::path>& directories) {
  for (const auto& directory : directories)
    if (auto synced = sync_directory(directory); !synced)
      return CopyError{.code = synced.errc(),
                       .text = "The directory " + directory.string() + " can't be synced."};
  return {};
}

}  // namespace

Copied copy_files(const fs::path& from, const fs::path& to,
                  const std::vector<BackupNote::File>& files,
                  const std::function<bool(std::uint64_t bytes)>& progress) {
  std::set<fs::path> directories;
  const auto make = [&](const fs::path& directory) -> Copied {
    if (!directories.insert(directory).second) return {};
    std::error_code error;
    const bool made = fs::create_directories(directory, error);
    if (made) fs::permissions(directory, fs::perms::owner_all, error);
    if (error) return unwritable(directory, error.value());
    return {};
  };
  if (auto made = make(to); !made) return made;
  Copy copy(progress);
  for (const auto& file : files) {
    const auto target = to / file.name;
    if (auto made = make(target.parent_path()); !made) return made;
    if (auto copied = copy.file(from / file.name, target, file.bytes); !copied) return copied;
  }
  const auto parent = fs::absolute(to).lexically_normal().parent_path();
  directories.insert(parent);
  return sync_all(directories);
}

}  // namespace tidemark::storage
