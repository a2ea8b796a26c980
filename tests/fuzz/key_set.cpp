// Keys that come as JSON, from files and from URLs: only keys for checking come out.
// tests/fuzz/: broker/access/jwk, verify_key.
#include <string>
#include <variant>
#include <vector>

#include "broker/access/jwk.hpp"
#include "broker/access/printable.hpp"
#include "protocol/types.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

using namespace broker;  // NOLINT(google-build-using-namespace): a program of its own

void check_fault(const KeyFault& fault) {
  TIDEMARK_ENSURE(!fault.text.empty() && valid_utf8(fault.text), "a fault is a clause");
}

void check_key(const Jwk& jwk) {
  const auto made = verify_key_of(jwk);
  if (const auto* const fault = std::get_if<KeyFault>(&made)) return check_fault(*fault);
  const auto& key = std::get<VerifyKey>(made);
  TIDEMARK_ENSURE(key.id() == jwk.kid && is_printable(key.id()), "a key has the id it came with");
  TIDEMARK_ENSURE(jwk.kid.size() <= kMostKeyIdBytes, "an id is within its limit");
  TIDEMARK_ENSURE(jwk.alg.empty() || jwk.alg == name_of(key.algorithm()), "and its algorithm");
  TIDEMARK_ENSURE((jwk.kty == "oct") == (key.algorithm() == Algorithm::hs256),
                  "a public key is no secret");
  TIDEMARK_ENSURE(jwk.kty == "oct" || jwk.d.empty(), "a private key is refused");
  TIDEMARK_ENSURE(jwk.use.empty() || jwk.use == "sig", "a key is for what it is for");
  TIDEMARK_ENSURE(!key.verifies("text", std::string(64, 'x')), "a key takes no odd signature");
  TIDEMARK_ENSURE(!key.verifies("text", ""), "nor none");
}

void check(std::string_view text) {
  const auto one = read_jwk(text);
  if (const auto* const jwk = std::get_if<Jwk>(&one)) check_key(*jwk);
  const auto set = read_key_set(text);
  if (const auto* const fault = std::get_if<KeyFault>(&set)) return check_fault(*fault);
  TIDEMARK_ENSURE(is_key_set(text), "what is read as a set is one");
  const auto& keys = std::get<std::vector<Jwk>>(set);
  TIDEMARK_ENSURE(keys.size() <= kMostKeysOfSet, "a set is within its limit");
  for (const auto& key : keys) check_key(key);
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidemark::fuzz::check(tidemark::fuzz::text_of(data, size));
  return 0;
}
