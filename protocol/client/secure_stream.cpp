// A TCP connection to a broker, in the clear or with TLS on it.
// protocol/client/: see secure_stream.hpp.
#include "protocol/client/secure_stream.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/x509_vfy.h>

#include "protocol/client/signal.hpp"

namespace tidemark::client {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

bool is_address(const std::string& host) {
  error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

SecureStream::SecureStream(const asio::any_io_executor& executor, std::shared_ptr<Trust> trust)
    : tcp_(executor),
      trust_(std::move(trust)),
      tls_(trust_ ? std::make_unique<Tls>(tcp_, trust_->context()) : nullptr) {}

asio::awaitable<error_code> SecureStream::secure(std::string host) {
  if (!tls_) co_return error_code();
  auto& tls = tls_->next_layer();
  auto* const session = tls.native_handle();
  // The server may have certificates for several names; addresses are no names (RFC 6066, 3).
  if (!is_address(host)) {
    // Not SSL_set_tlsext_host_name: that macro has a cast that is a warning here.
    SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
  }
  // An address is looked for among the certificate's addresses.
  if (SSL_set1_host(session, host.c_str()) != 1) co_return asio::error::invalid_argument;
  auto shaken = co_await tls.async_handshake(asio::ssl::stream_base::client, kNoThrow);
  co_return std::get<0>(shaken);
}

std::string SecureStream::explain(const error_code& error) const {
  if (!tls_ || error.category() != asio::error::get_ssl_category()) return error.message();
  const long verdict = SSL_get_verify_result(tls_->next_layer().native_handle());
  if (trust_->verify_peer() && verdict != X509_V_OK) {
    return std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verdict);
  }
  if (ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_WRONG_VERSION_NUMBER) {
    return "it does not speak TLS there";
  }
  return error.message();
}

}  // namespace tidemark::client
