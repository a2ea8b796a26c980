// The file BACKUP: lines of text with a checksum at the end. See FORMAT.md.
// storage/: plain files; what opens a backup is rocks_store.
#include "storage/backup.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/head_marker.hpp"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTitle = "tidemark backup ";
constexpr std::uint64_t kVersion = 1;
constexpr std::uintmax_t kMaxBytes = std::uintmax_t{64} << 20;  // a million files and more

std::string checksum_of(std::string_view text) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits;
}

std::string text_of(const BackupNote& note) {
  std::string text(kTitle);
  text += std::to_string(kVersion) + "\n";
  text += "time " + std::to_string(note.time.ms) + "\n";
  text += "sequence " + std::to_string(note.sequence) + "\n";
  text += "topics " + std::to_string(note.topics) + "\n";
  for (const auto& file : note.files)
    text += "file " + std::to_string(file.bytes) + " " + file.name + "\n";
  text += "end " + checksum_of(text) + "\n";
  return text;
}

// HEAD, or a file right in db: what is restored is written under these names.
bool valid_name(std::string_view name) {
  if (name == "HEAD") return true;
  if (!name.starts_with("db/")) return false;
  name.remove_prefix(3);
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

// Takes the note's lines one after another; the first that is wrong fails all that follow.
class NoteLines {
 public:
  explicit NoteLines(std::string_view text) : text_(text) {}

  // The rest of the next line, which must begin so; nullopt: it does not, or there is none.
  std::optional<std::string_view> line(std::string_view begin) {
    const auto end = text_.find('\n');
    if (end == std::string_view::npos || !text_.starts_with(begin)) return std::nullopt;
    const auto rest = text_.substr(0, end).substr(std::min(begin.size(), end));
    text_.remove_prefix(end + 1);
    return rest;
  }
  template <class Number>
  bool number(std::string_view begin, Number& out) {
    const auto rest = line(begin);
    return rest && read(*rest, out);
  }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

  template <class Number>
  static bool read(std::string_view digits, Number& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size();
  }

 private:
  std::string_view text_;
};

bool read_files(NoteLines& lines, std::vector<BackupNote::File>& files) {
  while (const auto rest = lines.line("file ")) {
    const auto space = rest->find(' ');
    if (space == std::string_view::npos) return false;
    BackupNote::File file{.name = std::string(rest->substr(space + 1))};
    if (!NoteLines::read(rest->substr(0, space), file.bytes) || !valid_name(file.name))
      return false;
    files.push_back(std::move(file));
  }
  return true;
}

Result<BackupNote> parse(std::string_view text) {
  BackupNote note;
  NoteLines lines(text);
  std::uint64_t version = 0;
  if (!lines.number(kTitle, version) || version == 0) return Errc::corrupt_record;
  if (version > kVersion) return Errc::store_newer_format;
  // The last line is "end " and the checksum of all before it.
  constexpr std::size_t kEnd = 4 + 16 + 1;
  if (text.size() < kEnd) return Errc::corrupt_record;
  const auto checked = text.substr(0, text.size() - kEnd);
  if (text.substr(checked.size()) != "end " + checksum_of(checked) + "\n")
    return Errc::corrupt_record;
  const bool whole = lines.number("time ", note.time.ms) &&
                     lines.number("sequence ", note.sequence) &&
                     lines.number("topics ", note.topics) && read_files(lines, note.files) &&
                     lines.line("end ") && lines.at_end();
  if (!whole) return Errc::corrupt_record;
  return note;
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  const int fd_;
};

Result<void> write_synced(const fs::path& file, std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errc_of_errno(errno);
  const File open(fd);
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errc_of_errno(errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return errc_of_errno(errno);
  return ok();
}

Result<std::string> read_all(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? Errc::not_found : Errc::storage_failed;
  const File open(fd);
  struct stat about {};
  if (::fstat(fd, &about) != 0) return Errc::storage_failed;
  if (!S_ISREG(about.st_mode) || static_cast<std::uintmax_t>(about.st_size) > kMaxBytes)
    return Errc::corrupt_record;
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errc::storage_failed;
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

std::uint64_t BackupNote::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file.bytes;
  return sum;
}

Result<std::vector<BackupNote::File>> files_of(const fs::path& directory) {
  std::vector<BackupNote::File> files;
  std::error_code error;
  const auto add = [&](const fs::path& path, std::string name) {
    const auto bytes = fs::file_size(path, error);
    if (!error) files.push_back({.name = std::move(name), .bytes = bytes});
  };
  if (fs::exists(directory / "HEAD", error)) add(directory / "HEAD", "HEAD");
  if (error) return Errc::storage_failed;
  for (fs::directory_iterator it(directory / "db", error), end; !error && it != end;
       it.increment(error)) {
    const auto name = it->path().filename().string();
    // The lock is of who has it open; RocksDB makes another.
    if (it->is_regular_file(error) && name != "LOCK") add(it->path(), "db/" + name);
    if (error) break;
  }
  if (error) return Errc::storage_failed;
  std::ranges::sort(files, {}, &BackupNote::File::name);
  return files;
}

Result<void> write_backup_note(const fs::path& directory, const BackupNote& note) {
  const auto file = directory / kBackupFile;
  const auto writing = directory / (std::string(kBackupFile) + ".new");
  std::error_code error;
  auto written = write_synced(writing, text_of(note));
  if (written) {
    fs::rename(writing, file, error);
    if (!error) return sync_directory(directory);
    written = errc_of_errno(error.value());
  }
  fs::remove(writing, error);
  return written;
}

Result<BackupNote> read_backup_note(const fs::path& directory) {
  const auto text = read_all(directory / kBackupFile);
  if (!text) return text.errc();
  return parse(*text);
}

Result<void> remove_backup_note(const fs::path& directory) {
  std::error_code error;
  fs::remove(directory / kBackupFile, error);
  if (error) return errc_of_errno(error.value());
  return sync_directory(directory);
}

std::vector<std::string> missing_files(const fs::path& directory, const BackupNote& note) {
  std::vector<std::string> missing;
  for (const auto& file : note.files) {
    std::error_code error;
    const auto bytes = fs::file_size(directory / file.name, error);
    if (error == std::errc::no_such_file_or_directory) {
      missing.push_back("The file " + file.name + " is missing.");
    } else if (error) {
      missing.push_back("The file " + file.name + " can't be looked at: " + error.message() + ".");
    } else if (bytes != file.bytes) {
      missing.push_back("The file " + file.name + " has " + std::to_string(bytes) +
                        " bytes and should have " + std::to_string(file.bytes) + ".");
    }
  }
  return missing;
}

}  // namespace tidemark::storage
