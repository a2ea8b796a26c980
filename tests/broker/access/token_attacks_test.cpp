// Tokens that must not be taken, as a table: each differs from a good one in one thing.
// tests/: broker/access/token, claims, token_verifier.
#include <functional>

#include "broker/access/base64url.hpp"
#include "tests/broker/access/access_fixture.hpp"

namespace tidemark::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto kRefused = "unauthorized: ";

/// What a broker with one key says to a token.
std::string judged(const std::string& token, Algorithm key = Algorithm::es256,
                   AccessRules rules = {}) {
  return said(verify_token(token, ring_of(key, "k1"), plan_of(std::move(rules)), kNow));
}

/// A token by the right key under a header of any kind.
std::string with_header(std::string_view header, Algorithm key = Algorithm::es256) {
  return signing_key(key).token(header, good_claims());
}

std::string with_claims(std::string_view claims) { return token_of(Algorithm::es256, claims); }

/// Good claims, but for `exp`, which stands as it is given.
std::string expiring(std::string_view exp) {
  return with_claims(R"({"sub":"ada","exp":)" + std::string(exp) + "}");
}

TEST(TokenAttack, TheGoodOneIsTaken) {
  for (const auto algorithm : kAllAlgorithms) {
    EXPECT_EQ(judged(token_of(algorithm, good_claims()), algorithm), "ada") << name_of(algorithm);
    EXPECT_EQ(judged(token_of(algorithm, good_claims(), R"(,"kid":"k1","typ":"JWT")"), algorithm),
              "ada");
  }
}

TEST(TokenAttack, AlgorithmsOtherThanTheKeysAreRefused) {
  for (const std::string algorithm :
       {"none", "None", "NONE", "nOnE", "", " ES256", "es256", "ES384", "HS384", "PS256", "ES256K",
        "ES256\\u0000", "HS256", "RS256", "EdDSA"}) {
    const auto said = judged(with_header(header_of(algorithm, R"(,"kid":"k1")")));
    EXPECT_THAT(said, StartsWith(kRefused)) << algorithm;
  }
}

TEST(TokenAttack, AnUnsignedTokenIsRefused) {
  for (const std::string algorithm : {"none", "None", "NONE", "nOnE", "", "ES256", "HS256"}) {
    const auto unsigned_text =
        to_base64url(header_of(algorithm)) + "." + to_base64url(good_claims()) + ".";
    for (const auto key : kAllAlgorithms) {
      EXPECT_EQ(identity_in(verify_token(unsigned_text, ring_of(key), plan_of({}), kNow)), nullptr)
          << algorithm << " " << name_of(key);
    }
  }
}

// The classic: the public key, which everybody has, as the secret of HS256.
TEST(TokenAttack, APublicKeyAsSecretIsRefused) {
  for (const auto algorithm : {Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}) {
    const auto& victim = signing_key(algorithm);
    for (const auto& secret : {victim.public_text(), victim.public_jwk_text(""),
                               public_der(read_public_pem(victim.public_text())),
                               victim.public_text().substr(0, victim.public_text().size() - 1)}) {
      const auto forger =
          SigningKey::read(R"({"kty":"oct","k":")" + to_base64url(secret) + "\"}", "HS256");
      const auto token =
          std::get<SigningKey>(forger).token(header_of("HS256", R"(,"kid":"k1")"), good_claims());
      EXPECT_THAT(judged(token, algorithm), StartsWith(kRefused)) << name_of(algorithm);
    }
  }
}

TEST(TokenAttack, AKeyThatComesAlongIsNotUsed) {
  const auto forger = SigningKey::generate(Algorithm::es256);
  const auto jwk = forger.public_jwk_text("k1");
  for (const auto& more : {R"(,"jwk":)" + jwk, R"(,"jwk":)" + jwk + R"(,"kid":"k1")",
                           std::string(R"(,"jku":"https://evil.example/keys")"),
                           std::string(R"(,"x5u":"https://evil.example/cert","kid":"k1")"),
                           std::string(R"(,"x5c":["MIIB"],"kid":"k1")")}) {
    const auto token = forger.token(header_of("ES256", more), good_claims());
    EXPECT_EQ(judged(token), "unauthorized: its signature is wrong") << more;
    // And it does no harm to a token that needs none of it.
    EXPECT_EQ(judged(with_header(header_of("ES256", more))), "ada") << more;
  }
}

TEST(TokenAttack, AKidIsLookedUpExactly) {
  for (const std::string kid :
       {"", "K1", "k1 ", "../../dev/null", "k1' OR '1'='1", "*", "k1\\u0000"}) {
    const auto said = judged(with_header(header_of("ES256", R"(,"kid":")" + kid + "\"")));
    EXPECT_NE(said, "ada") << kid;
  }
  EXPECT_THAT(judged(with_header(header_of("ES256", R"(,"kid":"a\nb")"))),
              HasSubstr("unprintable"));
  EXPECT_THAT(judged(with_header(header_of("ES256", R"(,"kid":7)"))), HasSubstr("a string"));
  EXPECT_THAT(judged(with_header(header_of("ES256", R"(,"kid":null)"))), HasSubstr("a string"));
  const auto long_kid = R"(,"kid":")" + std::string(65'536, 'k') + "\"";
  EXPECT_THAT(judged(with_header(header_of("ES256", long_kid))), HasSubstr("too long"));
}

TEST(TokenAttack, AKidOfAKeyForAnotherAlgorithmIsRefused) {
  const KeyRing ring({{signing_key(Algorithm::es256).verify_key("e"), {}},
                      {signing_key(Algorithm::rs256).verify_key("r"), {}}});
  const auto token = token_of(Algorithm::es256, good_claims(), R"(,"kid":"r")");
  EXPECT_THAT(said(verify_token(token, ring, plan_of({}), kNow)),
              HasSubstr(R"(the key "r" is for another algorithm than ES256)"));
}

TEST(TokenAttack, CriticalExtensionsAreRefused) {
  for (const auto* more : {R"(,"crit":["b64"],"b64":false)", R"(,"crit":[])", R"(,"crit":null)",
                           R"(,"\u0063rit":["x"])"}) {
    EXPECT_THAT(judged(with_header(header_of("ES256", more))), HasSubstr("crit")) << more;
  }
}

TEST(TokenAttack, TokensForSomethingElseAreRefused) {
  for (const auto* type : {"logout+jwt", "dpop+jwt", "secevent+jwt", "JWT "}) {
    const auto more = R"(,"typ":")" + std::string(type) + "\"";
    EXPECT_THAT(judged(with_header(header_of("ES256", more))), HasSubstr("something else")) << type;
  }
  for (const auto* type : {"JWT", "jwt", "at+jwt", "application/at+jwt"}) {
    EXPECT_EQ(judged(with_header(header_of("ES256", R"(,"typ":")" + std::string(type) + "\""))),
              "ada");
  }
}

TEST(TokenAttack, HeadersThatAreNoneAreRefused) {
  for (const std::string& header :
       {std::string(), std::string("null"), std::string("[]"), std::string("\"ES256\""),
        std::string("{}"), std::string("{\"alg\":null}"), std::string(R"({"alg":["ES256"]})"),
        std::string(R"({"alg":"ES256")"), std::string(R"({"alg":"ES256"} )") + '\0',
        std::string(R"({"alg":"none","alg":"ES256"})"),
        std::string(R"({"alg":"ES256","alg":"none"})"),
        std::string(R"({"alg":"ES256","\u0061lg":"none"})"),
        std::string(R"({"alg":"ES256","kid":"k1","kid":"k2"})"), std::string("\xff\xfe{}"),
        "{\"alg\":\"ES256\",\"x\":" + std::string(5000, '[')}) {
    EXPECT_THAT(judged(with_header(header)), StartsWith(kRefused)) << header.substr(0, 60);
  }
}

TEST(TokenAttack, TimesAreHeldToWithTheLeeway) {
  const auto at = [](std::int64_t seconds) { return std::to_string(kNowSeconds + seconds); };
  const std::string expired = "token_expired: it has expired";
  EXPECT_EQ(judged(expiring(at(600))), "ada");
  EXPECT_EQ(judged(expiring(at(-29))), "ada");
  EXPECT_EQ(judged(expiring(at(-30))), expired);
  EXPECT_EQ(judged(expiring(at(-31))), expired);
  AccessRules strict;
  strict.leeway = std::chrono::seconds(0);
  EXPECT_EQ(judged(expiring(at(0)), Algorithm::es256, strict), expired);
  EXPECT_EQ(judged(expiring(at(1)), Algorithm::es256, strict), "ada");
  const auto from = [&](std::int64_t seconds) {
    return with_claims(good_claims(",\"nbf\":" + at(seconds)));
  };
  EXPECT_EQ(judged(from(30)), "ada");
  EXPECT_THAT(judged(from(31)), HasSubstr("not valid yet"));
}

TEST(TokenAttack, AnExpOfAnySortIsReadOrRefused) {
  EXPECT_EQ(judged(expiring("1790000600.75")), "ada");
  EXPECT_EQ(judged(expiring("1.7900006e9")), "ada");
  EXPECT_EQ(judged(expiring("17900006E2")), "ada");
  EXPECT_EQ(judged(expiring("1789999969.5")), "token_expired: it has expired");
  EXPECT_EQ(judged(expiring("1.5e9")), "token_expired: it has expired");
  EXPECT_EQ(judged(expiring("0")), "token_expired: it has expired");
  for (const auto* absurd :
       {"1e300", "99999999999999999999", "1790000600000", "-1", "-1790000600", "1e400", "NaN",
        "Infinity", "\"1790000600\"", "null", "true", "[1790000600]", "{}", "0x7fffffff",
        "01790000600", "+1790000600", "1790000600,\"exp\":1790000700"}) {
    EXPECT_THAT(judged(expiring(absurd)), StartsWith(kRefused)) << absurd;
  }
  EXPECT_EQ(judged(with_claims(R"({"sub":"ada"})")), "unauthorized: it has no exp");
}

TEST(TokenAttack, IssuerAndAudienceAreHeldTo) {
  AccessRules rules;
  rules.issuer = "https://id.example";
  rules.audience = {"chat", "orders"};
  const auto said = [&](std::string_view more) {
    return judged(with_claims(good_claims(more)), Algorithm::es256, rules);
  };
  const std::string issuer = R"(,"iss":"https://id.example")";
  EXPECT_EQ(said(issuer + R"(,"aud":"chat")"), "ada");
  EXPECT_EQ(said(issuer + R"(,"aud":["other","orders"])"), "ada");
  for (const auto* aud : {"", R"(,"aud":"other")", R"(,"aud":[])", R"(,"aud":"chat2")",
                          R"(,"aud":["CHAT"])", R"(,"aud":"chat,orders")"}) {
    EXPECT_THAT(said(issuer + aud), HasSubstr("another audience")) << aud;
  }
  for (const auto* aud : {R"(,"aud":7)", R"(,"aud":[["chat"]])", R"(,"aud":{"chat":1})",
                          R"(,"aud":null)", R"(,"aud":["chat",7])"}) {
    EXPECT_THAT(said(issuer + aud), HasSubstr("\"aud\" must be")) << aud;
  }
  for (const auto* iss : {"", R"(,"iss":"https://id.example/")", R"(,"iss":"https://evil.example")",
                          R"(,"iss":"")"}) {
    EXPECT_THAT(said(std::string(iss) + R"(,"aud":"chat")"), HasSubstr("another issuer")) << iss;
  }
}

TEST(TokenAttack, AKeyOfOneIssuersSetIsNotGoodForAnothers) {
  const auto ring = ring_of(Algorithm::es256, "k1", "https://one.example");
  const auto said_of = [&](std::string_view more) {
    return said(verify_token(with_claims(good_claims(more)), ring, plan_of({}), kNow));
  };
  EXPECT_EQ(said_of(R"(,"iss":"https://one.example")"), "ada");
  EXPECT_THAT(said_of(R"(,"iss":"https://two.example")"), HasSubstr("another issuer"));
  EXPECT_THAT(said_of(""), HasSubstr("another issuer"));
}

TEST(TokenAttack, NamesThatCouldSpoilALogAreRefused) {
  const auto named = [](std::string_view sub) {
    return judged(with_claims(R"({"exp":1790000600,"sub":")" + std::string(sub) + "\"}"));
  };
  EXPECT_EQ(named("Ünïcödé"), "Ünïcödé");
  EXPECT_EQ(named(std::string(255, 'a')), std::string(255, 'a'));
  for (const auto& sub :
       {std::string("a\\nb"), std::string("a\\u0000b"), std::string("\\u001b[2J"),
        std::string("a\\u202eb"), std::string("a\\u0085b"), std::string(256, 'a')}) {
    EXPECT_THAT(named(sub), HasSubstr("printable text")) << sub;
  }
  EXPECT_THAT(judged(with_claims(R"({"exp":1790000600,"sub":7})")), HasSubstr("a string"));
}

TEST(TokenAttack, ClaimsThatAreGivenTwiceAreRefused) {
  const auto exp = std::string(R"({"exp":1790000600,)");
  for (const auto& claims :
       {exp + R"("sub":"ada","sub":"eve"})", exp + R"("sub":"ada","\u0073ub":"eve"})",
        exp + R"("tidemark":{},"tidemark":{"manage":["**"]}})",
        exp + R"("tidemark":{"manage":[],"manage":["**"]}})", exp + R"("aud":"a","aud":"b"})"}) {
    EXPECT_THAT(judged(with_claims(claims)), HasSubstr("given twice")) << claims;
  }
}

TEST(TokenAttack, RightsThatThereAreNoneOfAreRefused) {
  const auto claiming = [](std::string_view rights) {
    return judged(
        with_claims(R"({"sub":"ada","exp":1790000600,"tidemark":)" + std::string(rights) + "}"));
  };
  EXPECT_EQ(claiming("{}"), "ada");
  EXPECT_THAT(claiming(R"({"admin":["**"]})"), HasSubstr("there is no field"));
  EXPECT_THAT(claiming(R"({"subscribe":["a"],"deny":["b"]})"), HasSubstr("there is no field"));
  for (const auto* rights :
       {"null", "[]", "\"**\"", "true", R"({"subscribe":"**"})", R"({"subscribe":[7]})",
        R"({"subscribe":[["**"]]})", R"({"subscribe":["a//b"]})", R"({"subscribe":["a*"]})",
        R"({"subscribe":null})", R"({"subscribe":["a|b"]})"}) {
    EXPECT_THAT(claiming(rights), StartsWith(kRefused)) << rights;
  }
  std::string many = R"({"subscribe":[)";
  for (int i = 0; i < 257; ++i) many += (i == 0 ? "\"a\"" : ",\"a\"");
  EXPECT_THAT(claiming(many + "]}"), HasSubstr("at most 256 patterns"));
}

TEST(TokenAttack, DepthsAreBounded) {
  for (const std::size_t depth : {17U, 1000U, 100'000U}) {
    const auto nested = std::string(depth, '[') + std::string(depth, ']');
    EXPECT_THAT(judged(with_claims(good_claims(",\"x\":" + nested))), StartsWith(kRefused))
        << depth;
  }
  EXPECT_EQ(judged(with_claims(good_claims(",\"x\":[[[[]]]]"))), "ada");
}

TEST(TokenAttack, ClaimsThatAreNoneAreRefused) {
  for (const auto* claims : {"", "null", "[]", "\"x\"", "{", "{\"exp\"", "{}x", "\xff"}) {
    EXPECT_THAT(judged(with_claims(claims)), StartsWith(kRefused)) << claims;
  }
}

TEST(TokenAttack, GarbageIsRefused) {
  for (const auto& token :
       {std::string("."), std::string(".."), std::string("..."), std::string("a.b.c"),
        std::string("a.b.c.d.e"), std::string("Bearer x"), std::string(3, '\0'),
        std::string(1000, '.'), std::string(100'000, 'A'), std::string("\xff.\xff.\xff"),
        std::string("eyJhbGciOiJFUzI1NiJ9"), std::string("eyJhbGciOiJFUzI1NiJ9..")}) {
    EXPECT_THAT(judged(token), StartsWith(kRefused)) << token.substr(0, 40);
  }
}

TEST(TokenAttack, EveryTruncationIsRefused) {
  const auto token = token_of(Algorithm::hs256, good_claims());
  for (std::size_t length = 0; length < token.size(); ++length) {
    ASSERT_THAT(judged(token.substr(0, length), Algorithm::hs256), StartsWith(kRefused)) << length;
  }
}

// Also of header and claims, where a flip makes other text, and of the last characters, which have
// bits that belong to no byte.
TEST(TokenAttack, EveryFlippedBitIsRefused) {
  for (const auto algorithm : {Algorithm::hs256, Algorithm::eddsa}) {
    const auto token = token_of(algorithm, R"({"exp":1790000600})");
    const auto ring = ring_of(algorithm);
    const auto plan = plan_of({});
    ASSERT_EQ(said(verify_token(token, ring, plan, kNow)), "unnamed");
    for (std::size_t i = 0; i < token.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        auto flipped = token;
        flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
        ASSERT_EQ(identity_in(verify_token(flipped, ring, plan, kNow)), nullptr) << i << " " << bit;
      }
    }
  }
}

TEST(TokenAttack, OtherSpellingsOfTheSameBytesAreRefused) {
  const auto token = token_of(Algorithm::es256, good_claims());
  for (const auto& other :
       {token + "=", token + "==", token + "\n", " " + token, token + ".", "." + token}) {
    EXPECT_THAT(judged(other), StartsWith(kRefused)) << other.size();
  }
}

TEST(TokenAttack, WithoutAKidSoManyKeysAreTriedAndNoMore) {
  std::vector<TrustedKey> keys;
  for (std::size_t i = 0; i + 1 < KeyRing::most_tried; ++i) {
    keys.push_back({SigningKey::generate(Algorithm::eddsa).verify_key(std::to_string(i)), {}});
  }
  const auto token = token_of(Algorithm::eddsa, good_claims());
  const TrustedKey right{signing_key(Algorithm::eddsa).verify_key("right"), {}};
  auto sixteen = keys;
  sixteen.push_back(right);
  EXPECT_EQ(said(verify_token(token, KeyRing(sixteen), plan_of({}), kNow)), "ada");
  keys.push_back({SigningKey::generate(Algorithm::eddsa).verify_key("one more"), {}});
  keys.push_back(right);
  EXPECT_THAT(said(verify_token(token, KeyRing(keys), plan_of({}), kNow)), StartsWith(kRefused));
  const auto named = token_of(Algorithm::eddsa, good_claims(), R"(,"kid":"right")");
  EXPECT_EQ(said(verify_token(named, KeyRing(keys), plan_of({}), kNow)), "ada");
}

TEST(TokenAttack, ReasonsAreFitForALog) {
  const auto token = with_header("{\"alg\":\"ES256\",\"kid\":\"\\u2019x\"}");
  EXPECT_THAT(judged(token), AllOf(StartsWith(kRefused), HasSubstr(R"("\xe2\x80\x99x")")));
  EXPECT_THAT(judged(with_claims(R"({"exp":1790000600,"tidemark":{"a\nb":[]}})")),
              testing::Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace tidemark::broker
