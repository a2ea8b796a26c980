// Who is that, and may they? One answer for every transport.
// broker/access/: the server has one; sessions ask it with the credential a client showed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/access/access_rules.hpp"
#include "broker/access/identity.hpp"
#include "protocol/types.hpp"

namespace tidemark::broker {

/// Why a credential was not taken. `why` is one clause for the log, printable and without anything
/// secret; the client gets the table's text. Codes: unauthorized, token_expired.
struct AccessRefusal {
  Errc code = Errc::unauthorized;
  std::string why;
};

using AuthOutcome = std::variant<std::shared_ptr<const Identity>, AccessRefusal>;

/// What is wrong with the rules. `key` as in the file: "access.token-keys[1].file", from 0.
struct AccessFault {
  std::string key;
  std::string text;
};

/// A document fetched from a URL, or why there is none (one clause, for the log).
struct FetchFailure {
  std::string text;
};
struct FetchRequest {
  std::string url;
  bool private_addresses = false;  ///< may it lead to one, and be plain http there?
  std::stop_token stop;            ///< nobody waits for the document any more
};
using Fetched = std::variant<std::string, FetchFailure>;

/// Whence Access has the time, and the key sets that URLs name.
struct AccessSources {
  /// Blocks until the document is there or it failed, within bounds; called on Access's own thread.
  /// The daemon's is fetch_document (broker/net/outbound.hpp). Needed if a key set has a URL.
  std::function<Fetched(const FetchRequest&)> fetch;
  std::function<Timestamp()> now;                                 ///< empty: the time of day
  std::function<std::chrono::steady_clock::time_point()> steady;  ///< empty: the steady clock
  /// Something an operator should know: a short stable name ("key_set_failed", "key_set_changed",
  /// "key_skipped", "key_warning") and a sentence. From any thread; empty: nobody is told.
  std::function<void(std::string_view name, const std::string& text)> note;
};

/// Threads: any.
class Access {
 public:
  using Made = std::variant<std::shared_ptr<Access>, std::vector<AccessFault>>;

  /// Reads the keys and key sets that are files; those of URLs are fetched in the background.
  /// Faults: all of them.
  static Made make(AccessRules rules, AccessSources sources);
  /// Ends the fetching; who still waits is refused before this returns.
  ~Access();

  /// Who shows no credential. Never null; see may_anything().
  [[nodiscard]] std::shared_ptr<const Identity> anonymous() const;

  /// Whose credential (a token or an API key) is this? `done` is called once: before this returns
  /// if it can be decided from memory, else from another thread, when the key set that might hold
  /// the token's key has been fetched (one fetch for all who wait, and not more often than every 30
  /// s). It must not block. Where no access is configured everybody may do everything, whatever is
  /// shown.
  void authenticate(std::string_view credential, std::function<void(AuthOutcome)> done);

  /// What the rules of now make of an identity they made before: itself, another one with the
  /// rights of now, or nullptr: it has expired or been withdrawn (its subject, token, API key or
  /// the key that signed it). The anonymous stay the anonymous.
  [[nodiscard]] std::shared_ptr<const Identity> renew(
      const std::shared_ptr<const Identity>& identity) const;

  /// Changes whenever renew might answer otherwise, but for the time passing.
  [[nodiscard]] std::uint64_t generation() const;

  /// Other rules from now on, all of them or (if there are faults) none. Key files are read again.
  std::vector<AccessFault> replace(AccessRules rules);

  /// The rules of now.
  [[nodiscard]] std::shared_ptr<const AccessRules> rules() const;

  class Impl;

 private:
  explicit Access(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What Access::make would complain about; starts and fetches nothing.
[[nodiscard]] std::vector<AccessFault> check_access(const AccessRules& rules);

}  // namespace tidemark::broker
