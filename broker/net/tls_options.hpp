// What TLS is to be spoken with.
// broker/net/: plain data as configured; TlsContext makes it work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tidemark::broker {

enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

/// "1.2" or "1.3".
[[nodiscard]] inline std::optional<TlsVersion> parse_tls_version(std::string_view text) {
  if (text == "1.2") return TlsVersion::v1_2;
  if (text == "1.3") return TlsVersion::v1_3;
  return std::nullopt;
}

struct TlsOptions {
  std::filesystem::path certificate;  ///< PEM: the server's first, then those that lead to a root
  std::filesystem::path key;          ///< PEM, without a passphrase
  TlsVersion min_version = TlsVersion::v1_2;
};

}  // namespace tidemark::broker
