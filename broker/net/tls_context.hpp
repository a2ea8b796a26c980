// The server's certificate and key, and how TLS is spoken with them.
// broker/net/: a Listener that is secure has one; it makes a TlsSession for every connection.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "broker/net/tls_options.hpp"
#include "broker/net/tls_session.hpp"

struct ssl_ctx_st;

namespace tidemark::broker {

/// TLS 1.2 with ephemeral keys and authenticated encryption, or 1.3; never less. Threads: any.
class TlsContext {
 public:
  /// Reads the files. Throws std::runtime_error, which names the file, if they can't be used: not
  /// there, not PEM, a passphrase, too weak, or a key that does not belong to the certificate.
  explicit TlsContext(TlsOptions options);

  /// Reads the files again, for connections made from now on; those there are go on as they are.
  /// If they can't be used everything stays as it was, and the answer says why.
  [[nodiscard]] std::optional<std::string> reload();

  /// For a connection that has been accepted. nullptr if there is no memory for it.
  [[nodiscard]] std::unique_ptr<TlsSession> open(int descriptor) const;

  /// When the certificate ceases to be valid.
  [[nodiscard]] std::chrono::system_clock::time_point expires() const;

 private:
  [[nodiscard]] std::shared_ptr<ssl_ctx_st> current() const;

  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> current_;  // shared: open() uses it while reload() replaces it
};

}  // namespace tidemark::broker
