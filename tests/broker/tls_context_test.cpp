// Certificates and keys that fit, and what is said of those that don't.
// tests/: broker/net/tls_context, with files made by openssl.
#include "broker/net/tls_context.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.hpp"

namespace tidemark::broker {
namespace {

using testing::HasSubstr;

class TlsContextTest : public testing::Test {
 protected:
  static std::string refusal(const TlsOptions& options) {
    try {
      const TlsContext context(options);
      return "none";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(certificates_.file(name)) << text;
    return certificates_.file(name).string();
  }

  Certificates certificates_;
  const Certificates::Pair pair_ = certificates_.make("broker");
};

TEST_F(TlsContextTest, TakesACertificateAndItsKey) {
  const TlsContext context({pair_.certificate, pair_.key});
  const auto left = context.expires() - std::chrono::system_clock::now();
  EXPECT_GT(left, std::chrono::hours(47));
  EXPECT_LE(left, std::chrono::hours(48));
}

TEST_F(TlsContextTest, SaysWhichFileIsMissing) {
  EXPECT_THAT(refusal({"/nowhere/c.pem", pair_.key}),
              HasSubstr("cannot read the TLS certificate /nowhere/c.pem: No such file"));
  EXPECT_THAT(refusal({pair_.certificate, "/nowhere/k.pem"}),
              HasSubstr("cannot read the TLS key /nowhere/k.pem: No such file"));
}

TEST_F(TlsContextTest, ADirectoryOrAnEmptyFileIsRefused) {
  EXPECT_THAT(refusal({"/", pair_.key}), HasSubstr("TLS certificate /: "));
  const auto empty = write("empty", "");
  EXPECT_THAT(refusal({pair_.certificate, empty}), HasSubstr(empty + ": it is empty"));
}

TEST_F(TlsContextTest, WhatIsNoPemIsRefusedByName) {
  const auto noise = write("noise.pem", "this is neither\n");
  EXPECT_THAT(refusal({noise, pair_.key}), HasSubstr("cannot use the TLS certificate " + noise));
  EXPECT_THAT(refusal({pair_.certificate, noise}), HasSubstr("cannot use the TLS key " + noise));
  EXPECT_THAT(refusal({pair_.key, pair_.key}), HasSubstr("TLS certificate " + pair_.key.string()));
}

TEST_F(TlsContextTest, AKeyOfAnotherCertificateIsRefused) {
  for (const auto* algorithm : {Certificates::kElliptic, Certificates::kRsa}) {
    const auto other = certificates_.make("other", algorithm);
    EXPECT_THAT(refusal({pair_.certificate, other.key}),
                HasSubstr("the TLS key " + other.key.string() +
                          " does not belong to the certificate " + pair_.certificate.string()));
  }
}

TEST_F(TlsContextTest, AKeyWithAPassphraseIsRefusedInsteadOfAskingForIt) {
  certificates_.run("openssl ec -in broker.key -aes128 -passout pass:secret -out locked.key");
  EXPECT_THAT(refusal({pair_.certificate, certificates_.file("locked.key")}),
              HasSubstr("has a passphrase"));
}

TEST_F(TlsContextTest, AWeakCertificateIsRefused) {
  const auto weak = certificates_.make("weak", "rsa:1024");
  EXPECT_THAT(refusal({weak.certificate, weak.key}), HasSubstr("key too small"));
}

TEST_F(TlsContextTest, AFailedReloadSaysWhyAndAGoodOneTakesTheNewFiles) {
  TlsContext context({pair_.certificate, pair_.key});
  const auto before = context.expires();
  std::filesystem::rename(pair_.key, certificates_.file("aside"));
  const auto why = context.reload();
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("cannot read the TLS key " + pair_.key.string()));
  EXPECT_EQ(context.expires(), before);
  certificates_.run("sleep 1");  // certificates count seconds
  certificates_.make("broker");
  EXPECT_FALSE(context.reload());
  EXPECT_GT(context.expires(), before);
}

}  // namespace
}  // namespace tidemark::broker
