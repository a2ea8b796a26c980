// Answers of the HTTP API: JSON, and failures as problem details.
// broker/: what routes make; HttpSession sends it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "protocol/messages.hpp"

namespace tidemark::broker {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kProblemType = "application/problem+json";

struct ApiReply {
  unsigned status = 200;
  std::string body;        ///< empty with 204
  std::string allow = {};  ///< with 405: the methods there are
  std::string_view content_type = kJsonType;
  std::string_view content_encoding = {};            ///< of the body; empty: as it is
  std::optional<Errc> error = {};                    ///< of a failure
  std::optional<std::uint64_t> retry_after_ms = {};  ///< of one that passes
};

[[nodiscard]] ApiReply json_reply(const boost::json::value& body, unsigned status = 200);

/// A failure, and what programs need to know of it.
struct Problem {
  Errc code = Errc::malformed_message;
  std::string_view detail = {};     ///< more than the table says; empty: what it says
  unsigned status = 0;              ///< 0: the table's
  std::optional<Offset> head = {};  ///< offset_mismatch
  std::optional<std::uint64_t> expected_sequence = {};  ///< sequence_gap
  std::optional<std::uint64_t> producer_epoch = {};     ///< producer_fenced
  std::optional<std::uint64_t> retry_after_ms = {};     ///< rate_limited
  std::optional<Gap> gap = {};                          ///< position_* and wrong_epoch
};

/// Problem details (RFC 9457): `{"type":"about:blank","title":…,"status":…,"detail":…,"code":…}`,
/// with the code's name of the error table as `code` and the status' as `title`; then `head`,
/// `expected_sequence`, `producer_epoch`, `retry_after_ms`, `gap` as in the error messages of
/// PROTOCOL.md, if given.
[[nodiscard]] ApiReply error_reply(const Problem& problem);
[[nodiscard]] ApiReply error_reply(Errc code, std::string_view detail = {});
/// As above, with a status that says more about HTTP than the table's.
[[nodiscard]] ApiReply error_reply(unsigned status, Errc code, std::string_view detail);

}  // namespace tidemark::broker
