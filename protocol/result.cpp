// The error table and what is derived from it.
// protocol/: see result.hpp.
#include "protocol/result.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace tidemark {
namespace {

// Close codes (RFC 6455, 7.4.1): 1007 the bytes are not what they claim to be, 1008 against the
// rules, 1009 too big, 1011 our fault, 1012 restarting, 1013 try again later; registered with IANA
// besides: 3000 unauthorised, 3003 forbidden.
constexpr std::array kErrors{
    ErrorInfo{Errc::malformed_message, "malformed_message", "the message cannot be read", 400,
              1007},
    ErrorInfo{Errc::unknown_message, "unknown_message", "there is no message of this type", 400,
              1008},
    ErrorInfo{Errc::message_too_large, "message_too_large",
              "the message is larger than this broker takes", 413, 1009},
    ErrorInfo{Errc::invalid_topic, "invalid_topic",
              "topic names are segments of A-Z a-z 0-9 . _ ~ - joined by /, at most 255 bytes", 400,
              1008},
    ErrorInfo{Errc::reserved_topic, "reserved_topic", "topics below _tidemark belong to the broker",
              403, 1008},
    ErrorInfo{Errc::invalid_key, "invalid_key", "a key is UTF-8 of at most 1024 bytes", 400, 1008},
    ErrorInfo{Errc::invalid_headers, "invalid_headers",
              "headers are at most 32 distinct names of 1 to 128 bytes with values of at most 4096",
              400, 1008},
    ErrorInfo{Errc::invalid_payload, "invalid_payload",
              "the data does not fit the topic's content type; bytes travel as data_base64", 400,
              1008},
    ErrorInfo{Errc::invalid_content_type, "invalid_content_type",
              "a content type is type/subtype in printable ASCII, at most 128 bytes", 400, 1008},
    ErrorInfo{Errc::invalid_producer, "invalid_producer",
              "a producer has an id of 1 to 128 bytes, an epoch and a sequence", 400, 1008},
    ErrorInfo{Errc::invalid_pattern, "invalid_pattern",
              "a pattern is a topic name with * for characters of a segment and ** for segments",
              400, 1008},
    ErrorInfo{Errc::invalid_filter, "invalid_filter",
              "a filter has at most 256 keys and 16 headers of at most 64 values", 400, 1008},
    ErrorInfo{Errc::invalid_cursor, "invalid_cursor",
              "a cursor's name is 1 to 128 bytes of UTF-8 without control characters", 400, 1008},
    ErrorInfo{Errc::event_too_large, "event_too_large", "the event is larger than this topic takes",
              413, 1009},
    ErrorInfo{Errc::too_many_events, "too_many_events", "too many events in one publish", 413,
              1009},
    ErrorInfo{Errc::unknown_topic, "unknown_topic", "there is no such topic", 404, 1008},
    ErrorInfo{Errc::topic_deleted, "topic_deleted", "the topic has been deleted", 410, 1008},
    ErrorInfo{Errc::topic_exists, "topic_exists", "the topic exists already", 409, 1008},
    ErrorInfo{Errc::topic_differs, "topic_differs", "the topic exists with other settings", 409,
              1008},
    ErrorInfo{Errc::topic_closed, "topic_closed", "the topic is closed and takes no more events",
              409, 1008},
    ErrorInfo{Errc::content_type_mismatch, "content_type_mismatch",
              "the topic has another content type", 409, 1008},
    ErrorInfo{Errc::already_subscribed, "already_subscribed",
              "this connection is subscribed to the topic already", 409, 1008},
    ErrorInfo{Errc::not_subscribed, "not_subscribed",
              "this connection is not subscribed to the topic", 409, 1008},
    ErrorInfo{Errc::source_deleted, "source_deleted", "the topic to fork from has been deleted",
              409, 1008},
    ErrorInfo{Errc::needs_empty_topic, "needs_empty_topic",
              "only a topic that has never had an event can begin to keep the latest of each key",
              409, 1008},
    ErrorInfo{Errc::no_state, "no_state", "there is nothing this topic's state comes from", 404,
              1008},
    ErrorInfo{Errc::state_failed, "state_failed", "the topic's state could not be had", 502, 1013},
    ErrorInfo{Errc::state_too_large, "state_too_large",
              "the state is larger than this broker takes", 413, 1009},
    ErrorInfo{Errc::state_outdated, "state_outdated", "a state of a later position is stored", 409,
              1008},
    ErrorInfo{Errc::unknown_cursor, "unknown_cursor", "there is no such cursor", 404, 1008},
    ErrorInfo{Errc::invalid_fork, "invalid_fork", "a fork begins within its source", 400, 1008},
    ErrorInfo{Errc::wrong_epoch, "wrong_epoch",
              "the position belongs to a history that has ended or was never here", 409, 1008},
    ErrorInfo{Errc::position_ahead, "position_ahead",
              "the position is ahead of the topic's last event", 409, 1008},
    ErrorInfo{Errc::position_trimmed, "position_trimmed",
              "events after the position are no longer retained", 410, 1008},
    ErrorInfo{Errc::producer_fenced, "producer_fenced",
              "a newer epoch of this producer has taken over", 403, 1008},
    ErrorInfo{Errc::sequence_gap, "sequence_gap",
              "the producer's sequence skips at least one publish", 409, 1008},
    ErrorInfo{Errc::sequence_regressed, "sequence_regressed",
              "the sequence is not after the last one of the topic", 409, 1008},
    ErrorInfo{Errc::offset_mismatch, "offset_mismatch",
              "the topic's last offset is not the expected one", 412, 1008},
    ErrorInfo{Errc::unauthorized, "unauthorized", "this needs a valid token or API key", 401, 3000},
    ErrorInfo{Errc::token_expired, "token_expired", "the token has expired", 401, 3000},
    ErrorInfo{Errc::forbidden, "forbidden", "the token gives no right to this", 403, 3003},
    ErrorInfo{Errc::too_many_subscriptions, "too_many_subscriptions",
              "too many subscriptions on this connection", 429, 1008},
    ErrorInfo{Errc::too_many_topics, "too_many_topics", "the broker holds as many topics as it may",
              429, 1008},
    ErrorInfo{Errc::too_many_forks, "too_many_forks",
              "the topic is a fork of too many forks already", 429, 1008},
    ErrorInfo{Errc::too_many_cursors, "too_many_cursors",
              "the broker keeps as many cursors as it may", 429, 1008},
    ErrorInfo{Errc::too_many_keys, "too_many_keys", "the topic has as many keys as it may", 429,
              1008},
    ErrorInfo{Errc::too_many_connections, "too_many_connections",
              "the broker holds as many connections as it may", 503, 1013},
    ErrorInfo{Errc::too_many_from_address, "too_many_from_address",
              "this address holds as many connections as it may", 429, 1013},
    ErrorInfo{Errc::rate_limited, "rate_limited", "more than may be published in this time", 429,
              1013},
    ErrorInfo{Errc::overloaded, "overloaded", "more requests are waiting than the broker takes",
              503, 1013},
    ErrorInfo{Errc::stalled, "stalled", "the client has stopped reading", 408, 1008},
    ErrorInfo{Errc::shutting_down, "shutting_down", "the broker is shutting down", 503, 1012},
    ErrorInfo{Errc::forbidden_origin, "forbidden_origin",
              "pages of this origin may not use the broker", 403, 1008},
    ErrorInfo{Errc::method_not_allowed, "method_not_allowed", "this path does not take this method",
              405, 1008},
    ErrorInfo{Errc::not_found, "not_found", "there is nothing at this path", 404, 1008},
    ErrorInfo{Errc::backup_exists, "backup_exists", "there is a backup of this name already", 409,
              1008},
    ErrorInfo{Errc::backup_running, "backup_running", "a backup is being made already", 409, 1008},
    ErrorInfo{Errc::storage_failed, "storage_failed", "the store could not read or write", 500,
              1011},
    ErrorInfo{Errc::disk_full, "disk_full", "the disk is full", 507, 1011},
    ErrorInfo{Errc::corrupt_record, "corrupt_record", "stored bytes are damaged", 500, 1011},
    ErrorInfo{Errc::store_locked, "store_locked", "another process has the data directory open",
              500, 1011},
    ErrorInfo{Errc::store_not_writable, "store_not_writable",
              "the data directory cannot be written", 500, 1011},
    ErrorInfo{Errc::store_newer_format, "store_newer_format",
              "the data directory was written by a newer version", 500, 1011},
    ErrorInfo{Errc::store_not_ours, "store_not_ours", "the data directory holds something else",
              500, 1011},
    ErrorInfo{Errc::store_lost_data, "store_lost_data",
              "the store holds less than it had acknowledged", 500, 1011},
    ErrorInfo{Errc::connection_lost, "connection_lost", "the connection was lost", 502, 1011},
    ErrorInfo{Errc::timed_out, "timed_out", "it took too long", 504, 1011},
    ErrorInfo{Errc::cancelled, "cancelled", "it was cancelled", 503, 1011},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kErrors.size(); ++i) {
    if (static_cast<std::size_t>(kErrors.at(i).code) != i + 1) return false;
  }
  return kErrors.back().code == Errc::cancelled;
}
static_assert(in_order(), "the table has one row per code, in the order of the enum");

// Boost's destructor is protected and not virtual on purpose: a category is never deleted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class Category final : public boost::system::error_category {
 public:
  // The id makes the category equal to itself even if two shared objects carry it.
  constexpr Category() : error_category(0x7469646d61726b01) {}
  [[nodiscard]] const char* name() const noexcept override { return "tidemark"; }
  [[nodiscard]] std::string message(int value) const override {
    if (value < 1 || static_cast<std::size_t>(value) > kErrors.size()) return "unknown error";
    return std::string(kErrors.at(static_cast<std::size_t>(value) - 1).text);
  }
};
#pragma GCC diagnostic pop

}  // namespace

std::span<const ErrorInfo> errors() { return kErrors; }

const ErrorInfo& info(Errc code) {
  const auto index = static_cast<std::size_t>(code) - 1;
  TIDEMARK_ENSURE(index < kErrors.size(), "an error code is a row of the table");
  return kErrors.at(index);
}

std::optional<Errc> errc_named(std::string_view name) {
  const auto* row = std::ranges::find(kErrors, name, &ErrorInfo::name);
  if (row == kErrors.end()) return std::nullopt;
  return row->code;
}

const boost::system::error_category& category() {
  static const Category instance;
  return instance;
}

Errc to_errc(const boost::system::error_code& error) {
  TIDEMARK_ENSURE(error.category() == category(), "foreign errors are mapped where they arise");
  return info(static_cast<Errc>(error.value())).code;
}

void ensure_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, what);
  std::abort();
}

}  // namespace tidemark
