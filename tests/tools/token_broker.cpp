// One connection after another, each answered with 401 and closed.
// tests/tools/: see token_broker.hpp.
#include "tests/tools/token_broker.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace tidemark::test {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

TokenBroker::TokenBroker() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  accept();
  thread_ = std::thread([this] { io_.run(); });
}

TokenBroker::~TokenBroker() {
  io_.stop();
  thread_.join();
}

std::string TokenBroker::url() const {
  return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
}

std::vector<std::string> TokenBroker::shown() const {
  const std::scoped_lock lock(mutex_);
  return shown_;
}

void TokenBroker::accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error) return;
    answer(socket);
    accept();
  });
}

void TokenBroker::answer(tcp::socket& socket) {
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  boost::system::error_code error;
  http::read(socket, buffer, request, error);
  if (error) return;
  {
    const std::scoped_lock lock(mutex_);
    shown_.emplace_back(request[http::field::authorization]);
  }
  http::response<http::string_body> reply(http::status::unauthorized, 11);
  reply.set(http::field::www_authenticate, "Bearer");
  reply.set(http::field::content_type, "application/problem+json");
  reply.keep_alive(false);
  reply.body() = R"({"type":"about:blank","detail":"this needs a token","code":"unauthorized"})";
  reply.prepare_payload();
  http::write(socket, reply, error);
}

}  // namespace tidemark::test
