// JWKs by a table of their members.
// broker/access/: see jwk.hpp.
#include "broker/access/jwk.hpp"

#include <algorithm>
#include <array>

#include "broker/access/base64url.hpp"
#include "broker/access/printable.hpp"
#include "protocol/json_fields.hpp"

namespace tidemark::broker {
namespace {

constexpr std::size_t kDepth = 8;

template <std::string Jwk::*Member>
void read_text(JsonReading& reading, Jwk& jwk) {
  jwk.*Member = reading.text();
}

template <std::string Jwk::*Member>
void read_number(JsonReading& reading, Jwk& jwk) {
  auto bytes = from_base64url(reading.text());
  if (!bytes) return reading.must_be("base64url without padding");
  jwk.*Member = std::move(*bytes);
}

void read_operations(JsonReading& reading, Jwk& jwk) {
  reading.items("key_ops", [&] { jwk.key_ops.push_back(reading.text()); });
}

constexpr std::array kMembers{
    Field<Jwk>{"kty", read_text<&Jwk::kty>, true}, Field<Jwk>{"use", read_text<&Jwk::use>},
    Field<Jwk>{"alg", read_text<&Jwk::alg>},       Field<Jwk>{"kid", read_text<&Jwk::kid>},
    Field<Jwk>{"crv", read_text<&Jwk::crv>},       Field<Jwk>{"key_ops", read_operations},
    Field<Jwk>{"n", read_number<&Jwk::n>},         Field<Jwk>{"e", read_number<&Jwk::e>},
    Field<Jwk>{"x", read_number<&Jwk::x>},         Field<Jwk>{"y", read_number<&Jwk::y>},
    Field<Jwk>{"k", read_number<&Jwk::k>},         Field<Jwk>{"d", read_number<&Jwk::d>}};

struct KeySetText {
  std::vector<Jwk> keys;
};

void read_keys(JsonReading& reading, KeySetText& set) {
  reading.items("keys", [&] {
    if (set.keys.size() == kMostKeysOfSet) {
      return reading.must_be("at most " + std::to_string(kMostKeysOfSet) + " keys");
    }
    reading.object<Jwk>("key", kMembers, set.keys.emplace_back());
  });
}

constexpr std::array kSetMembers{Field<KeySetText>{"keys", read_keys, true}};

template <class T, std::size_t N>
std::variant<T, KeyFault> read(std::string_view text, std::string_view what,
                               const std::array<Field<T>, N>& fields) {
  const auto check = check_json(text, kDepth);
  if (check.fault) return KeyFault{"is " + *check.fault};
  JsonReading reading(text, Unknown::skip, false);
  T out;
  reading.object<T>(what, fields, out);
  if (reading.fault()) return KeyFault{"is no " + std::string(what) + ": " + reading.fault()->text};
  return out;
}

EvpKey public_key_of(const Jwk& jwk) {
  if (jwk.kty == "RSA") return make_rsa({.n = jwk.n, .e = jwk.e, .d = {}});
  if (jwk.kty == "EC" && jwk.crv == "P-256") return make_ec({.x = jwk.x, .y = jwk.y, .d = {}});
  if (jwk.kty == "OKP" && jwk.crv == "Ed25519") return make_ed25519_public(jwk.x);
  return nullptr;
}

std::optional<KeyFault> unfit(const Jwk& jwk) {
  if (!jwk.use.empty() && jwk.use != "sig") return KeyFault{"is not for signatures"};
  if (!jwk.key_ops.empty() && std::ranges::find(jwk.key_ops, "verify") == jwk.key_ops.end()) {
    return KeyFault{"is not for verifying"};
  }
  if (jwk.kid.size() > kMostKeyIdBytes || !is_printable(jwk.kid)) {
    return KeyFault{"has an unprintable or too long kid"};
  }
  if (jwk.kty != "oct" && !jwk.d.empty()) {
    return KeyFault{"is a private key; only its public half belongs here"};
  }
  return std::nullopt;
}

}  // namespace

bool is_key_set(std::string_view text) {
  if (check_json(text, kDepth).fault ||
      !text.substr(text.find_first_not_of(" \t\r\n")).starts_with('{')) {
    return false;
  }
  bool found = false;
  JsonReading reading(text, Unknown::skip, false);
  reading.members([&](std::string_view name) {
    found = found || name == "keys";
    static_cast<void>(reading.raw());
  });
  return found;
}

std::variant<Jwk, KeyFault> read_jwk(std::string_view text) {
  return read<Jwk>(text, "JWK", kMembers);
}

std::variant<std::vector<Jwk>, KeyFault> read_key_set(std::string_view text) {
  auto set = read<KeySetText>(text, "JWK set", kSetMembers);
  if (auto* fault = std::get_if<KeyFault>(&set)) return std::move(*fault);
  return std::get<KeySetText>(std::move(set)).keys;
}

VerifyKey::Made verify_key_of(const Jwk& jwk) {
  if (auto fault = unfit(jwk)) return std::move(*fault);
  auto made = [&]() -> VerifyKey::Made {
    if (jwk.kty == "oct") return VerifyKey::from_secret(jwk.kid, jwk.k);
    auto key = public_key_of(jwk);
    if (key == nullptr) return KeyFault{"is no valid RSA, P-256 or Ed25519 key"};
    return VerifyKey::from_key(jwk.kid, std::move(key));
  }();
  const auto* key = std::get_if<VerifyKey>(&made);
  if (key != nullptr && !jwk.alg.empty() && jwk.alg != name_of(key->algorithm())) {
    return KeyFault{"is for " + shown(jwk.alg) + ", which is not taken here"};
  }
  return made;
}

EvpKey private_key_of(const Jwk& jwk) {
  if (jwk.d.empty()) return nullptr;
  if (jwk.kty == "RSA") return make_rsa({.n = jwk.n, .e = jwk.e, .d = jwk.d});
  if (jwk.kty == "EC" && jwk.crv == "P-256") return make_ec({.x = jwk.x, .y = jwk.y, .d = jwk.d});
  if (jwk.kty == "OKP" && jwk.crv == "Ed25519") return make_ed25519_private(jwk.d);
  return nullptr;
}

}  // namespace tidemark::broker
