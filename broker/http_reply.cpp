// An answer to an HTTP request, and its head as bytes.
// broker/: see http_reply.hpp.
#include "broker/http_reply.hpp"

#include <array>
#include <ctime>

#include <boost/beast/http/status.hpp>

#include "protocol/json_text.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kAllowMethods = "GET, HEAD, PUT, POST, DELETE";
constexpr std::string_view kAllowHeaders =
    "Content-Type, Authorization, If-None-Match, Last-Event-ID, Stream-Seq, Stream-TTL, "
    "Stream-Expires-At, Stream-Closed, Stream-Forked-From, Stream-Fork-Offset, "
    "Stream-Fork-Sub-Offset, Producer-Id, Producer-Epoch, Producer-Seq, Tidemark-Offset";
constexpr std::string_view kExposeHeaders =
    "ETag, Location, Retry-After, Stream-Next-Offset, Stream-Up-To-Date, Stream-Closed, "
    "Stream-Cursor, Stream-Gap, Stream-TTL, Stream-Expires-At, Stream-SSE-Data-Encoding, "
    "Producer-Epoch, Producer-Seq, Producer-Expected-Seq, Producer-Received-Seq, "
    "WWW-Authenticate";

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

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// Who may see the answer: pages of the origins that were listed, besides the broker's own.
void append_cors(const HeadContext& context, std::string& out) {
  const bool listed = !context.cors_origin.empty();
  append_field(out, "Cross-Origin-Resource-Policy", listed ? "cross-origin" : "same-origin");
  if (listed) append_field(out, "Access-Control-Allow-Origin", context.cors_origin);
  if (listed && context.cors_credentials) {
    append_field(out, "Access-Control-Allow-Credentials", "true");
  }
  if (context.preflight) {
    // Told to everyone: without an Allow-Origin that names it no page may act on it.
    append_field(out, "Access-Control-Allow-Methods", kAllowMethods);
    append_field(out, "Access-Control-Allow-Headers", kAllowHeaders);
    append_field(out, "Access-Control-Max-Age", "600");
  } else if (listed) {
    append_field(out, "Access-Control-Expose-Headers", kExposeHeaders);
  }
}

}  // namespace

HttpReply& HttpReply::add(std::string_view name, std::string_view value) {
  TIDEMARK_ENSURE(value.find_first_of("\r\n") == std::string_view::npos,
                  "a header field is one line");
  append_field(fields, name, value);
  return *this;
}

std::size_t HttpReply::body_size() const {
  std::size_t size = body.size() + tail.size();
  for (const std::string_view piece : pieces) size += piece.size();
  return size;
}

HttpReply to_reply(ApiReply reply) {
  HttpReply out{.status = reply.status,
                .content_type = std::string(reply.status == 204 ? "" : reply.content_type),
                .body = std::move(reply.body),
                .retry_after_ms = reply.retry_after_ms,
                .error = reply.error};
  if (!reply.content_encoding.empty()) out.add("Content-Encoding", reply.content_encoding);
  if (!reply.allow.empty()) out.add("Allow", reply.allow);
  return out;
}

HttpReply failed(Errc code, std::string_view text) { return to_reply(error_reply(code, text)); }

HttpReply failed(unsigned status, Errc code, std::string_view text) {
  return to_reply(error_reply(status, code, text));
}

HttpReply rate_limited_reply(std::chrono::milliseconds wait) {
  const auto ms = static_cast<std::uint64_t>(wait.count());
  return to_reply(error_reply({.code = Errc::rate_limited, .retry_after_ms = ms}));
}

void append_head(const HttpReply& reply, const HeadContext& context, std::string& out) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(reply.status));
  out += "HTTP/1.1 ";
  append_number(out, reply.status);
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\nServer: tidemark\r\n";
  append_field(out, "Date", http_date());
  append_field(out, "Cache-Control", reply.cache_control);
  append_field(out, "X-Content-Type-Options", "nosniff");
  // A browser's own cache too must not show one user what another one was told.
  append_field(out, "Vary", context.authenticated ? "Origin, Authorization, Cookie" : "Origin");
  append_cors(context, out);
  out += reply.fields;
  if (reply.status == 426) append_field(out, "Upgrade", "websocket");
  if (reply.status == 503 || reply.status == 429) {
    // Whole seconds: not before the time has come.
    const auto seconds = (reply.retry_after_ms.value_or(1'000) + 999) / 1'000;
    append_field(out, "Retry-After", std::to_string(seconds));
  }
  append_field(out, "Connection", context.close ? "close" : "keep-alive");
  if (!reply.content_type.empty()) append_field(out, "Content-Type", reply.content_type);
  // An answer that has no body by its status ends with its head. Any other without a length ends
  // with the connection, and its client would wait for that.
  const bool ends_with_head = reply.status == 204 || reply.status == 304;
  if (!ends_with_head && reply.chunked) {
    append_field(out, "Transfer-Encoding", "chunked");
  } else if (!ends_with_head && !reply.endless) {
    out += "Content-Length: ";
    append_number(out, reply.content_type.empty() ? 0 : reply.body_size());
    out += "\r\n";
  }
  out += "\r\n";
}

}  // namespace tidemark::broker
