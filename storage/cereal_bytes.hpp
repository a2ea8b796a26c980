// cereal's portable binary form to and from plain strings, without a stringstream.
// storage/: the headers of record batches and every small stored value go through this.
#pragma once

#include <istream>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

#include <cereal/archives/portable_binary.hpp>

namespace tidemark::storage {

/// Reads from a view. Lifetime: the view's.
class ViewBuffer final : public std::streambuf {
 public:
  void reset(std::string_view bytes) {
    // The get area wants char*, but nothing here writes to it.
    char* begin = const_cast<char*>(bytes.data());
    setg(begin, begin, begin + bytes.size());
  }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(egptr() - gptr()); }
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
  auto& from = ThreadStream<std::istream, ViewBuffer>::instance();
  from.buffer.reset(bytes);
  try {
    cereal::PortableBinaryInputArchive archive(from.stream);
    archive(value);
  } catch (const std::exception&) {  // too short, or a length no memory can hold
    return false;
  }
  return from.buffer.left() == 0;
}

}  // namespace tidemark::storage
