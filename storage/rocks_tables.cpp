// Tables without keys: see rocks_tables.hpp.
// storage/: a table is begun and ended by one thread, which opens its file first.
#include "storage/rocks_tables.hpp"

#include <atomic>
#include <string_view>
#include <utility>

#include <rocksdb/file_system.h>

namespace tidemark::storage {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// What is known of a file: a copy of one, say for a backup, is never begun as a table.
enum class Holds : std::uint8_t { unknown, nothing, keys };
using Content = std::shared_ptr<std::atomic<Holds>>;

/// Of the file that this thread has opened last, until a table is begun in it.
thread_local Content opened;  // NOLINT: how RocksDB's two interfaces find each other

class Keys final : public rocksdb::TablePropertiesCollector {
 public:
  explicit Keys(Content content) : content_(std::move(content)) {
    if (content_) *content_ = Holds::nothing;
  }
  [[nodiscard]] const char* Name() const override { return "tidemark.Keys"; }
  /// Of every entry, and of ranges that are removed.
  rocksdb::Status AddUserKey(const rocksdb::Slice& /*key*/, const rocksdb::Slice& /*value*/,
                             rocksdb::EntryType /*type*/, rocksdb::SequenceNumber /*sequence*/,
                             std::uint64_t /*file_size*/) override {
    if (auto content = std::exchange(content_, {})) *content = Holds::keys;
    return rocksdb::Status::OK();
  }
  rocksdb::Status Finish(rocksdb::UserCollectedProperties* /*properties*/) override {
    return rocksdb::Status::OK();
  }
  [[nodiscard]] rocksdb::UserCollectedProperties GetReadableProperties() const override {
    return {};
  }

 private:
  Content content_;  ///< null once it holds one
};

class KeysFactory final : public rocksdb::TablePropertiesCollectorFactory {
 public:
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(Context /*context*/) override {
    return new Keys(std::exchange(opened, {}));  // NOLINT: RocksDB owns it
  }
  [[nodiscard]] const char* Name() const override { return "tidemark.KeysFactory"; }
};

class TableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  explicit TableFile(std::unique_ptr<rocksdb::FSWritableFile> target)
      : FSWritableFileOwnerWrapper(std::move(target)) {
    opened = content_;
  }
  ~TableFile() override {
    if (opened == content_) opened = {};
  }

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* context) override {
    return told(FSWritableFileWrapper::Append(data, options, context));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* context) override {
    return told(FSWritableFileWrapper::Append(data, options, verification, context));
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* context) override {
    return told(FSWritableFileWrapper::Flush(options, context));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    return told(FSWritableFileWrapper::Sync(options, context));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override {
    return told(FSWritableFileWrapper::Fsync(options, context));
  }
  IOStatus Close(const IOOptions& options, IODebugContext* context) override {
    return told(FSWritableFileWrapper::Close(options, context));
  }

 private:
  [[nodiscard]] IOStatus told(IOStatus status) const {
    if (status.ok() || *content_ != Holds::nothing) return status;
    status.PermitUncheckedError();
    return IOStatus::OK();
  }

  const Content content_ = std::make_shared<std::atomic<Holds>>(Holds::unknown);
};

class TableFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  [[nodiscard]] const char* Name() const override { return "tidemark.TableFileSystem"; }
  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* context) override {
    auto status = FileSystemWrapper::NewWritableFile(name, options, out, context);
    if (status.ok() && std::string_view(name).ends_with(".sst"))
      *out = std::make_unique<TableFile>(std::move(*out));
    return status;
  }
};

class Environment final : public rocksdb::EnvWrapper {
 public:
  explicit Environment(Env* below) : EnvWrapper(below) {
    file_system_ = std::make_shared<TableFileSystem>(below->GetFileSystem());
    system_clock_ = below->GetSystemClock();
  }
  [[nodiscard]] const char* Name() const override { return "tidemark.Environment"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> environment_of_tables(rocksdb::Env* below) {
  return std::make_unique<Environment>(below != nullptr ? below : rocksdb::Env::Default());
}

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> keys_of_tables() {
  return std::make_shared<KeysFactory>();
}

}  // namespace tidemark::storage
