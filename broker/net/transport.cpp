// The bytes of one connection: what sessions send and receive by.
// broker/net/: see transport.hpp.
#include "broker/net/transport.hpp"

namespace tidemark::broker {

using boost::system::error_code;

error_code Transport::end_sending(std::shared_ptr<void> keep) {
  if (tls_) {
    const Transfer said = tls_->end_sending();
    if (said.blocked()) {
      wait(Ready::to_send, [this, keep = std::move(keep)](error_code error) {
        if (!error) static_cast<void>(end_sending(keep));
      });
      return {};
    }
  }
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  return error;
}

void Transport::close() {
  // The descriptor's number may soon be another's.
  tls_.reset();
  error_code ignored;
  socket_.close(ignored);
}

boost::asio::ip::address Transport::peer_address() const {
  error_code ignored;
  return socket_.remote_endpoint(ignored).address();
}

}  // namespace tidemark::broker
