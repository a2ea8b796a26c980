// Access with keys of its own and a clock in the test's hands, and a server that asks it.
// tests/: what the tests of who may do what stand on.
#pragma once

#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <boost/json.hpp>

#include "broker/access/access.hpp"
#include "broker/access/signing_key.hpp"
#include "tests/broker/net_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::broker {

/// What a token says; `grants`: its claim `tidemark`, as JSON.
struct TokenSays {
  std::string subject = "ada";
  std::string grants = "{}";
  std::int64_t lives_ms = 3'600'000;  ///< from the clock's now on; negative: it has expired
  std::string id = {};                ///< `jti`
  std::string team = {};              ///< a claim of the application's own
};

/// Signs with a secret of its own, which the rules know.
class TestAccess {
 public:
  explicit TestAccess(AccessRules rules = {}) : key_(SigningKey::generate(Algorithm::hs256)) {
    const auto file = directory_.path() / "secret";
    std::ofstream(file, std::ios::binary) << key_.private_text();
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    rules.token_keys.push_back({.id = {}, .algorithm = "HS256", .file = file});
    rules.leeway = std::chrono::seconds(0);
    rules_ = std::move(rules);
    access_ = made(Access::make(rules_, sources()));
  }

  [[nodiscard]] const std::shared_ptr<Access>& access() const { return access_; }
  [[nodiscard]] const AccessRules& rules() const { return rules_; }
  void replace(AccessRules rules) {
    rules_ = std::move(rules);
    for (const auto& fault : access_->replace(rules_)) throw std::runtime_error(fault.text);
  }

  [[nodiscard]] Timestamp now() const { return {now_ms_->load()}; }
  void pass(std::chrono::milliseconds time) { *now_ms_ += time.count(); }

  [[nodiscard]] std::string token(const TokenSays& says) const {
    boost::json::object claims{{"sub", says.subject},
                               {"exp", static_cast<double>(now().ms + says.lives_ms) / 1000},
                               {"tidemark", boost::json::parse(says.grants)}};
    if (!says.id.empty()) claims["jti"] = says.id;
    if (!says.team.empty()) claims["team"] = says.team;
    return key_.token(R"({"alg":"HS256","typ":"JWT"})", boost::json::serialize(claims));
  }
  /// Of a client that may do this.
  [[nodiscard]] std::string token(std::string_view grants) const {
    return token(TokenSays{.grants = std::string(grants)});
  }
  /// As a header field.
  static std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
  }

  /// A server that asks it, and looks at every connection within a few milliseconds.
  [[nodiscard]] ServerOptions options() const {
    ServerOptions out;
    out.access = access_;
    out.clock = clock();
    out.limits.close_timeout = std::chrono::milliseconds(100);
    return out;
  }

 private:
  [[nodiscard]] std::function<Timestamp()> clock() const {
    return [now = now_ms_] { return Timestamp{now->load()}; };
  }
  [[nodiscard]] AccessSources sources() const {
    AccessSources out;
    out.now = clock();
    return out;
  }
  static std::shared_ptr<Access> made(Access::Made made) {
    if (const auto* faults = std::get_if<std::vector<AccessFault>>(&made)) {
      throw std::runtime_error(faults->front().key + ": " + faults->front().text);
    }
    return std::get<std::shared_ptr<Access>>(std::move(made));
  }

  // Shared: the server's threads ask the clock until they end.
  std::shared_ptr<std::atomic<std::int64_t>> now_ms_ =
      std::make_shared<std::atomic<std::int64_t>>(1'790'000'000'000);
  TempDir directory_;
  SigningKey key_;
  AccessRules rules_;
  std::shared_ptr<Access> access_;
};

/// An identity that may do this, whose credential expires then.
inline std::shared_ptr<const Identity> identity_of(Grants grants, Provenance::Kind kind,
                                                   std::optional<Timestamp> expires = {}) {
  Provenance from;
  from.kind = kind;
  from.subject = "ada";
  return std::make_shared<const Identity>(from, std::get<Rights>(Rights::parse(std::move(grants))),
                                          expires);
}

}  // namespace tidemark::broker
