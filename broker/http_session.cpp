// One HTTP connection: requests one after another, or the way to a WebSocket.
// broker/: see http_session.hpp.
#include "broker/http_session.hpp"

#include <array>
#include <charconv>
#include <ctime>

#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "broker/websocket_session.hpp"

namespace tidemark::broker {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kBodyReadBytes = std::size_t{64} << 10;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
// A body may take this much longer for every byte of it: 16 KiB/s, a slow phone.
constexpr std::size_t kSlowestBytesPerSecond = std::size_t{16} << 10;
// What a refused client still sends is dropped, since unread bytes would destroy the answer.
constexpr std::size_t kLingerBytes = std::size_t{16} << 20;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_token_character(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         marks.find(c) != std::string_view::npos;
}

/// IMF-fixdate (RFC 9110, 5.6.7), made once a second.
std::string_view http_date() {
  thread_local std::time_t made = -1;
  thread_local std::array<char, 32> text{};
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    // Day and month names don't depend on the locale as long as nobody sets one; the daemon
    // doesn't.
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made = now;
  }
  return text.data();
}

std::optional<std::string_view> field(const http::request_header<>& head, http::field name) {
  const auto found = head.find(name);
  if (found == head.end()) return std::nullopt;
  return view(found->value());
}

bool is_mutating(http::verb method) {
  return method != http::verb::get && method != http::verb::head && method != http::verb::options;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

constexpr std::string_view kWebSocketPath = "/v1/ws";

}  // namespace

// ---- what the parser would let pass ----

std::optional<std::string_view> fault_of_head(std::string_view head) {
  bool line_start = false;
  bool in_name = false;  // of a field; the request line has none
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '\n') {
      if (i == 0 || head[i - 1] != '\r') return "a line of the head ends with a bare LF";
      line_start = in_name = true;
      continue;
    }
    if (i > 0 && head[i - 1] == '\r') return "a CR of the head is not followed by LF";
    if (c == '\r') continue;
    if (line_start && (c == ' ' || c == '\t')) return "a header is folded";
    line_start = false;
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return "a control character in the head";
    if (!in_name) continue;
    if (c == ':') {
      in_name = false;
    } else if (!is_token_character(c)) {
      return "a header's name is not a token followed by a colon";
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> fault_of_framing(const http::request_header<>& head) {
  const unsigned version = head.version();
  if (version != 10 && version != 11) return "the version must be HTTP/1.1 or HTTP/1.0";
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && version == 11)) return "there must be one Host header";
  const auto encodings = head.count(http::field::transfer_encoding);
  const auto lengths = head.count(http::field::content_length);
  if (encodings > 0) {
    if (lengths > 0) return "Transfer-Encoding and Content-Length exclude each other";
    if (version == 10) return "HTTP/1.0 has no Transfer-Encoding";
    const auto value = view(head.find(http::field::transfer_encoding)->value());
    if (encodings > 1 ||
        !boost::beast::iequals(boost::beast::string_view(value.data(), value.size()), "chunked")) {
      return "the only Transfer-Encoding is chunked";
    }
  }
  if (lengths > 1) return "more than one Content-Length";
  if (lengths == 1) {
    const auto value = view(head.find(http::field::content_length)->value());
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) {
      return "Content-Length is not a number";
    }
  }
  if (head.count(http::field::origin) > 1) return "more than one Origin";
  return std::nullopt;
}

// ---- the life of a connection ----

HttpSession::HttpSession(ConnectionGroup& group, ConnectionSlot slot, Socket socket)
    : Connection(group, std::move(slot)), socket_(std::move(socket)) {}

void HttpSession::start() {
  enter(State::idle, group().limits().handshake_timeout);
  read();
}

void HttpSession::enter(State state, milliseconds time) {
  state_ = state;
  deadline_ = std::chrono::steady_clock::now() + time;
}

void HttpSession::sweep(SteadyTime now) {
  if (state_ == State::over || state_ == State::working || now < deadline_) return;
  if (state_ == State::head || state_ == State::body) {
    return fail(error_reply(408, Errc::timed_out, "the request took too long to arrive"));
  }
  abort();
}

void HttpSession::drain() {
  draining_ = true;
  if (state_ == State::idle) abort();
}

void HttpSession::abort() {
  if (state_ == State::over) return;
  state_ = State::over;
  error_code ignored;
  socket_.close(ignored);
}

// ---- reading ----

std::string_view HttpSession::pending() const {
  const auto bytes = in_.data();
  return {static_cast<const char*>(bytes.data()), bytes.size()};
}

void HttpSession::read() {
  // One is outstanding already if a request has timed out.
  if (reading_) return;
  reading_ = true;
  const std::size_t room = state_ == State::body ? kBodyReadBytes : kReadBytes;
  socket_.async_read_some(in_.prepare(room),
                          [self = shared_from_this()](error_code error, std::size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void HttpSession::on_read(error_code error, std::size_t bytes) {
  reading_ = false;
  // A request that timed out has been answered meanwhile; then what comes is dropped.
  if (state_ == State::over || state_ == State::writing) return;
  if (error) return abort();
  if (state_ == State::lingering) {
    lingered_ += bytes;
    if (lingered_ > kLingerBytes) return abort();
    return read();
  }
  in_.commit(bytes);
  if (state_ == State::body) {
    deadline_ += milliseconds(bytes * 1000 / kSlowestBytesPerSecond);
  }
  advance();
}

/// Goes on with the bytes there are, as far as they go.
void HttpSession::advance() {
  if (state_ == State::idle) {
    // Empty lines before a request are passed over (RFC 9112, 2.2).
    while (pending().starts_with("\r\n")) in_.consume(2);
    if (pending().empty() || pending() == "\r") return read();
    enter(State::head, group().limits().handshake_timeout);
  }
  if (state_ == State::head) return take_head();
  take_body();
}

void HttpSession::take_head() {
  const auto text = pending();
  const auto from = checked_ < kHeadEnd.size() ? 0 : checked_ - kHeadEnd.size();
  const auto end = text.find(kHeadEnd, from);
  const bool whole = end != std::string_view::npos;
  const auto head = whole ? text.substr(0, end + 2) : text;
  const auto most = group().limits().http_header_bytes;
  if (head.size() > most) {
    return fail(error_reply(431, Errc::message_too_large, "the request's head is too large"));
  }
  if (const auto fault = fault_of_head(head)) {
    return fail(error_reply(Errc::malformed_message, *fault));
  }
  checked_ = text.size();
  if (!whole) return read();

  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(most + kHeadEnd.size()));
  parser_->body_limit(group().limits().message_bytes);
  error_code error;
  const auto used = parser_->put(asio::buffer(text.data(), end + kHeadEnd.size()), error);
  if (error == http::error::body_limit) {
    return fail(error_reply(Errc::message_too_large, "the request's body is too large"));
  }
  if (error || !parser_->is_header_done()) {
    return fail(error_reply(Errc::malformed_message, "the request's head cannot be read"));
  }
  in_.consume(used);
  head_done();
}

void HttpSession::head_done() {
  const auto& request = parser_->get();
  cors_origin_.clear();
  if (const auto origin = field(request, http::field::origin)) {
    if (const auto* listed = group().network().origins.listed(*origin)) cors_origin_ = *listed;
  }
  if (const auto fault = fault_of_framing(request.base())) {
    return fail(error_reply(Errc::malformed_message, *fault));
  }
  head_only_ = request.method() == http::verb::head;
  close_ = !request.keep_alive() || draining_;
  // The checks need no body, and a client that is refused needs not send one.
  if (const auto refusal = refuse(request)) return fail(*refusal);
  enter(State::body, group().limits().stall_timeout);
  parser_->eager(true);
  if (parser_->is_done()) return dispatch();
  if (const auto expect = field(request, http::field::expect);
      expect && pending().empty() && request.version() == 11) {
    // Small enough for the socket's buffer; if it isn't taken the client sends its body anyway.
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.write_some(asio::buffer(kContinue), ignored);
  }
  take_body();
}

void HttpSession::take_body() {
  const auto most = group().limits().message_bytes;
  while (in_.size() > 0 && !parser_->is_done()) {
    error_code error;
    const auto used = parser_->put(in_.data(), error);
    in_.consume(used);
    body_bytes_ += used;
    if (error == http::error::body_limit) {
      return fail(error_reply(Errc::message_too_large, "the request's body is too large"));
    }
    if (error && error != http::error::need_more) {
      return fail(error_reply(Errc::malformed_message, "the request's body cannot be read"));
    }
    // Chunk headers and trailers are outside the parser's limit.
    if (body_bytes_ > 2 * most + kBodyReadBytes ||
        (used == 0 && in_.size() > group().limits().http_header_bytes)) {
      return fail(error_reply(Errc::message_too_large, "the body's chunks carry too much else"));
    }
    if (used == 0) break;
  }
  if (!parser_->is_done()) return read();
  dispatch();
}

// ---- answering ----

/// What a request is refused for whatever it wants.
std::optional<ApiReply> HttpSession::refuse(const Request& request) const {
  const auto& network = group().network();
  const auto host = field(request, http::field::host).value_or("");
  if (!network.origins.knows_host(host)) {
    return error_reply(Errc::forbidden_origin,
                       "this broker listens on a loopback address and answers to its names only");
  }
  const auto origin = field(request, http::field::origin);
  const bool web_socket = path_of(view(request.target())) == kWebSocketPath;
  if ((web_socket || is_mutating(request.method())) && !network.origins.allows(origin, host)) {
    return error_reply(Errc::forbidden_origin);
  }
  if (network.stopping && path_of(view(request.target())) != "/healthz") {
    return error_reply(Errc::shutting_down);
  }
  return std::nullopt;
}

void HttpSession::dispatch() {
  // The parser is gone before the next request comes; what is still needed of it is taken along.
  Request request = parser_->release();
  parser_.reset();
  body_bytes_ = 0;
  checked_ = 0;
  state_ = State::working;
  if (path_of(view(request.target())) == kWebSocketPath) return upgrade(request);
  if (answer_preflight(request)) return;

  ApiRequest call;
  call.method = request.method();
  call.target = view(request.target());
  call.content_type = field(request, http::field::content_type).value_or("");
  call.body = std::move(request.body());
  answer_api(group(), std::move(call),
             [self = shared_from_this()](const ApiReply& reply) { self->respond(reply); });
}

/// A browser asks before it sends what is not a simple request; pages of listed origins may.
bool HttpSession::answer_preflight(const Request& request) {
  if (request.method() != http::verb::options) return false;
  if (cors_origin_.empty()) {
    respond(error_reply(Errc::forbidden_origin));
  } else {
    respond({204, {}, {}});
  }
  return true;
}

void HttpSession::upgrade(const Request& request) {
  if (!boost::beast::websocket::is_upgrade(request) || !request.body().empty()) {
    return respond(
        error_reply(426, Errc::malformed_message, "this path takes WebSocket upgrades only"));
  }
  const auto offered = request.count(http::field::sec_websocket_protocol) > 1
                           ? std::optional<std::string_view>("?")
                           : field(request, http::field::sec_websocket_protocol);
  const auto form = choose_form(offered.value_or(""));
  if (!form) {
    return respond(error_reply(Errc::malformed_message,
                               "the subprotocols are tidemark.v1.json and tidemark.v1.cereal"));
  }
  state_ = State::over;  // the socket is another's from here on
  const auto session =
      std::make_shared<WebSocketSession>(group(), release_slot(), std::move(socket_), *form);
  group().add(*session);
  session->accept(request, pending(), offered.has_value());
}

/// Answers a request that was not read to its end, and then closes.
void HttpSession::fail(const ApiReply& reply) {
  close_ = true;
  respond(reply);
}

void HttpSession::respond(const ApiReply& reply) {
  if (state_ == State::over) return;
  if (draining_) close_ = true;
  const auto reason = http::obsolete_reason(static_cast<http::status>(reply.status));
  auto& out = out_;
  out = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
  out.append(reason.data(), reason.size());
  out += "\r\nServer: tidemark\r\nDate: ";
  out += http_date();
  out += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nVary: Origin\r\n";
  if (!cors_origin_.empty()) {
    out += "Access-Control-Allow-Origin: " + cors_origin_ +
           "\r\nAccess-Control-Allow-Methods: GET, HEAD, PUT, POST, DELETE\r\n"
           "Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 600\r\n";
  }
  if (!reply.allow.empty()) out += "Allow: " + std::string(reply.allow) + "\r\n";
  if (reply.status == 426) out += "Upgrade: websocket\r\n";
  if (reply.status == 503 || reply.status == 429) out += "Retry-After: 1\r\n";
  out += close_ ? "Connection: close\r\n" : "Connection: keep-alive\r\n";
  if (reply.status != 204) {
    out +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(reply.body.size()) +
        "\r\n";
  }
  out += "\r\n";
  if (!head_only_) out += reply.body;
  begin_write();
}

void HttpSession::begin_write() {
  enter(State::writing, group().limits().stall_timeout);
  asio::async_write(
      socket_, asio::buffer(out_),
      [self = shared_from_this()](error_code error, std::size_t) { self->written(error); });
}

void HttpSession::written(error_code error) {
  if (state_ == State::over) return;
  if (error) return abort();
  if (close_) return linger();
  out_.clear();
  head_only_ = false;
  if (in_.size() == 0 && in_.capacity() > kBodyReadBytes) in_.shrink_to_fit();
  // What was read ahead of the answer comes first.
  enter(State::idle, group().limits().idle_timeout);
  advance();
}

/// Half closes, so that the answer arrives even if the client is still sending.
void HttpSession::linger() {
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return abort();
  enter(State::lingering, group().limits().close_timeout);
  in_.consume(in_.size());
  read();
}

}  // namespace tidemark::broker
