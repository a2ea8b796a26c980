// The names of messages that are read and written in different sources.
// protocol/: PROTOCOL.md, "type"; the decoders and json_encode say each name once.
#pragma once

#include <string_view>

namespace tidemark {

inline constexpr std::string_view kUnsubscribeName = "unsubscribe";
inline constexpr std::string_view kPingName = "ping";
inline constexpr std::string_view kAuthName = "auth";
inline constexpr std::string_view kAckName = "ack";
inline constexpr std::string_view kSubscribedName = "subscribed";
inline constexpr std::string_view kUnsubscribedName = "unsubscribed";
inline constexpr std::string_view kCaughtUpName = "caught_up";
inline constexpr std::string_view kGapName = "gap";
inline constexpr std::string_view kEpochName = "epoch";
inline constexpr std::string_view kPongName = "pong";
inline constexpr std::string_view kGoodbyeName = "goodbye";
inline constexpr std::string_view kErrorName = "error";
inline constexpr std::string_view kAuthenticatedName = "authenticated";
inline constexpr std::string_view kTokenExpiresName = "token_expires";
inline constexpr std::string_view kFollowingName = "following";
inline constexpr std::string_view kStateName = "state";
inline constexpr std::string_view kAdvancedName = "advanced";
inline constexpr std::string_view kAcknowledgedName = "acknowledged";

}  // namespace tidemark
