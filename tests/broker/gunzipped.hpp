// What a client makes of a body that comes as gzip.
// tests/: for tests of whatever the broker compresses.
#pragma once

#include <string>
#include <zlib.h>

#include <gtest/gtest.h>

namespace tidemark::broker {

/// The content of one gzip member of at most 8 MiB; empty if it is none, or has something behind
/// it.
inline std::string gunzipped(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out(std::size_t{8} << 20, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = ::inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0;
  out.resize(whole ? stream.total_out : 0);
  ::inflateEnd(&stream);
  return out;
}

}  // namespace tidemark::broker
