// Whose certificates a client believes.
// protocol/client/: see trust.hpp.
#include "protocol/client/trust.hpp"

#include <stdexcept>

#include <boost/asio/ssl/context.hpp>

namespace tidemark::client {

namespace ssl = boost::asio::ssl;

Trust::Trust(const TrustOptions& options)
    : context_(std::make_unique<ssl::context>(ssl::context::tls_client)),
      verify_peer_(options.verify_peer) {
  SSL_CTX_set_min_proto_version(context_->native_handle(), TLS1_2_VERSION);
  context_->set_verify_mode(verify_peer_ ? ssl::verify_peer : ssl::verify_none);
  boost::system::error_code error;
  if (options.ca_file.empty()) {
    context_->set_default_verify_paths(error);
  } else {
    context_->load_verify_file(options.ca_file, error);
  }
  if (error && verify_peer_) {
    throw std::invalid_argument("cannot read certificates from " + options.ca_file + ": " +
                                error.message());
  }
}

Trust::~Trust() = default;

}  // namespace tidemark::client
