// What is wrong with a request's head that Beast's parser would let pass.
// broker/: see request_faults.hpp.
#include "broker/request_faults.hpp"

#include <algorithm>

#include <boost/beast/core/string.hpp>

#include "broker/head_fields.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;

namespace {

bool is_token_character(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         marks.find(c) != std::string_view::npos;
}

}  // namespace

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

bool is_coded(const http::request_header<>& head) {
  const auto [begin, end] = head.equal_range(http::field::content_encoding);
  return std::any_of(begin, end, [](const auto& each) {
    return !boost::beast::iequals(each.value(), "identity");
  });
}

}  // namespace tidemark::broker
