// How a connection that lasts stands with access, as time goes on and the rules change.
// broker/: sessions look at it in their sweep; it does nothing by itself.
#pragma once

#include <chrono>
#include <cstdint>

#include "broker/access/access.hpp"
#include "broker/caller.hpp"

namespace tidemark::broker {

/// Threads: one (its session's).
class Standing {
 public:
  enum class Change : std::uint8_t {
    none,
    rights,     ///< the caller has others now
    notice,     ///< its credential expires soon: told once for each
    expired,    ///< its credential; again with every look
    withdrawn,  ///< its credential is no longer taken; again with every look
  };

  /// Of a broker without access: nothing ever changes.
  Standing() = default;
  /// `access` outlives this; nullptr: none.
  Standing(const Access* access, Caller caller);

  [[nodiscard]] const Caller& caller() const { return caller_; }
  /// The caller has shown another credential.
  void replace(Caller caller);

  /// What has happened since the last look, one thing at a time and the worst first.
  [[nodiscard]] Change look(Timestamp now);
  /// Until the credential expires; 0: it has, or it never does.
  [[nodiscard]] std::chrono::milliseconds left(Timestamp now) const;

 private:
  [[nodiscard]] Change renew();

  const Access* access_ = nullptr;
  Caller caller_;
  // Of no rules there are, so that the first look finds what happened since the caller was made.
  std::uint64_t seen_ = ~std::uint64_t{0};
  std::chrono::milliseconds notice_{0};
  bool told_ = false;
  bool withdrawn_ = false;
};

}  // namespace tidemark::broker
