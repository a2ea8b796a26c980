// open(2), and an export read from its beginning to where it was cut.
// tools/transfer/: see export_file.hpp.
#include "tools/transfer/export_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <variant>

#include "tools/interrupt.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

std::string reason() { return std::generic_category().message(errno); }

// The next piece of the file, none at its end.
std::optional<std::string> piece_of(int fd) {
  std::string piece(kPiece, '\0');
  ssize_t got = 0;
  do {
    if (interrupted()) return std::nullopt;
    got = ::read(fd, piece.data(), piece.size());
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::nullopt;
  piece.resize(static_cast<std::size_t>(got));
  return piece;
}

}  // namespace

boost::system::result<ExportFile, std::string> ExportFile::create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) return ExportFile(fd);
  if (errno == EEXIST) {
    return printable(path) + " is there already; --resume goes on with an export that was cut off";
  }
  return "cannot write " + printable(path) + ": " + reason();
}

boost::system::result<std::optional<ExportFile>, std::string> ExportFile::reopen(
    const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::optional<ExportFile>();
  if (fd < 0) return "cannot open " + printable(path) + ": " + reason();
  ExportFile file(fd);
  struct stat status = {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return printable(path) + " is no file that an export can go on with";
  return std::optional(std::move(file));
}

ExportFile::ExportFile(ExportFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

ExportFile::~ExportFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t ExportFile::size() const {
  struct stat status = {};
  return ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool ExportFile::cut(std::uint64_t bytes) const {
  const auto at = static_cast<off_t>(bytes);
  return ::ftruncate(fd_, at) == 0 && ::lseek(fd_, at, SEEK_SET) == at;
}

// What is no file, such as a device, has nothing to sync.
bool ExportFile::sync() const { return ::fsync(fd_) == 0 || errno == EINVAL || errno == EROFS; }

boost::system::result<ExportSoFar, ExportFault> read_so_far(const ExportFile& file,
                                                            ProgressBar& progress) {
  using Kind = ExportFault::Kind;
  ExportSoFar out;
  auto reader = ExportReader::open([&] { return piece_of(file.fd()); });
  if (!reader) {
    if (reader.error().kind == Kind::cut) return out;
    return reader.error();
  }
  for (;;) {
    auto item = (*reader)->next();
    if (!item && item.error().kind != Kind::cut) return item.error();
    if (!item || !*item) return out;
    if (out.order.take(**item)) {
      return ExportFault{.kind = Kind::damaged, .text = "its items do not follow one another"};
    }
    if (const auto* topic = std::get_if<ExportTopic>(&**item)) out.topics.push_back(topic->name);
    if (const auto* gap = std::get_if<ExportGap>(&**item)) out.lost += gap->offsets.count();
    out.form = (*reader)->form();
    out.whole_bytes = (*reader)->whole_bytes();
    progress.at(out.whole_bytes);
  }
}

}  // namespace tidemark::tools
