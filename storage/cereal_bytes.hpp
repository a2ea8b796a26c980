// cereal's portable binary form to and from plain strings, without a stringstream.
// storage/: the headers of record batches and every small stored value go through this.
//
// Writing is cereal's, reading is not: its input archive allocates whatever a length claims before
// it looks whether the bytes are there, and makes a bool of any byte.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <cereal/archives/portable_binary.hpp>

namespace tidemark::storage {

/// Reads what append_cereal writes, by the same serialize functions. The first fault sticks: what
/// follows it reads as zero or empty. Memory: a small multiple of the bytes. Lifetime: theirs.
class CerealReader {
 public:
  using is_loading = std::true_type;

  explicit CerealReader(std::string_view bytes) : left_(bytes) {
    static_assert(std::endian::native == std::endian::little, "integers are read as memory lies");
    constexpr std::uint8_t kLittleEndian = 1;
    std::uint8_t order = 0;
    read(order);
    if (order != kLittleEndian) refuse();
  }

  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }

  void refuse() {
    good_ = false;
    left_ = {};
  }
  /// Everything was there, and nothing more.
  [[nodiscard]] bool whole() const { return good_ && left_.empty(); }

 private:
  template <class T>
  requires std::is_integral_v<T>
  void read(T& value) {
    value = T{};
    if (left_.size() < sizeof value) return refuse();
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
  }
  void read(bool& value) {
    std::uint8_t byte = 0;
    read(byte);
    if (byte > 1) refuse();
    value = byte == 1;
  }
  void read(std::string& value) {
    const auto size = length();
    value.assign(left_.substr(0, size));
    left_.remove_prefix(size);
  }
  template <class T>
  void read(std::optional<T>& value) {
    bool absent = true;
    read(absent);
    if (!good_ || absent) return value.reset();
    read(value.emplace());
  }
  template <class T>
  void read(std::vector<T>& list) {
    const auto count = length();
    list.clear();
    for (std::uint64_t i = 0; i < count && good_; ++i) read(list.emplace_back());
  }
  template <class T>
  requires std::is_class_v<T>
  void read(T& value) { serialize(*this, value); }

  /// Of a string or a list, whose elements take a byte each at least.
  std::uint64_t length() {
    std::uint64_t value = 0;
    read(value);
    if (value <= left_.size()) return value;
    refuse();
    return 0;
  }

  std::string_view left_;
  bool good_ = true;
};

/// Appends to a string.
class AppendBuffer final : public std::streambuf {
 public:
  void reset(std::string* out) { out_ = out; }

 protected:
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    out_->append(data, static_cast<std::size_t>(size));
    return size;
  }
  int_type overflow(int_type c) override {
    if (c != traits_type::eof()) out_->push_back(static_cast<char>(c));
    return traits_type::not_eof(c);
  }

 private:
  std::string* out_ = nullptr;
};

/// A stream and its buffer, one per thread: making a stream costs more than the whole coding, and
/// the archives leave no state in it. Never destroyed, since a log may be closed by the destructor
/// of a static object, which runs after those of its thread's own objects.
template <class Stream, class Buffer>
class ThreadStream {
 public:
  static ThreadStream& instance() {
    union Kept {
      Kept() : value() {}
      ~Kept() {}
      ThreadStream value;
    };
    thread_local Kept kept;
    return kept.value;
  }
  Buffer buffer;
  Stream stream{&buffer};
};

/// Appends `value` in cereal's portable binary form.
template <class T>
void append_cereal(std::string& out, const T& value) {
  auto& on = ThreadStream<std::ostream, AppendBuffer>::instance();
  on.buffer.reset(&out);
  cereal::PortableBinaryOutputArchive archive(on.stream);
  archive(value);
}

/// Reads a value that fills `bytes` exactly; false if it does not.
template <class T>
[[nodiscard]] bool read_cereal(std::string_view bytes, T& value) {
  CerealReader reader(bytes);
  reader(value);
  return reader.whole();
}

}  // namespace tidemark::storage
