// Keys in files: PEM, a JWK, a JWK set, or the bytes of a secret.
// broker/access/: token keys and key sets of the configuration, and the keys of `tidemark token`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/access/access_rules.hpp"
#include "broker/access/verify_key.hpp"

namespace tidemark::broker {

inline constexpr std::size_t kMostKeyFileBytes = std::size_t{1} << 20;

struct KeyFile {
  std::string bytes;
  bool readable_by_all = false;
};

/// Bounded by kMostKeyFileBytes. The fault says what the system said.
[[nodiscard]] std::variant<KeyFile, KeyFault> read_key_file(const std::filesystem::path& path);

/// The secret in a file: its bytes; if they are text, without the newline at their end, so that
/// `openssl rand -base64 48 > file` makes one.
[[nodiscard]] std::string_view secret_of(std::string_view file);

/// The keys of a rule's algorithm, and with its id if it has one: one, or several of a JWK set.
/// Faults: none, and everything VerifyKey refuses. A PEM file is never a secret: the public key of
/// RS256 given as HS256's secret would let everyone sign.
[[nodiscard]] std::variant<std::vector<VerifyKey>, KeyFault> verify_keys_of(
    const TokenKeyRule& rule, std::string_view file);

/// The keys of a set that can be used, bound to no rule; `skipped` tells of each that cannot. A
/// secret is taken only if `secrets`: what a URL answers is none.
[[nodiscard]] std::variant<std::vector<VerifyKey>, KeyFault> verify_keys_of_set(
    std::string_view text, bool secrets, std::vector<std::string>& skipped);

}  // namespace tidemark::broker
