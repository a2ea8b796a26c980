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

/// Appends `value` in cereal's portable binary form.
template <class T>
void append_cereal(std::string& out, const T& value) {
  // A stream costs a locale, more than the whole encoding; the archive leaves no state in it.
  struct Stream {
    AppendBuffer buffer;
    std::ostream stream{&buffer};
  };
  thread_local Stream s;
  s.buffer.reset(&out);
  cereal::PortableBinaryOutputArchive archive(s.stream);
  archive(value);
}

/// Reads a value that fills `bytes` exactly; false if it does not.
template <class T>
[[nodiscard]] bool read_cereal(std::string_view bytes, T& value) {
  struct Stream {
    ViewBuffer buffer;
    std::istream stream{&buffer};
  };
  thread_local Stream s;
  s.buffer.reset(bytes);
  try {
    cereal::PortableBinaryInputArchive archive(s.stream);
    archive(value);
  } catch (const std::exception&) {  // too short, or a length no memory can hold
    return false;
  }
  return s.buffer.left() == 0;
}

}  // namespace tidemark::storage
