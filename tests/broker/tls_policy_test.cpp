// What TLS is spoken and what is refused: versions, suites, compression, renegotiation.
// tests/: broker/net/tls_context, asked by openssl's own client and by hand-made ClientHellos,
// since no client of today can be brought to offer what was broken long ago.
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "broker/net/tls_context.hpp"
#include "tests/broker/net_fixture.hpp"
#include "tests/support/certificates.hpp"

namespace tidemark::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- ClientHellos made by hand ----

std::string two(std::size_t value) {
  return {static_cast<char>(value >> 8U & 0xffU), static_cast<char>(value & 0xffU)};
}

/// With its length in two bytes before it.
std::string sized(const std::string& bytes) { return two(bytes.size()) + bytes; }

struct Hello {
  unsigned version = 0x0303;
  std::vector<unsigned> suites;
  std::string compression = std::string(1, '\0');  ///< methods

  /// As a record (RFC 5246, 7.4.1.2).
  [[nodiscard]] std::string bytes() const {
    std::string offered;
    for (const auto suite : suites) offered += two(suite);
    const auto groups = sized(two(0x001d) + two(0x0017));
    const auto signatures =
        sized(two(0x0403) + two(0x0804) + two(0x0401) + two(0x0203) + two(0x0201));
    const auto extensions = two(10) + sized(groups) +                      // supported_groups
                            two(11) + sized(std::string("\x01\x00", 2)) +  // ec_point_formats
                            two(13) + sized(signatures);                   // signature_algorithms
    auto body = two(version) + std::string(32, 'r') + std::string(1, '\0') + sized(offered) +
                static_cast<char>(compression.size()) + compression + sized(extensions);
    body = std::string("\x01\x00", 2) + sized(body);
    return std::string("\x16\x03\x01", 3) + sized(body);
  }
};

/// "alert 40", or "suite c02b, compression 0".
std::string answer_to(std::uint16_t port, const Hello& hello) {
  RawClient client(port);
  client.send(hello.bytes());
  const auto head = client.read_bytes(5);
  const auto body = client.read_bytes(static_cast<unsigned char>(head[3]) * 256U +
                                      static_cast<unsigned char>(head[4]));
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(body.at(i)); };
  if (head[0] == 0x15) return "alert " + std::to_string(at(1));
  // ServerHello: header, version, random, session, then what was chosen.
  const std::size_t chosen = 4 + 2 + 32 + 1 + at(38);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "suite %02x%02x, compression %d", at(chosen),
                at(chosen + 1), at(chosen + 2));
  return text.data();
}

struct Suite {
  unsigned number;
  const char* name;
};

// ---- the tests ----

class TlsPolicyTest : public testing::Test {
 protected:
  void start(const char* algorithm = Certificates::kElliptic,
             TlsVersion min_version = TlsVersion::v1_2) {
    const auto pair = certificates_.make("broker", algorithm);
    ServerOptions options;
    options.tls = TlsOptions{pair.certificate, pair.key, min_version};
    server_.emplace(std::move(options));
  }
  [[nodiscard]] std::uint16_t port() const { return server_->server.port(); }

  /// What `openssl s_client` says, with these arguments and these lines to send.
  [[nodiscard]] std::string openssl(const std::string& arguments, const std::string& lines = "Q") {
    // The pipe stays open, so that the client ends only when it is told to, or the server does.
    const auto command =
        "cd " + certificates_.authority().parent_path().string() +
        " && rm -f in && mkfifo in && exec 3<>in && echo '" + lines +
        "' >&3 && timeout 30 openssl s_client -connect 127.0.0.1:" + std::to_string(port()) +
        " -CAfile ca.pem -verify_return_error " + arguments + " <&3 2>&1";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"),
                                                               ::pclose);
    std::string out;
    std::array<char, 4096> bytes{};
    while (const auto count = std::fread(bytes.data(), 1, bytes.size(), pipe.get())) {
      out.append(bytes.data(), count);
    }
    return out;
  }

  Certificates certificates_;
  std::optional<TestServer> server_;
};

TEST_F(TlsPolicyTest, OpensslIsTakenByBothVersionsThatAreSafe) {
  start();
  EXPECT_THAT(openssl("-tls1_2 -alpn h2,http/1.1 -verify_ip 127.0.0.1"),
              AllOf(HasSubstr("Protocol  : TLSv1.2"), HasSubstr("Verify return code: 0 (ok)"),
                    HasSubstr("ALPN protocol: http/1.1"), HasSubstr("Compression: NONE"),
                    HasSubstr("Cipher is ECDHE-ECDSA-AES")));
  EXPECT_THAT(openssl("-tls1_3 -alpn http/1.1 -verify_hostname localhost"),
              AllOf(HasSubstr("New, TLSv1.3, Cipher is TLS_AES"),
                    HasSubstr("Verify return code: 0 (ok)"), HasSubstr("ALPN protocol: http/1.1")));
}

TEST_F(TlsPolicyTest, OlderVersionsAreRefused) {
  start();
  for (const auto* version : {"-tls1", "-tls1_1"}) {
    EXPECT_THAT(openssl(std::string(version) + " -cipher ALL:@SECLEVEL=0"),
                AllOf(HasSubstr("alert protocol version"), HasSubstr("Cipher is (NONE)")))
        << version;
  }
  for (const unsigned version : {0x0301U, 0x0302U}) {
    EXPECT_EQ(answer_to(port(), {version, {0xc009, 0xc00a, 0x002f}}), "alert 70") << version;
  }
  // Of SSL 3 OpenSSL says no more than that the handshake has failed.
  EXPECT_EQ(answer_to(port(), {0x0300, {0xc009, 0xc00a, 0x002f}}), "alert 40");
}

TEST_F(TlsPolicyTest, OnlyTheNewestIsSpokenIfThatIsWanted) {
  start(Certificates::kElliptic, TlsVersion::v1_3);
  EXPECT_THAT(openssl("-tls1_2"), HasSubstr("alert protocol version"));
  EXPECT_THAT(openssl("-tls1_3"), HasSubstr("New, TLSv1.3"));
}

constexpr Suite kBrokenForRsa[] = {{0x0001, "RSA_NULL_MD5"},
                                   {0x0002, "RSA_NULL_SHA"},
                                   {0x0003, "RSA_EXPORT_RC4_40"},
                                   {0x0004, "RSA_RC4_MD5"},
                                   {0x0005, "RSA_RC4_SHA"},
                                   {0x0008, "RSA_EXPORT_DES40"},
                                   {0x0009, "RSA_DES_CBC"},
                                   {0x000a, "RSA_3DES"},
                                   {0x002f, "RSA_AES128_CBC"},
                                   {0x003c, "RSA_AES128_CBC_SHA256"},
                                   {0x009c, "RSA_AES128_GCM"},
                                   {0x009d, "RSA_AES256_GCM"},
                                   {0x0033, "DHE_RSA_AES128_CBC"},
                                   {0x0014, "DHE_RSA_EXPORT_DES40"},
                                   {0x0034, "DH_anon_AES128_CBC"},
                                   {0x00a6, "DH_anon_AES128_GCM"},
                                   {0xc010, "ECDHE_RSA_NULL"},
                                   {0xc011, "ECDHE_RSA_RC4"},
                                   {0xc012, "ECDHE_RSA_3DES"},
                                   {0xc013, "ECDHE_RSA_AES128_CBC"},
                                   {0xc014, "ECDHE_RSA_AES256_CBC"},
                                   {0xc027, "ECDHE_RSA_AES128_CBC_SHA256"},
                                   {0xc028, "ECDHE_RSA_AES256_CBC_SHA384"},
                                   {0xc018, "ECDH_anon_AES128_CBC"}};

constexpr Suite kBrokenForElliptic[] = {
    {0xc006, "ECDHE_ECDSA_NULL"},       {0xc007, "ECDHE_ECDSA_RC4"},
    {0xc008, "ECDHE_ECDSA_3DES"},       {0xc009, "ECDHE_ECDSA_AES128_CBC"},
    {0xc00a, "ECDHE_ECDSA_AES256_CBC"}, {0xc023, "ECDHE_ECDSA_AES128_CBC_SHA256"},
    {0xc004, "ECDH_ECDSA_AES128_CBC"},  {0xc02d, "ECDH_ECDSA_AES128_GCM"}};

TEST_F(TlsPolicyTest, SuitesThatAreBrokenOrNotForwardSecretAreRefused) {
  start(Certificates::kRsa);
  for (const auto& suite : kBrokenForRsa) {
    EXPECT_EQ(answer_to(port(), {.suites = {suite.number}}), "alert 40") << suite.name;
  }
  // The same hello with one suite more is taken, so it is the suites that were refused.
  for (const unsigned good : {0xc02fU, 0xc030U, 0xcca8U}) {
    EXPECT_THAT(answer_to(port(), {.suites = {0x0005, 0xc013, good}}), HasSubstr("suite c"));
  }
  start();
  for (const auto& suite : kBrokenForElliptic) {
    EXPECT_EQ(answer_to(port(), {.suites = {suite.number}}), "alert 40") << suite.name;
  }
  EXPECT_EQ(answer_to(port(), {.suites = {0xc009, 0xc02b}}), "suite c02b, compression 0");
}

TEST_F(TlsPolicyTest, OpensslIsRefusedWithWhatItStillKnowsOfThem) {
  start(Certificates::kRsa);
  for (const auto* cipher : {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256",
                             "NULL-SHA256", "ECDHE-RSA-NULL-SHA", "DHE-RSA-AES256-GCM-SHA384"}) {
    EXPECT_THAT(openssl("-tls1_2 -cipher " + std::string(cipher) + ":@SECLEVEL=0"),
                AllOf(HasSubstr("alert handshake failure"), HasSubstr("Cipher is (NONE)")))
        << cipher;
  }
}

TEST_F(TlsPolicyTest, TheServersPreferenceCountsButForClientsWithoutAes) {
  start();
  EXPECT_THAT(answer_to(port(), {.suites = {0xc02c, 0xcca9, 0xc02b}}), HasSubstr("suite c02b"));
  EXPECT_THAT(answer_to(port(), {.suites = {0xcca9, 0xc02b}}), HasSubstr("suite cca9"));
}

TEST_F(TlsPolicyTest, CompressionIsNeverChosen) {
  start();
  EXPECT_EQ(answer_to(port(), {.suites = {0xc02b}, .compression = std::string("\x01\x00", 2)}),
            "suite c02b, compression 0");
}

TEST_F(TlsPolicyTest, RenegotiationIsRefused) {
  start();
  const auto said = openssl("-tls1_2", "R");
  EXPECT_THAT(said, AllOf(HasSubstr("Verify return code: 0 (ok)"), HasSubstr("RENEGOTIATING"),
                          HasSubstr("no renegotiation")));
}

TEST_F(TlsPolicyTest, AClientOfOtherProtocolsOnlyIsRefused) {
  start();
  EXPECT_THAT(openssl("-alpn h2"), HasSubstr("alert no application protocol"));
  EXPECT_THAT(openssl(""),
              AllOf(HasSubstr("Verify return code: 0 (ok)"), HasSubstr("No ALPN negotiated")));
}

TEST_F(TlsPolicyTest, ASessionIsTakenUpAgainByItsTicket) {
  start();
  const auto first = openssl("-tls1_2 -sess_out session");
  EXPECT_THAT(first, HasSubstr("New, TLSv1.2"));
  EXPECT_THAT(openssl("-tls1_2 -sess_in session"), HasSubstr("Reused, TLSv1.2"));
}

}  // namespace
}  // namespace tidemark::broker
