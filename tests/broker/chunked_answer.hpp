// An answer whose body comes in chunks.
// tests/: for the routes whose answers have no length.
#pragma once

#include <string>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {

/// The next chunk of an answer; empty: it was the last.
inline std::string read_chunk(RawClient& client) {
  const auto size = std::stoul(client.read_until("\r\n"), nullptr, 16);
  auto chunk = client.read_bytes(size);
  EXPECT_EQ(client.read_bytes(2), "\r\n");
  return chunk;
}

/// As read_answer, with the body put together. Pre: it comes in chunks.
inline HttpAnswer read_chunked(RawClient& client) {
  HttpAnswer answer;
  answer.head = client.read_until("\r\n\r\n");
  answer.status = std::stoi(answer.head.substr(9, 3));
  EXPECT_NE(answer.head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
  for (auto chunk = read_chunk(client); !chunk.empty(); chunk = read_chunk(client)) {
    answer.body += chunk;
  }
  return answer;
}

}  // namespace tidemark::broker
