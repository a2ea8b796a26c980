// What it costs to know who a client is: a token checked anew, one seen before, an API key.
// bench/: part of micro_bench.
#include <array>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "broker/access/access.hpp"
#include "broker/access/api_keys.hpp"
#include "broker/access/credential_cache.hpp"
#include "broker/access/signing_key.hpp"
#include "broker/access/token_verifier.hpp"

namespace tidemark::broker {
namespace {

constexpr Timestamp kNow{1'790'000'000'000};
constexpr std::string_view kClaims =
    R"({"sub":"ada","iss":"https://id.example","exp":1790003600,"tidemark":)"
    R"({"subscribe":["rooms/*","users/ada/**","!rooms/staff"],"publish":["rooms/lobby"]}})";

const SigningKey& key_of(Algorithm algorithm) {
  static const std::array keys{
      SigningKey::generate(Algorithm::hs256), SigningKey::generate(Algorithm::rs256),
      SigningKey::generate(Algorithm::es256), SigningKey::generate(Algorithm::eddsa)};
  return keys.at(static_cast<std::size_t>(algorithm));
}

std::string token_of(Algorithm algorithm) {
  return key_of(algorithm).token("{\"alg\":\"" + std::string(name_of(algorithm)) + "\"}", kClaims);
}

AccessPlan plan() {
  AccessPlan out;
  AccessRules rules;
  rules.anonymous.subscribe = {"public/**"};
  out.rules = std::make_shared<const AccessRules>(rules);
  return out;
}

void verify_anew(benchmark::State& state, Algorithm algorithm) {
  const KeyRing ring({{key_of(algorithm).verify_key("k"), {}}});
  const auto rules = plan();
  const auto token = token_of(algorithm);
  for (auto _ : state) {
    auto result = verify_token(token, ring, rules, kNow);
    if (!std::holds_alternative<std::shared_ptr<const Identity>>(result)) {
      state.SkipWithError("refused");
    }
    benchmark::DoNotOptimize(result);
  }
}

/// An Access with one API key and, in a cache that has seen it, one token.
struct Warm {
  Warm() : key(make_api_key()) {
    AccessRules rules;
    rules.api_keys = {{.name = "s",
                       .hash = api_key_hash(key),
                       .grants = {.publish = {"**"}, .subscribe = {}, .manage = {}}}};
    AccessSources sources;
    sources.now = [] { return kNow; };
    access = std::get<std::shared_ptr<Access>>(Access::make(rules, sources));
  }
  std::string key;
  std::shared_ptr<Access> access;
};

void api_key(benchmark::State& state) {
  static const Warm warm;
  for (auto _ : state) {
    warm.access->authenticate(
        warm.key, [](const AuthOutcome& outcome) { benchmark::DoNotOptimize(outcome); });
  }
}

// The digest and the look-up that Access does before anything else.
void seen_before(benchmark::State& state) {
  static CredentialCache cache;
  const auto token = token_of(Algorithm::rs256);
  Provenance from;
  from.subject = "ada";
  cache.put(sha256(token), 1,
            std::make_shared<const Identity>(from, Rights(), Timestamp{kNow.ms + 1}));
  for (auto _ : state) {
    auto found = cache.find(sha256(token), 1, kNow);
    if (found == nullptr) state.SkipWithError("not found");
    benchmark::DoNotOptimize(found);
  }
}

void may(benchmark::State& state) {
  const auto claims = std::get<Claims>(read_claims(kClaims));
  const Identity ada({}, *claims.rights, std::nullopt);
  const auto topic = TopicName::parse("rooms/lobby").value();
  for (auto _ : state) benchmark::DoNotOptimize(ada.may(Right::subscribe, topic));
}

BENCHMARK_CAPTURE(verify_anew, hs256, Algorithm::hs256);
BENCHMARK_CAPTURE(verify_anew, rs256_3072, Algorithm::rs256);
BENCHMARK_CAPTURE(verify_anew, es256, Algorithm::es256);
BENCHMARK_CAPTURE(verify_anew, eddsa, Algorithm::eddsa);
BENCHMARK(seen_before)->ThreadRange(1, 2);
BENCHMARK(api_key)->ThreadRange(1, 2);
BENCHMARK(may);

}  // namespace
}  // namespace tidemark::broker
