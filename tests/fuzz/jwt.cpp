// Tokens: what is taken was signed by us, and says what a plain reader finds in it.
// tests/fuzz/: broker/access/token, claims, token_verifier; the keys and the clock stand still.
//
// An input that begins with '{' is a header, a line feed and claims, signed here; others are
// tokens.
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "broker/access/access_plan.hpp"
#include "broker/access/base64url.hpp"
#include "broker/access/key_ring.hpp"
#include "broker/access/printable.hpp"
#include "broker/access/signing_key.hpp"
#include "broker/access/token_verifier.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

using namespace broker;  // NOLINT(google-build-using-namespace): a program of its own

constexpr Timestamp kNow{1'790'000'000'000};
constexpr std::size_t kMostToken = 8192;  // AccessRules::token_bytes

const SigningKey& secret_key() {
  static const auto key = std::get<SigningKey>(
      SigningKey::read("the secret that only this program signs with", "HS256"));
  return key;
}

/// One that nobody signs with; it takes the tokens that name no key.
VerifyKey public_key() {
  return std::get<VerifyKey>(
      VerifyKey::from_key("", make_ed25519_private("a private key of 32 bytes, known")));
}

const KeyRing& ring() {
  static const KeyRing ring({{secret_key().verify_key("k1"), {}}, {public_key(), {}}});
  return ring;
}

const AccessPlan& plan() {
  static const AccessPlan plan = [] {
    AccessRules rules;
    rules.anonymous.subscribe = {"public/**"};
    rules.audience = {"tidemark", "other"};
    rules.revoked_subjects = {"mallory"};
    return std::get<AccessPlan>(plan_access(std::move(rules)));
  }();
  return plan;
}

/// What this program has signed of its own accord; kept inputs hold these tokens.
const std::set<std::string>& our_texts() {
  static const std::set<std::string> texts = [] {
    std::set<std::string> out;
    for (const auto* header : {R"({"alg":"HS256"})", R"({"alg":"HS256","kid":"k1","typ":"JWT"})"}) {
      const auto token = secret_key().token(
          header, R"({"sub":"ada","aud":"tidemark","exp":1790000600,"tidemark":{}})");
      out.insert(token.substr(0, token.rfind('.')));
    }
    return out;
  }();
  return texts;
}

std::shared_ptr<const Identity> verified(std::string_view token) {
  const auto result = verify_token(token, ring(), plan(), kNow);
  if (const auto* const refusal = std::get_if<AccessRefusal>(&result)) {
    TIDEMARK_ENSURE(refusal->code == Errc::unauthorized || refusal->code == Errc::token_expired,
                    "a token is refused as such");
    TIDEMARK_ENSURE(!refusal->why.empty() && is_printable(refusal->why), "the log can say why");
  }
  if (const auto* const unknown = std::get_if<UnknownKey>(&result)) {
    TIDEMARK_ENSURE(!unknown->why.empty() && is_printable(unknown->why), "the log can say why");
  }
  const auto* const identity = std::get_if<std::shared_ptr<const Identity>>(&result);
  return identity == nullptr ? nullptr : *identity;
}

void check_token(std::string_view token) {
  if (!verified(token)) return;
  const std::string text(token.substr(0, token.rfind('.')));
  TIDEMARK_ENSURE(our_texts().contains(text), "a token that nobody signed is taken");
}

std::optional<double> number_in(const boost::json::object& object, std::string_view name) {
  const auto* const value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return std::nullopt;
  TIDEMARK_ENSURE(value->is_number(), "a time is a number");
  return value->to_number<double>();
}

/// Another reader of JSON finds in a token that is taken what it is taken for.
void check_taken(std::string_view header, std::string_view claims, const Identity& identity) {
  const auto parsed = boost::json::parse({header.data(), header.size()}).as_object();
  TIDEMARK_ENSURE(parsed.at("alg") == "HS256", "the algorithm is the key's");
  TIDEMARK_ENSURE(!parsed.contains("crit"), "nothing critical is passed over");
  if (const auto* const id = parsed.if_contains("kid")) {
    TIDEMARK_ENSURE(*id == "k1", "the key is the one it names");
  }
  const auto said = boost::json::parse({claims.data(), claims.size()}).as_object();
  constexpr double kNowSeconds = 1'790'000'000;
  const auto expires = number_in(said, "exp");
  TIDEMARK_ENSURE(expires && *expires + 31 >= kNowSeconds, "it has not expired");
  const auto from = number_in(said, "nbf");
  TIDEMARK_ENSURE(!from || *from <= kNowSeconds + 31, "it is valid already");
  TIDEMARK_ENSURE(said.contains("aud"), "it is for somebody");
  if (const auto* const subject = said.if_contains("sub")) {
    TIDEMARK_ENSURE(*subject != "mallory", "it is not revoked");
    TIDEMARK_ENSURE(identity.provenance().subject == std::string_view(subject->as_string()),
                    "it is the subject's");
  }
  TIDEMARK_ENSURE(is_printable(identity.name()), "the log can name it");
  TIDEMARK_ENSURE(said.contains("tidemark") || !identity.may_anything(), "no rights of itself");
  TIDEMARK_ENSURE(still_good(identity, ring(), plan(), kNow), "what is taken now is good now");
}

void check_signed(std::string_view header, std::string_view claims) {
  const auto token = secret_key().token(header, claims);
  if (token.size() > kMostToken) return;
  if (const auto identity = verified(token)) check_taken(header, claims, *identity);
  // Without its signature, and with another one, it is nobody's.
  const auto text = token.substr(0, token.rfind('.') + 1);
  TIDEMARK_ENSURE(!verified(text), "a token without a signature");
  TIDEMARK_ENSURE(!verified(text + to_base64url(std::string(32, 'x'))), "with another signature");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): a program of its own
  auto text = text_of(data, size);
  if (!text.starts_with('{')) {
    if (text.size() <= kMostToken) check_token(text);
    return 0;
  }
  const auto header = take_until(text, '\n');
  check_signed(header, text);
  static_cast<void>(tidemark::broker::read_claims(text));
  return 0;
}
