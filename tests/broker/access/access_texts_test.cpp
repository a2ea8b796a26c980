// Digests, base64url, what may be shown, API keys.
// tests/: the small leaves of broker/access.
#include <set>

#include <gtest/gtest.h>

#include "broker/access/api_keys.hpp"
#include "broker/access/base64url.hpp"
#include "broker/access/digest.hpp"
#include "broker/access/printable.hpp"

namespace tidemark::broker {
namespace {

TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(from_hex(to_hex(sha256("abc"))), sha256("abc"));
}

TEST(Sha256, IsReadFromExactly64Digits) {
  const auto hex = to_hex(sha256("abc"));
  EXPECT_FALSE(from_hex(hex.substr(1)));
  EXPECT_FALSE(from_hex(hex + "0"));
  EXPECT_FALSE(from_hex(std::string(63, '0') + "g"));
  EXPECT_TRUE(from_hex(std::string(64, 'F')));
}

TEST(SameSecret, ComparesAllOfBoth) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "abcd"));
  EXPECT_FALSE(same_secret("abc", ""));
}

TEST(Base64Url, IsReadBackAndTakesNoOtherSpelling) {
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd", "\xfb\xef\xbe"}) {
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
  EXPECT_EQ(to_base64url("\xfb\xef\xbe"), "----");
  EXPECT_EQ(to_base64url("f"), "Zg");
  for (const auto* wrong : {"Zg==", "Zh", "Z", "++++", "////", "Zg\n", " Zg", "Zm9vY"}) {
    EXPECT_FALSE(from_base64url(wrong)) << wrong;
  }
}

TEST(Printable, TakesTextOfAnyScriptAndNothingThatHides) {
  for (const auto* good :
       {"", "ada", "Ada Lovelace <ada@example.org>", "Ünïcödé", "日本", "🙂"}) {
    EXPECT_TRUE(is_printable(good)) << good;
  }
  for (const std::string& bad :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\x1b[31m"), std::string("\x7f"),
        std::string("\xc2\x85"), std::string("a\u202eb"), std::string("a\u200bb"),
        std::string("\u2028"), std::string("\ufeff"), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\U000e0041")}) {
    EXPECT_FALSE(is_printable(bad)) << bad;
  }
}

TEST(Printable, OthersTextIsShownEscapedAndCut) {
  EXPECT_EQ(shown("key-1"), R"("key-1")");
  EXPECT_EQ(shown("a\n\"\\\xff"), R"("a\x0a\x22\x5c\xff")");
  EXPECT_EQ(shown(std::string(100, 'x'), 3), "\"xxx…\"");
}

TEST(ApiKey, IsRandomAndKnownByItsForm) {
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.insert(make_api_key());
  EXPECT_EQ(keys.size(), 100U);
  for (const auto& key : keys) {
    EXPECT_EQ(key.size(), 47U);
    EXPECT_TRUE(is_api_key(key)) << key;
  }
  const auto key = *keys.begin();
  EXPECT_FALSE(is_api_key(key + "a"));
  EXPECT_FALSE(is_api_key(key.substr(0, 46)));
  EXPECT_FALSE(is_api_key("TMK_" + key.substr(4)));
  EXPECT_FALSE(is_api_key(""));
}

TEST(ApiKey, IsConfiguredByItsHashOnly) {
  const auto hash = api_key_hash("abc");
  EXPECT_EQ(hash, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(read_api_key_hash(hash), sha256("abc"));
  EXPECT_FALSE(read_api_key_hash(hash.substr(7)));
  EXPECT_FALSE(read_api_key_hash("md5:" + hash.substr(7)));
  EXPECT_FALSE(read_api_key_hash("sha256:"));
}

TEST(ApiKeys, AreFoundByDigest) {
  ApiKeys keys;
  EXPECT_EQ(keys.find(sha256("a")), nullptr);
  for (const auto* name : {"a", "b", "c"}) {
    Provenance from;
    from.subject = name;
    EXPECT_TRUE(
        keys.add(sha256(name), std::make_shared<const Identity>(from, Rights(), std::nullopt)));
  }
  EXPECT_FALSE(keys.add(sha256("a"), nullptr));
  EXPECT_EQ(keys.find(sha256("b"))->provenance().subject, "b");
  EXPECT_EQ(keys.find(sha256("d")), nullptr);
}

}  // namespace
}  // namespace tidemark::broker
