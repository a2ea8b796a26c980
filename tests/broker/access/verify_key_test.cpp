// Keys from everywhere, and which are refused.
// tests/: broker/access/verify_key, evp_key, jwk, key_file, signing_key.
#include "broker/access/verify_key.hpp"

#include <sys/stat.h>

#include "broker/access/base64url.hpp"
#include "broker/access/jwk.hpp"
#include "broker/access/key_file.hpp"
#include "tests/broker/access/access_fixture.hpp"
#include "tests/broker/access/foreign_tokens.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;

using Keys = std::variant<std::vector<VerifyKey>, KeyFault>;

std::string fault_in(const Keys& keys) {
  const auto* fault = std::get_if<KeyFault>(&keys);
  return fault == nullptr ? "" : fault->text;
}

Keys keys_in(std::string_view algorithm, std::string_view text, const std::string& id = {}) {
  return verify_keys_of({.id = id, .algorithm = std::string(algorithm), .file = {}}, text);
}

const VerifyKey& only(const Keys& keys) {
  const auto& list = std::get<std::vector<VerifyKey>>(keys);
  EXPECT_EQ(list.size(), 1U);
  return list.front();
}

TEST(VerifyKey, TakesSignaturesOfItsKeyAndNoOther) {
  for (const auto algorithm : kAllAlgorithms) {
    const auto& signer = signing_key(algorithm);
    const auto key = signer.verify_key("");
    const auto signature = signer.sign("text");
    EXPECT_TRUE(key.verifies("text", signature)) << name_of(algorithm);
    EXPECT_FALSE(key.verifies("Text", signature)) << name_of(algorithm);
    EXPECT_FALSE(SigningKey::generate(algorithm).verify_key("").verifies("text", signature))
        << name_of(algorithm);
  }
}

TEST(VerifyKey, RefusesSignaturesOfEveryOtherLength) {
  for (const auto algorithm : kAllAlgorithms) {
    const auto& signer = signing_key(algorithm);
    const auto key = signer.verify_key("");
    const auto good = signer.sign("text");
    EXPECT_FALSE(key.verifies("text", ""));
    EXPECT_FALSE(key.verifies("text", good.substr(1)));
    EXPECT_FALSE(key.verifies("text", good.substr(0, good.size() - 1)));
    EXPECT_FALSE(key.verifies("text", good + '\0'));
    EXPECT_FALSE(key.verifies("text", std::string(good.size(), '\0')));
    EXPECT_FALSE(key.verifies("text", std::string(100'000, 'x')));
  }
}

TEST(VerifyKey, TakesTokensOfAnotherImplementation) {
  for (const auto& foreign : kForeignTokens) {
    const auto keys = keys_in(foreign.algorithm, foreign.jwk, "golden");
    ASSERT_EQ(fault_in(keys), "") << foreign.algorithm;
    const auto dot = foreign.token.rfind('.');
    const auto signature = *from_base64url(foreign.token.substr(dot + 1));
    EXPECT_TRUE(only(keys).verifies(foreign.token.substr(0, dot), signature)) << foreign.algorithm;
    EXPECT_EQ(only(keys).id(), "golden");
  }
}

TEST(VerifyKey, IsTheSameFromPemAndJwk) {
  for (const auto algorithm : {Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}) {
    const auto& signer = signing_key(algorithm);
    const auto pem = keys_in(name_of(algorithm), signer.public_text());
    const auto jwk = keys_in(name_of(algorithm), signer.public_jwk_text("one"));
    ASSERT_EQ(fault_in(pem) + fault_in(jwk), "") << name_of(algorithm);
    EXPECT_EQ(only(pem).thumbprint(), only(jwk).thumbprint());
    EXPECT_EQ(only(jwk).id(), "one");
  }
}

TEST(VerifyKey, ARsaKeyOf1024BitsIsRefused) {
  const auto key = generate_rsa(1024);
  EXPECT_THAT(fault_in(keys_in("RS256", public_pem(key))), HasSubstr("RSA key of 1024 bits"));
  EXPECT_THAT(fault_in(keys_in("RS256", public_jwk(key))), HasSubstr("RSA key of 1024 bits"));
}

TEST(VerifyKey, RsaExponentsThatProveNothingAreRefused) {
  const auto jwk = read_jwk(signing_key(Algorithm::rs256).public_jwk_text(""));
  const auto n = to_base64url(std::get<Jwk>(jwk).n);
  for (const std::string e : {"\x01", "\x02", "\x01\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    const auto text = R"({"kty":"RSA","n":")" + n + R"(","e":")" + to_base64url(e) + "\"}";
    EXPECT_NE(fault_in(keys_in("RS256", text)), "") << to_base64url(e);
  }
  EXPECT_NE(fault_in(keys_in("RS256", R"({"kty":"RSA","n":")" + n + "\"}")), "");
}

TEST(VerifyKey, APointThatIsNotOnTheCurveIsRefused) {
  const auto ones = to_base64url(std::string(32, '\x01'));
  const auto off = R"({"kty":"EC","crv":"P-256","x":")" + ones + R"(","y":")" + ones + "\"}";
  EXPECT_NE(fault_in(keys_in("ES256", off)), "");
  EXPECT_NE(fault_in(keys_in("ES256", R"({"kty":"EC","crv":"P-256"})")), "");
  EXPECT_NE(fault_in(keys_in("ES256", R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})")), "");
}

TEST(KeyFile, EachKeyIsPinnedToItsAlgorithm) {
  const auto& rsa = signing_key(Algorithm::rs256);
  EXPECT_THAT(fault_in(keys_in("ES256", rsa.public_text())), HasSubstr("is a key for RS256"));
  EXPECT_THAT(fault_in(keys_in("EdDSA", rsa.public_jwk_text("a"))), HasSubstr("no key for EdDSA"));
  EXPECT_THAT(fault_in(keys_in("none", rsa.public_text())), HasSubstr("no algorithm"));
  auto jwk = rsa.public_jwk_text("a");
  jwk.replace(jwk.find("RS256"), 5, "PS256");
  EXPECT_THAT(fault_in(keys_in("RS256", jwk)), HasSubstr("PS256"));
}

TEST(KeyFile, APublicKeyIsNoSecret) {
  const auto& rsa = signing_key(Algorithm::rs256);
  EXPECT_THAT(fault_in(keys_in("HS256", rsa.public_text())), HasSubstr("no public key is"));
  EXPECT_THAT(fault_in(keys_in("HS256", rsa.public_jwk_text("a"))), HasSubstr("no key for HS256"));
}

TEST(KeyFile, APrivateKeyDoesNotBelongToTheBroker) {
  const auto& rsa = signing_key(Algorithm::rs256);
  EXPECT_THAT(fault_in(keys_in("RS256", rsa.private_text())), HasSubstr("only its public half"));
  auto jwk = signing_key(Algorithm::eddsa).public_jwk_text("a");
  jwk.insert(1, R"("d":")" + to_base64url(std::string(32, 'd')) + "\",");
  EXPECT_THAT(fault_in(keys_in("EdDSA", jwk)), HasSubstr("only its public half"));
}

TEST(KeyFile, ASecretOfTextGoesWithoutTheNewlineAtItsEnd) {
  const std::string secret(32, 's');
  const auto plain = keys_in("HS256", secret);
  EXPECT_EQ(only(keys_in("HS256", secret + "\n")).thumbprint(), only(plain).thumbprint());
  EXPECT_EQ(only(keys_in("HS256", secret + "\r\n")).thumbprint(), only(plain).thumbprint());
  const std::string bytes = std::string(32, '\x80') + "\n";
  EXPECT_NE(only(keys_in("HS256", bytes)).thumbprint(),
            only(keys_in("HS256", std::string(32, '\x80'))).thumbprint());
}

TEST(KeyFile, AShortSecretIsRefused) {
  EXPECT_THAT(fault_in(keys_in("HS256", std::string(31, 's'))), HasSubstr("of 31 bytes"));
  EXPECT_THAT(fault_in(keys_in("HS256", std::string(31, 's') + "\n")), HasSubstr("of 31 bytes"));
  EXPECT_THAT(fault_in(keys_in("HS256", "")), HasSubstr("of 0 bytes"));
  EXPECT_THAT(fault_in(keys_in("HS256", R"({"kty":"oct","k":"AAAA"})")), HasSubstr("of 3 bytes"));
}

TEST(KeyFile, OfASetItTakesTheKeysOfTheAlgorithmAndTheId) {
  const auto set = key_set_text({Algorithm::rs256, Algorithm::es256, Algorithm::eddsa});
  EXPECT_EQ(only(keys_in("ES256", set)).id(), "ES256");
  EXPECT_EQ(only(keys_in("ES256", set, "ES256")).id(), "ES256");
  EXPECT_THAT(fault_in(keys_in("ES256", set, "RS256")), HasSubstr("with the id \"RS256\""));
}

TEST(KeyFile, GarbageIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("garbage"), std::string("{"), std::string("{}"),
        std::string("[]"), std::string(R"({"keys":[]})"), std::string(R"({"keys":[{}]})"),
        std::string(R"({"keys":[1]})"), std::string(R"({"keys":{}})"),
        std::string(R"({"kty":"RSA","n":"!"})"), std::string(R"({"kty":"RSA","kty":"EC"})"),
        std::string(R"({"kty":7})"),
        std::string("-----BEGIN PUBLIC KEY-----\ngarbage\n-----END PUBLIC KEY-----\n"),
        std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        std::string(100'000, '[')}) {
    EXPECT_NE(fault_in(keys_in("RS256", text)), "") << text.substr(0, 60);
  }
}

TEST(KeyFile, IsReadBoundedAndTellsItsMode) {
  const TempDir dir;
  const auto path = write_file(dir, "secret", std::string(40, 's'));
  ::chmod(path.c_str(), 0644);
  EXPECT_TRUE(std::get<KeyFile>(read_key_file(path)).readable_by_all);
  ::chmod(path.c_str(), 0640);
  EXPECT_FALSE(std::get<KeyFile>(read_key_file(path)).readable_by_all);
  const auto large = write_file(dir, "large", std::string(kMostKeyFileBytes + 1, 's'));
  EXPECT_THAT(std::get<KeyFault>(read_key_file(large)).text, HasSubstr("larger"));
  EXPECT_THAT(std::get<KeyFault>(read_key_file(dir.path() / "none")).text, HasSubstr("No such"));
  EXPECT_THAT(std::get<KeyFault>(read_key_file(dir.path())).text, HasSubstr("no file"));
}

TEST(KeySetText, SkipsWhatItCannotUse) {
  const auto good = signing_key(Algorithm::es256).public_jwk_text("good");
  auto encryption = good;
  encryption.replace(encryption.find("\"sig\""), 5, "\"enc\"");
  const auto text = R"({"keys":[)" + encryption + R"(,{"kty":"EC","crv":"P-521","x":"AA"},)" +
                    R"({"kty":"oct","k":")" + to_base64url(std::string(32, 's')) + R"("},)" +
                    R"({"kty":"AKP","alg":"ML-DSA-44"},)" + good + R"(],"more":[[1]]})";
  std::vector<std::string> skipped;
  EXPECT_EQ(only(verify_keys_of_set(text, false, skipped)).id(), "good");
  EXPECT_EQ(skipped.size(), 4U);
  EXPECT_THAT(skipped[2], HasSubstr("is a secret"));
}

TEST(KeySetText, TakesSoManyKeysAndNoMore) {
  std::string text = "{\"keys\":[";
  for (std::size_t i = 0; i <= kMostKeysOfSet; ++i) text += R"({"kty":"x"},)";
  text.back() = ']';
  EXPECT_THAT(std::get<KeyFault>(read_key_set(text + "}")).text, HasSubstr("at most 64 keys"));
}

TEST(KeySetText, CertificatesAndTheirUrlsAreNotLookedAt) {
  auto jwk = signing_key(Algorithm::es256).public_jwk_text("a");
  jwk.insert(1, R"("x5u":"https://evil.example/","x5c":["AAAA"],"x5t":"AA",)");
  EXPECT_EQ(only(keys_in("ES256", jwk)).thumbprint(),
            signing_key(Algorithm::es256).verify_key("").thumbprint());
}

TEST(SigningKey, IsReadFromWhatItWrites) {
  for (const auto algorithm : kAllAlgorithms) {
    const auto& key = signing_key(algorithm);
    const auto again = SigningKey::read(key.private_text(), name_of(algorithm));
    ASSERT_TRUE(std::holds_alternative<SigningKey>(again)) << name_of(algorithm);
    EXPECT_TRUE(key.verify_key("").verifies("text", std::get<SigningKey>(again).sign("text")));
  }
}

TEST(SigningKey, AsksWhatASecretIsFor) {
  const auto& secret = signing_key(Algorithm::hs256);
  EXPECT_THAT(std::get<KeyFault>(SigningKey::read(secret.private_text(), "")).text,
              HasSubstr("--algorithm HS256"));
  EXPECT_THAT(
      std::get<KeyFault>(SigningKey::read(signing_key(Algorithm::es256).private_text(), "RS256"))
          .text,
      HasSubstr("is a key for ES256"));
}

}  // namespace
}  // namespace tidemark::broker
