// Keys, tokens and rules with few words, and a clock that stands where it is put.
// tests/broker/access/: what the tests of access share.
#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/access/access.hpp"
#include "broker/access/access_plan.hpp"
#include "broker/access/key_ring.hpp"
#include "broker/access/signing_key.hpp"
#include "broker/access/token_verifier.hpp"
#include "tests/support/temp_dir.hpp"

namespace tidemark::broker {

inline constexpr std::int64_t kNowSeconds = 1'790'000'000;
inline constexpr Timestamp kNow{kNowSeconds * 1000};

inline constexpr std::array kAllAlgorithms{Algorithm::hs256, Algorithm::rs256, Algorithm::es256,
                                           Algorithm::eddsa};

/// One key of each algorithm, made once: RSA keys take their time.
inline const SigningKey& signing_key(Algorithm algorithm) {
  static const std::array keys{
      SigningKey::generate(Algorithm::hs256), SigningKey::generate(Algorithm::rs256),
      SigningKey::generate(Algorithm::es256), SigningKey::generate(Algorithm::eddsa)};
  return keys.at(static_cast<std::size_t>(algorithm));
}

inline std::string header_of(std::string_view algorithm, std::string_view more = {}) {
  return "{\"alg\":\"" + std::string(algorithm) + "\"" + std::string(more) + "}";
}

/// Claims that are good at kNow, with `more` members behind them.
inline std::string good_claims(std::string_view more = {}) {
  return R"({"sub":"ada","exp":)" + std::to_string(kNowSeconds + 600) +
         R"(,"tidemark":{"subscribe":["rooms/*","!rooms/staff"],"publish":["rooms/lobby"]})" +
         std::string(more) + "}";
}

inline std::string token_of(Algorithm algorithm, std::string_view claims,
                            std::string_view more_header = {}) {
  return signing_key(algorithm).token(header_of(name_of(algorithm), more_header), claims);
}

/// A ring of the key with this id, bound to an issuer if one is given.
inline KeyRing ring_of(Algorithm algorithm, const std::string& id = {},
                       const std::string& issuer = {}) {
  return KeyRing({{signing_key(algorithm).verify_key(id), issuer}});
}

inline AccessPlan plan_of(AccessRules rules) {
  // Anything configured will do: the ring is given apart.
  if (!rules.configured()) rules.anonymous.subscribe = {"public/**"};
  auto planned = plan_access(std::move(rules));
  if (const auto* faults = std::get_if<std::vector<AccessFault>>(&planned)) {
    ADD_FAILURE() << faults->front().key << ": " << faults->front().text;
    return {};
  }
  return std::get<AccessPlan>(std::move(planned));
}

inline std::shared_ptr<const Identity> identity_in(const Verified& result) {
  const auto* identity = std::get_if<std::shared_ptr<const Identity>>(&result);
  return identity == nullptr ? nullptr : *identity;
}
inline std::shared_ptr<const Identity> identity_in(const AuthOutcome& result) {
  const auto* identity = std::get_if<std::shared_ptr<const Identity>>(&result);
  return identity == nullptr ? nullptr : *identity;
}

/// "unauthorized: it has no exp", "ada". That no key fits is what Access refuses too, in the end.
inline std::string said(const Verified& result) {
  if (const auto identity = identity_in(result)) return identity->name();
  if (const auto* unknown = std::get_if<UnknownKey>(&result))
    return "unauthorized: " + unknown->why;
  const auto& refusal = std::get<AccessRefusal>(result);
  return std::string(info(refusal.code).name) + ": " + refusal.why;
}
inline std::string said(const AuthOutcome& result) {
  if (const auto identity = identity_in(result)) return identity->name();
  const auto& refusal = std::get<AccessRefusal>(result);
  return std::string(info(refusal.code).name) + ": " + refusal.why;
}

inline TopicName topic(std::string_view name) { return TopicName::parse(name).value(); }

inline std::string write_file(const TempDir& in, const std::string& name, std::string_view bytes) {
  const auto path = in.path() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path.string();
}

/// A set of these public keys, each named by its algorithm unless `id` is given.
inline std::string key_set_text(const std::vector<Algorithm>& algorithms,
                                const std::string& id = {}) {
  std::string out;
  for (const auto algorithm : algorithms) {
    const auto name = id.empty() ? std::string(name_of(algorithm)) : id;
    out += (out.empty() ? "" : ",") + signing_key(algorithm).public_jwk_text(name);
  }
  return "{\"keys\":[" + out + "]}";
}

/// The times Access goes by; a test moves them.
struct FakeTime {
  std::atomic<std::int64_t> ms{kNow.ms};

  void pass(std::chrono::milliseconds time) { ms += time.count(); }
  void into(AccessSources& sources) {
    sources.now = [this] { return Timestamp{ms}; };
    sources.steady = [this] {
      return std::chrono::steady_clock::time_point(std::chrono::milliseconds(ms));
    };
  }
};

}  // namespace tidemark::broker
