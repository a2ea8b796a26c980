// RocksDB's own log: see rocks_journal.hpp.
// storage/: plain files; a line that can't be written is no failure of the store.
#include "storage/rocks_journal.hpp"

#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <system_error>

namespace tidemark::storage {
namespace {

std::string stamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  const std::time_t time = seconds.count();
  std::tm parts{};
  std::array<char, 40> text{};
  ::gmtime_r(&time, &parts);
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string fraction = std::to_string(1'000 + ms).substr(1);
  return std::string(text.data(), size) + "." + fraction + "Z ";
}

std::string formatted(const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int size = std::vsnprintf(nullptr, 0, format, arguments);
  std::string text(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  if (size > 0) std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

}  // namespace

RocksJournal::RocksJournal(const std::filesystem::path& database)
    : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), path_(database / "LOG") {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  if (!error && size > kLargest)
    std::filesystem::rename(path_, database / "LOG.old", error);  // or it goes on growing
}

void RocksJournal::Logv(const char* format, std::va_list arguments) {
  const std::string line = stamp() + formatted(format, arguments) + '\n';
  const std::lock_guard lock(mutex_);
  if (!file_) file_.reset(std::fopen(path_.c_str(), "ae"));
  if (!file_) return;
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), file_.get()));
  static_cast<void>(std::fflush(file_.get()));
}

}  // namespace tidemark::storage
