// Where a listing goes on behind names that its reader must not see.
// broker/: what api_routes gives as `next` when a page ends among them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::broker {

/// Seals names so that only this object can read them: AES-256-GCM with a key of its own, so they
/// are worth nothing to another process or after a restart. Threads: any.
class PageTokens {
 public:
  /// Throws std::runtime_error if the system has no randomness.
  PageTokens();

  /// Begins with ':', which no topic's name does.
  [[nodiscard]] std::string seal(std::string_view name) const;
  /// nullopt: not one of ours.
  [[nodiscard]] std::optional<std::string> open(std::string_view token) const;
  [[nodiscard]] static bool is_token(std::string_view text) { return text.starts_with(':'); }

 private:
  std::array<unsigned char, 32> key_{};
};

}  // namespace tidemark::broker
