// Errors: one enum, one table, one result type.
// protocol/: every unit of every folder reports its failures in these.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace tidemark {

/// Everything that can go wrong, as told to clients and operators. The names are part of the wire
/// protocol (PROTOCOL.md, "Errors"); `errors()` is the table behind them.
enum class Errc : std::uint8_t {
  // the request
  malformed_message = 1,
  unknown_message,
  message_too_large,
  invalid_topic,
  reserved_topic,
  invalid_key,
  invalid_headers,
  invalid_payload,
  invalid_content_type,
  invalid_producer,
  invalid_pattern,
  invalid_filter,
  invalid_cursor,
  event_too_large,
  too_many_events,
  // the topic
  unknown_topic,
  topic_deleted,
  topic_exists,
  topic_differs,
  topic_closed,
  content_type_mismatch,
  already_subscribed,
  not_subscribed,
  source_deleted,
  needs_empty_topic,
  no_state,
  state_failed,
  state_too_large,
  state_outdated,
  unknown_cursor,
  // the position
  invalid_fork,
  wrong_epoch,
  position_ahead,
  position_trimmed,
  // publishing
  producer_fenced,
  sequence_gap,
  sequence_regressed,
  offset_mismatch,
  // access
  unauthorized,
  token_expired,
  forbidden,
  // limits and state
  too_many_subscriptions,
  too_many_topics,
  too_many_forks,
  too_many_cursors,
  too_many_keys,
  too_many_connections,
  too_many_from_address,
  rate_limited,
  overloaded,
  stalled,
  shutting_down,
  forbidden_origin,
  method_not_allowed,
  not_found,
  backup_exists,
  backup_running,
  // storage
  storage_failed,
  disk_full,
  corrupt_record,
  store_locked,
  store_not_writable,
  store_newer_format,
  store_not_ours,
  store_lost_data,
  // the client's own
  connection_lost,
  timed_out,
  cancelled,
};

/// One row of the table.
struct ErrorInfo {
  Errc code;
  std::string_view name;  ///< on the wire: "position_ahead"
  std::string_view text;  ///< for people: one clause, no full stop
  std::uint16_t http_status;
  std::uint16_t close_code;  ///< when it ends a WebSocket connection (RFC 6455, 7.4)
};

/// The whole table, in the order of the enum.
[[nodiscard]] std::span<const ErrorInfo> errors();
/// The row of a code.
[[nodiscard]] const ErrorInfo& info(Errc code);
/// The code of a wire name.
[[nodiscard]] std::optional<Errc> errc_named(std::string_view name);

[[nodiscard]] const boost::system::error_category& category();
[[nodiscard]] inline boost::system::error_code make_error_code(Errc code) {
  return {static_cast<int>(code), category()};
}
/// The Errc in an error_code of our category; anything else is storage_failed or connection_lost
/// only where its origin was mapped, so here it is a programmer's error.
[[nodiscard]] Errc to_errc(const boost::system::error_code& error);

}  // namespace tidemark

template <>
struct boost::system::is_error_code_enum<tidemark::Errc> : std::true_type {};

namespace tidemark {

/// A value or an error. Boost 1.81's result may be dropped silently; this one may not.
template <class T>
class [[nodiscard]] Result : public boost::system::result<T, boost::system::error_code> {
  using Base = boost::system::result<T, boost::system::error_code>;

 public:
  using Base::Base;
  // By its tag: a bool, say, could be made of an error_code.
  Result(Errc code)  // NOLINT(google-explicit-constructor)
      : Base(boost::system::in_place_error, make_error_code(code)) {}
  [[nodiscard]] Errc errc() const { return to_errc(this->error()); }
};

/// What a fallible function without a value returns on success: `return ok();`
[[nodiscard]] inline Result<void> ok() { return Result<void>(boost::system::in_place_value); }

/// A broken promise of our own code: says what and where on stderr, and aborts. In release too.
[[noreturn]] void ensure_failed(const char* what, const char* file, int line);

}  // namespace tidemark

/// Asserts what only a programmer's error could make false.
#define TIDEMARK_ENSURE(condition, what) \
  ((condition) ? static_cast<void>(0) : ::tidemark::ensure_failed(what, __FILE__, __LINE__))
