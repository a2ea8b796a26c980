// The server's certificate and key, and how TLS is spoken with them.
// broker/net/: see tls_context.hpp.
#include "broker/net/tls_context.hpp"

#include <cerrno>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace tidemark::broker {

namespace {

using Context = std::shared_ptr<ssl_ctx_st>;

// Of TLS 1.2 only what is forward secret and authenticates what it encrypts; those of 1.3 all are.
// AES before ChaCha, except for clients that prefer ChaCha because they have no AES in hardware.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr std::string_view kProtocol = "http/1.1";

std::string last_reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason is known";
}

[[noreturn]] void refuse(std::string what) {
  ERR_clear_error();
  throw std::runtime_error(std::move(what));
}

/// What OpenSSL would say of a file that can't be opened names neither the file nor the reason.
void check_readable(const std::filesystem::path& file, const char* what) {
  errno = 0;
  std::ifstream in(file);
  if (in && in.peek() != std::ifstream::traits_type::eof()) return;
  const auto why = errno != 0 ? std::generic_category().message(errno) : "it is empty";
  refuse(std::string("cannot read the TLS ") + what + " " + file.string() + ": " + why);
}

/// The daemon asks nobody: without this OpenSSL would, on the terminal. Notes that it was called.
int no_passphrase(char* /*into*/, int /*size*/, int /*writing*/, void* called) {
  if (called != nullptr) *static_cast<bool*>(called) = true;
  return -1;
}

int choose_protocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned size, void* /*data*/) {
  while (size > 0) {
    const unsigned length = *offered;
    if (length + 1 > size) break;
    const std::string_view name(reinterpret_cast<const char*>(offered + 1), length);
    if (name == kProtocol) {
      *out = offered + 1;
      *out_size = static_cast<unsigned char>(length);
      return SSL_TLSEXT_ERR_OK;
    }
    offered += length + 1;
    size -= length + 1;
  }
  // Whoever speaks only other protocols must not be taken for one that speaks ours (RFC 7301, 3.2).
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_rules(SSL_CTX* context, TlsVersion min_version) {
  SSL_CTX_set_min_proto_version(context,
                                min_version == TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // One system call for a record's head and body, and for what lies behind it.
  SSL_CTX_set_read_ahead(context, 1);
  // Clients keep their sessions themselves, in tickets.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_set_cipher_list(context, kCiphers) != 1 ||
      SSL_CTX_set_ciphersuites(context, kSuites) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups) != 1) {
    refuse("the TLS library knows not all ciphers that are needed: " + last_reason());
  }
}

void load_certificate(SSL_CTX* context, const std::filesystem::path& file) {
  check_readable(file, "certificate");
  if (SSL_CTX_use_certificate_chain_file(context, file.c_str()) == 1) return;
  refuse("cannot use the TLS certificate " + file.string() + ": " + last_reason());
}

void load_key(SSL_CTX* context, const TlsOptions& options) {
  check_readable(options.key, "key");
  bool locked = false;
  SSL_CTX_set_default_passwd_cb_userdata(context, &locked);
  const bool read =
      SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (locked) {
    refuse("the TLS key " + options.key.string() +
           " has a passphrase; keys are to be stored without");
  }
  const bool belongs = read && SSL_CTX_check_private_key(context) == 1;
  if (belongs) return;
  // A key of another kind than the certificate's is read, and then there is none for it.
  const auto error = ERR_peek_last_error();
  if (read || ERR_GET_LIB(error) == ERR_LIB_X509) {
    refuse("the TLS key " + options.key.string() + " does not belong to the certificate " +
           options.certificate.string());
  }
  refuse("cannot use the TLS key " + options.key.string() + ": " + last_reason());
}

Context load(const TlsOptions& options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) refuse("no TLS context: " + last_reason());
  set_rules(context.get(), options.min_version);
  load_certificate(context.get(), options.certificate);
  load_key(context.get(), options);
  return context;
}

}  // namespace

TlsContext::TlsContext(TlsOptions options)
    : options_(std::move(options)), current_(load(options_)) {}

std::optional<std::string> TlsContext::reload() {
  try {
    auto loaded = load(options_);
    const std::lock_guard lock(mutex_);
    current_.swap(loaded);
    return std::nullopt;
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

Context TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::unique_ptr<TlsSession> TlsContext::open(int descriptor) const {
  SSL* const ssl = SSL_new(current().get());
  return ssl != nullptr ? std::make_unique<TlsSession>(ssl, descriptor) : nullptr;
}

std::chrono::system_clock::time_point TlsContext::expires() const {
  const auto context = current();
  std::tm when{};
  ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get())), &when);
  return std::chrono::system_clock::from_time_t(::timegm(&when));
}

}  // namespace tidemark::broker
