// The command line and a broker that speaks TLS.
// tests/tools/: see tools/broker_http.hpp and http_exchange.hpp.
#include <memory>

#include "broker/hub.hpp"
#include "broker/server.hpp"
#include "storage/event_store.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/memory_log.hpp"
#include "tests/tools/cli_fixture.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CliTls : public Cli {
 protected:
  void SetUp() override {}  // it has a broker of its own

  static broker::ServerOptions secure(const Certificates::Pair& pair) {
    broker::ServerOptions options;
    options.port = 0;
    options.tls = broker::TlsOptions{pair.certificate, pair.key};
    return options;
  }
  [[nodiscard]] Ended run_at(const std::string& scheme, const std::string& command) const {
    return run("export TIDEMARK_SERVER=" + scheme +
               "://localhost:" + std::to_string(server_.port()) + "; " + command);
  }
  [[nodiscard]] std::string trusting(const std::string& command) const {
    return command + " --ca-file " + certificates_.authority().string();
  }

  Certificates certificates_;
  storage::EventStore store_{std::make_unique<storage::MemoryLog>(), {}};
  broker::Hub hub_{store_, {}};
  broker::Server server_{hub_, secure(certificates_.make("broker"))};
};

TEST_F(CliTls, EverySubcommandWorksOverTls) {
  for (const auto* scheme : {"https", "wss"}) {
    EXPECT_EQ(run_at(scheme, trusting("tidemark create t --content-type text/plain")).errors, "");
    EXPECT_EQ(run_at(scheme, trusting("tidemark pub t hello -q")).exit_code, 0);
    const auto read = run_at(scheme, trusting("tidemark tail t --no-follow -q"));
    EXPECT_EQ(read.output, "hello\n") << read.errors;
    EXPECT_THAT(run_at(scheme, trusting("tidemark topics")).output, HasSubstr("text/plain"));
    EXPECT_EQ(run_at(scheme, trusting("tidemark delete t --yes")).exit_code, 0);
  }
}

TEST_F(CliTls, TheAuthorityMayStandInTheEnvironment) {
  const auto in_environment =
      "export TIDEMARK_CA_FILE=" + certificates_.authority().string() + "; ";
  EXPECT_EQ(run_at("https", in_environment + "tidemark topics").exit_code, 0);
  EXPECT_EQ(run_at("https", in_environment + "tidemark pub t hello -q").exit_code, 0);
}

TEST_F(CliTls, ABrokerNobodyVouchesForIsUnreachableAndSaysWhy) {
  for (const auto* command : {"tidemark topics", "tidemark tail t --no-follow"}) {
    const auto ended = run_at("https", command);
    EXPECT_NE(ended.exit_code, 0) << command;
    EXPECT_THAT(ended.errors, AllOf(HasSubstr("no TLS with localhost:"),
                                    HasSubstr("its certificate is not trusted")))
        << command;
  }
}

TEST_F(CliTls, AFileWithoutCertificatesIsAnErrorOfUsage) {
  file("empty.pem", "");
  for (const auto* command : {"tidemark topics", "tidemark pub t x", "tidemark tail t"}) {
    for (const auto* name : {"empty.pem", "missing.pem"}) {
      const auto ended = run_at("https", std::string(command) + " --ca-file " + name);
      EXPECT_EQ(ended.exit_code, 2) << command;
      EXPECT_THAT(ended.errors, AllOf(HasSubstr("--ca-file"), HasSubstr(name)));
    }
  }
}

TEST_F(CliTls, WhoComesInTheClearIsToldToComeByTls) {
  const auto ended = run_at("http", "tidemark topics");
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_THAT(ended.errors, HasSubstr("https://"));
}

}  // namespace
}  // namespace tidemark::test
