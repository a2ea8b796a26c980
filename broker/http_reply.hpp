// An answer to an HTTP request, and its head as bytes.
// broker/: routes make replies, HttpSession sends them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/api_reply.hpp"
#include "storage/segment.hpp"

namespace tidemark::broker {

/// The body is `body`, then `pieces` from where they lie, then `tail`; with its length, unless
/// `endless`: then it ends with the connection, or `chunked`: then it comes later, in chunks.
struct HttpReply {
  unsigned status = 200;
  std::string content_type;  ///< empty: none, and no body
  std::string fields = {};   ///< further header fields; see add
  std::string_view cache_control = "no-store";
  std::string body = {};
  std::vector<std::string_view> pieces = {};  ///< in one of `segments`, or in `owner`
  std::vector<std::shared_ptr<const storage::Segment>> segments = {};  ///< kept for the pieces
  std::shared_ptr<const void> owner = {};                              ///< likewise
  std::string tail = {};
  bool endless = false;
  bool chunked = false;
  // What the head says besides, and for metrics:
  std::optional<std::uint64_t> retry_after_ms = {};  ///< in 429 and 503 if it is not a second
  std::optional<Errc> error = {};                    ///< of a failure
  std::uint64_t events = 0;                          ///< in the body

  /// Adds a header field. Pre: `value` is one line; what clients send is never put here unchecked.
  HttpReply& add(std::string_view name, std::string_view value);
  [[nodiscard]] std::size_t body_size() const;
};

/// What the API's routes answer, and failures as problem details, as a reply.
[[nodiscard]] HttpReply to_reply(ApiReply reply);
/// `text`: more than the error table says.
[[nodiscard]] HttpReply failed(Errc code, std::string_view text = {});
[[nodiscard]] HttpReply failed(unsigned status, Errc code, std::string_view text);
/// rate_limited, with the time to wait.
[[nodiscard]] HttpReply rate_limited_reply(std::chrono::milliseconds wait);

/// What a head says of the connection and of whom it answers.
struct HeadContext {
  bool close = false;                 ///< the connection ends with this answer
  std::string_view cors_origin = {};  ///< the listed origin that asks; empty: none
  bool preflight = false;
  bool cors_credentials = false;  ///< may pages of that origin send the cookie a token comes in?
  bool authenticated = false;     ///< the answer is for who showed this credential, nobody else
};

/// Appends status line and header fields, with the empty line behind them. Of an answer without a
/// content type no length is told: there is no body.
void append_head(const HttpReply& reply, const HeadContext& context, std::string& out);

}  // namespace tidemark::broker
