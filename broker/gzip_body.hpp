// A body as gzip, for clients that ask for it.
// broker/: costs milliseconds, so it is called on a reader thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::broker {

/// Is it worth trying? Text and JSON of more than a packet's worth; other bytes are mostly
/// compressed as they are.
[[nodiscard]] bool worth_gzip(std::string_view content_type, std::size_t bytes);

/// The pieces, one after another, as one gzip member (RFC 1952); the same pieces give the same
/// bytes, however they are cut. Never larger than what it was made of: nullopt if that can't be
/// done, or there is no memory for it; then send the pieces as they are. Memory: that of the result
/// and, meanwhile, 256 KiB. Pre: at most kMostGzipBytes altogether. Threads: any; blocks the caller
/// for about 7 ms per MiB.
[[nodiscard]] std::optional<std::string> gzipped(std::span<const std::string_view> pieces);

/// What is compressed at once is an answer to one request, far below this.
inline constexpr std::size_t kMostGzipBytes = std::size_t{64} << 20;

}  // namespace tidemark::broker
