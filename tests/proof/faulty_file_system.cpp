// A file system that fails and forgets: see faulty_file_system.hpp.
// tests/proof/: every file has a second name in the grave, so that no removal is for good too soon.
#include "faulty_file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <pthread.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <climits>
#include <rocksdb/system_clock.h>

namespace tidemark::proof {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus failure(const Fault& fault) {
  if (!fault.no_space) return IOStatus::IOError("injected");
  auto status = IOStatus::NoSpace("injected");
  status.SetRetryable(true);  // as RocksDB's own file system says it
  return status;
}

IOStatus powerless() { return IOStatus::IOError("the power is off"); }

int errno_of(const Fault& fault) { return fault.no_space ? ENOSPC : EIO; }

std::uint64_t inode_of(const fs::path& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

fs::path path_of(int fd) {
  char target[PATH_MAX];
  const auto size =
      ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
  return size > 0 ? fs::path(std::string(target, static_cast<std::size_t>(size))) : fs::path();
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool of_rocksdb() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return std::string_view(name).starts_with("rocksdb");
}

/// RocksDB sleeps for a second after a failed flush; nobody learns anything from that here.
class HastyClock : public rocksdb::SystemClockWrapper {
 public:
  HastyClock() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  [[nodiscard]] const char* Name() const override { return "HastyClock"; }
  void SleepForMicroseconds(int us) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(us, 1'000));
  }
};

class Environment : public rocksdb::EnvWrapper {
 public:
  explicit Environment(const std::shared_ptr<rocksdb::FileSystem>& files)
      : EnvWrapper(rocksdb::NewCompositeEnv(files)) {
    file_system_ = files;
    system_clock_ = std::make_shared<HastyClock>();
  }
  [[nodiscard]] const char* Name() const override { return "FaultyEnvironment"; }
};

/// RocksDB joins with '/', and may do so twice.
fs::path clean(const std::string& name) {
  fs::path path = fs::path(name).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

// ---- files ----

class FaultyFileSystem::File : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultyFileSystem& files, fs::path path, std::unique_ptr<rocksdb::FSWritableFile> target)
      : FSWritableFileOwnerWrapper(std::move(target)),
        files_(files),
        path_(std::move(path)),
        inode_(inode_of(path_)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    const auto fault = files_.next(FaultKind::write);
    if (!fault) return FSWritableFileWrapper::Append(data, options, context);
    if (files_.powerless()) return proof::powerless();
    const auto half =
        FSWritableFileWrapper::Append({data.data(), data.size() / 2}, options, context);
    return half.ok() ? failure(*fault) : half;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* context) override {
    return Append(data, options, context);
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, std::uint64_t, const IOOptions&,
                            IODebugContext*) override {
    return IOStatus::NotSupported("only direct I/O writes so");
  }
  IOStatus PositionedAppend(const rocksdb::Slice&, std::uint64_t, const IOOptions&,
                            const rocksdb::DataVerificationInfo&, IODebugContext*) override {
    return IOStatus::NotSupported("only direct I/O writes so");
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();  // promises nothing
  }

 private:
  IOStatus sync() {
    struct stat found {};
    // Before the fault is asked for: what is written meanwhile is not of this sync.
    const bool named = ::stat(files_.in_grave(inode_).c_str(), &found) == 0;
    const auto fault = files_.next_sync(path_);
    if (fault && files_.powerless()) return proof::powerless();
    if (named)
      files_.sync_content(inode_, path_, static_cast<std::uint64_t>(found.st_size),
                          fault.has_value());
    return fault ? failure(*fault) : IOStatus::OK();
  }

  FaultyFileSystem& files_;
  const fs::path path_;
  const Inode inode_;
};

class FaultyFileSystem::Directory : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(FaultyFileSystem& files, fs::path path, std::unique_ptr<rocksdb::FSDirectory> target)
      : FSDirectoryWrapper(std::move(target)), files_(files), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return sync(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    return sync();
  }

 private:
  IOStatus sync() {
    if (const auto fault = files_.next_sync(path_))
      return files_.powerless() ? proof::powerless() : failure(*fault);
    files_.settle(path_);
    return IOStatus::OK();
  }
  FaultyFileSystem& files_;
  const fs::path path_;
};

FaultyFileSystem::FaultyFileSystem(fs::path root, fs::path grave)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      root_(std::move(root)),
      grave_(std::move(grave)),
      // Not owned: the environment goes before this does.
      env_(std::make_unique<Environment>(
          std::shared_ptr<rocksdb::FileSystem>(this, [](rocksdb::FileSystem*) {}))) {
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    const std::lock_guard lock(mutex_);
    entered(entry.path());
    if (entry.is_directory()) continue;
    contents_[inode_of(entry.path())].synced = entry.file_size();
  }
  synced_names_ = names_;
}

FaultyFileSystem::~FaultyFileSystem() = default;

// ---- faults ----

void FaultyFileSystem::arm(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  left_ = fault.nth;
  fired_ = false;
}

void FaultyFileSystem::disarm() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}

bool FaultyFileSystem::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

bool FaultyFileSystem::powerless() const {
  const std::lock_guard lock(mutex_);
  return cut_;
}

std::uint64_t FaultyFileSystem::calls(FaultKind kind) const {
  const std::lock_guard lock(mutex_);
  const auto found = count_.find(kind);
  return found == count_.end() ? 0 : found->second;
}

/// The fault that this call meets.
std::optional<Fault> FaultyFileSystem::next(FaultKind kind) {
  const std::lock_guard lock(mutex_);
  if (cut_) return Fault{.kind = kind};
  ++count_[kind];
  if (!fault_ || fault_->kind != kind) return std::nullopt;
  if (left_ > 1) {
    --left_;
    return std::nullopt;
  }
  const auto met = fault_;
  fired_ = true;
  if (!fault_->persistent) fault_.reset();
  return met;
}

std::optional<Fault> FaultyFileSystem::next_sync(const Path& file) {
  if (file.extension() == ".log" && of_rocksdb() && !powerless()) return std::nullopt;
  return next(FaultKind::sync);
}

void FaultyFileSystem::cut_power() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
}

// ---- names ----

FaultyFileSystem::Path FaultyFileSystem::in_grave(Inode inode) const {
  return grave_ / std::to_string(inode);
}

bool FaultyFileSystem::ours(const Path& path) const {
  const std::lock_guard lock(mutex_);
  return names_.contains(path);
}

void FaultyFileSystem::entered(const Path& path) {
  if (fs::is_directory(path)) {
    names_[path] = 0;
    return;
  }
  const Inode inode = inode_of(path);
  if (inode == 0) throw std::runtime_error("no file where one was made: " + path.string());
  names_[path] = inode;
  if (contents_.try_emplace(inode).second) fs::create_hard_link(path, in_grave(inode));
}

void FaultyFileSystem::left(const Path& path) {
  names_.erase(path);
  forget_unnamed();
}

void FaultyFileSystem::settle(const Path& directory) {
  const std::lock_guard lock(mutex_);
  if (lies_) return;
  std::erase_if(synced_names_,
                [&](const auto& name) { return name.first.parent_path() == directory; });
  for (const auto& name : names_)
    if (name.first.parent_path() == directory) synced_names_.insert(name);
  forget_unnamed();
}

void FaultyFileSystem::forget_unnamed() {
  std::set<Inode> named;
  for (const auto& [path, inode] : names_) named.insert(inode);
  for (const auto& [path, inode] : synced_names_) named.insert(inode);
  std::erase_if(contents_, [&](const auto& content) {
    if (named.contains(content.first)) return false;
    fs::remove(in_grave(content.first));
    return true;
  });
}

void FaultyFileSystem::sync_content(Inode inode, const Path& path, std::uint64_t size,
                                    bool failed) {
  const std::lock_guard lock(mutex_);
  const auto found = contents_.find(inode);
  if (lies_ || found == contents_.end()) return;
  Content& content = found->second;
  if (failed) {
    if (size > content.synced) content.lost.emplace_back(content.synced, size);
    return;
  }
  content.synced = std::max(content.synced, size);
  if (content.whole) content.whole = bytes_of(path);
}

// ---- RocksDB's calls ----

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name,
                                           const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                                           IODebugContext* context) {
  if (powerless()) return proof::powerless();
  const Path path = clean(name);
  std::error_code ignored;
  fs::remove(path, ignored);  // a new file, not the old one cut: that may have to come back
  auto status = FileSystemWrapper::NewWritableFile(name, options, out, context);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  entered(path);
  *out = std::make_unique<File>(*this, path, std::move(*out));
  return status;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSWritableFile>*,
                                              IODebugContext*) {
  return IOStatus::NotSupported("nothing here does that");
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* out,
                                        IODebugContext* context) {
  auto status = FileSystemWrapper::NewDirectory(name, options, out, context);
  if (status.ok()) *out = std::make_unique<Directory>(*this, clean(name), std::move(*out));
  return status;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                      IODebugContext* context) {
  if (powerless()) return proof::powerless();
  auto status = FileSystemWrapper::DeleteFile(name, options, context);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  left(clean(name));
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* context) {
  if (powerless()) return proof::powerless();
  const bool followed = ours(clean(from));
  auto status = FileSystemWrapper::RenameFile(from, to, options, context);
  if (!status.ok() || !followed) return status;
  const std::lock_guard lock(mutex_);
  names_[clean(to)] = std::exchange(names_[clean(from)], 0);
  left(clean(from));
  return status;
}

IOStatus FaultyFileSystem::LinkFile(const std::string& from, const std::string& to,
                                    const IOOptions& options, IODebugContext* context) {
  if (powerless()) return proof::powerless();
  auto status = FileSystemWrapper::LinkFile(from, to, options, context);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  entered(clean(to));
  return status;
}

IOStatus FaultyFileSystem::Truncate(const std::string&, std::size_t, const IOOptions&,
                                    IODebugContext*) {
  return IOStatus::NotSupported("nothing here does that");
}

IOStatus FaultyFileSystem::CreateDir(const std::string& name, const IOOptions& options,
                                     IODebugContext* context) {
  if (powerless()) return proof::powerless();
  auto status = FileSystemWrapper::CreateDir(name, options, context);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  entered(clean(name));
  return status;
}

IOStatus FaultyFileSystem::CreateDirIfMissing(const std::string& name, const IOOptions& options,
                                              IODebugContext* context) {
  if (fs::is_directory(name)) return IOStatus::OK();
  return CreateDir(name, options, context);
}

// ---- the head marker's calls ----

int FaultyFileSystem::Calls::open(const char* path, int flags, mode_t mode) {
  const bool made = (flags & O_CREAT) != 0 && !fs::exists(path);
  if (made && files_.powerless()) {
    errno = EIO;
    return -1;
  }
  const int fd = DiskCalls::open(path, flags, mode);
  if (fd < 0 || fs::is_directory(path)) return fd;
  const std::lock_guard lock(files_.mutex_);
  files_.entered(clean(path));
  Content& content = files_.contents_.at(inode_of(path));
  if (!content.whole) content.whole = made ? std::string() : bytes_of(path);
  return fd;
}

ssize_t FaultyFileSystem::Calls::pwrite(int fd, const void* bytes, std::size_t size, off_t at) {
  const auto fault = files_.next(FaultKind::write);
  if (!fault) return DiskCalls::pwrite(fd, bytes, size, at);
  const bool cut = files_.powerless();
  if (!cut && DiskCalls::pwrite(fd, bytes, size / 2, at) < 0) return -1;
  errno = errno_of(*fault);
  return -1;
}

int FaultyFileSystem::Calls::fdatasync(int fd) { return fsync(fd); }

int FaultyFileSystem::Calls::fsync(int fd) {
  const Path path = path_of(fd);
  struct stat found {};
  if (::fstat(fd, &found) != 0) return -1;
  const auto fault = files_.next(FaultKind::sync);
  if (fault) {
    errno = errno_of(*fault);
    return -1;
  }
  if (S_ISDIR(found.st_mode)) {
    files_.settle(path);
  } else {
    files_.sync_content(found.st_ino, path, static_cast<std::uint64_t>(found.st_size), false);
  }
  return 0;
}

// ---- the loss of power ----

void FaultyFileSystem::lose_power(const PowerLoss& how) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 random(how.seed);
  if (how.keep_names) synced_names_ = names_;
  restore_names();
  for (const auto& [path, inode] : names_)
    if (inode != 0) restore_content(inode, path, how, random);
  forget_unnamed();
  fault_.reset();
  cut_ = false;
}

void FaultyFileSystem::restore_names() {
  // A name whose directory is gone goes with it.
  std::erase_if(synced_names_, [&](const auto& name) {
    const Path parent = name.first.parent_path();
    return parent != root_ && !synced_names_.contains(parent);
  });
  for (const auto& [path, inode] : names_) {
    const auto kept = synced_names_.find(path);
    if (kept == synced_names_.end() || kept->second != inode) fs::remove_all(path);
  }
  for (const auto& [path, inode] : synced_names_) {
    const auto there = names_.find(path);
    if (there != names_.end() && there->second == inode) continue;
    if (inode == 0) {
      fs::create_directory(path);
    } else {
      fs::create_hard_link(in_grave(inode), path);
    }
  }
  names_ = synced_names_;
}

void FaultyFileSystem::restore_content(Inode inode, const Path& path, const PowerLoss& how,
                                       std::mt19937_64& random) {
  Content& content = contents_.at(inode);
  if (content.whole) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << *content.whole;
    return;
  }
  const std::uint64_t size = fs::file_size(path);
  std::uint64_t keep = std::min(content.synced, size);
  if (how.torn_tails && size > keep) keep += random() % (size - keep + 1);
  fs::resize_file(path, keep);
  for (const auto& [begin, end] : content.lost) {
    if (begin >= keep) continue;
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(begin));
    file << std::string(std::min(end, keep) - begin, '\0');
  }
  content.lost.clear();
  content.synced = keep;
}

}  // namespace tidemark::proof
