// What reading the configuration again does to a daemon that has clients: they stay.
// tests/e2e/: SIGHUP, and requests before and after it on the same connections.
#include <optional>
#include <signal.h>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon_config.hpp"
#include "tests/tools/program.hpp"

namespace tidemark::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using testing::HasSubstr;
using Answer = http::response<http::string_body>;

/// A client that keeps its connection. Throws if it is closed.
class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  Answer ask(http::verb verb, const std::string& target, const std::string& body = {},
             const std::string& origin = {}) {
    http::request<http::string_body> request{verb, target, 11, body};
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::content_type, "application/json");
    if (!origin.empty()) request.set(http::field::origin, origin);
    request.prepare_payload();
    http::write(socket_, request);
    Answer answer;
    http::read(socket_, buffer_, answer);
    return answer;
  }
  /// What a connection is told that is not let in, without having asked.
  unsigned refusal() {
    Answer answer;
    http::read(socket_, buffer_, answer);
    return answer.result_int();
  }
  unsigned health() { return ask(http::verb::get, "/healthz").result_int(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  boost::beast::flat_buffer buffer_;
};

class DaemonReload : public DaemonConfig {
 protected:
  void start(const std::string& text) {
    write("[log]\nformat = \"logfmt\"\n" + text);
    daemon_.emplace(command());
    const auto port = daemon_->output_after("listening on http://127.0.0.1:");
    port_ = static_cast<std::uint16_t>(std::stoul(port));
  }
  /// The configuration is this now, and the daemon has said so.
  void reload(const std::string& text, const std::string& applied) {
    write("[log]\nformat = \"logfmt\"\n" + text);
    daemon_->signal(SIGHUP);
    daemon_->expect_errors("event=config_reloaded applied=" + applied + " ");
  }
  void TearDown() override {
    daemon_->signal(SIGTERM);
    EXPECT_EQ(daemon_->wait().exit_code, 0);
  }

  std::optional<Program> daemon_;
  std::uint16_t port_ = 0;
};

TEST_F(DaemonReload, LetsMoreConnectionsInAndDropsNone) {
  start("[max]\nconnections = 1\n");
  Client first(port_);
  EXPECT_EQ(first.health(), 200U);
  EXPECT_EQ(Client(port_).refusal(), 503U);
  reload("[max]\nconnections = 3\n", "max.connections");
  Client second(port_);
  EXPECT_EQ(second.health(), 200U);
  EXPECT_EQ(first.health(), 200U) << "on the connection it had before";
  reload("[max]\nconnections = 1\n", "max.connections");
  EXPECT_EQ(first.health(), 200U);
  EXPECT_EQ(second.health(), 200U) << "fewer are let in, none is sent away";
  EXPECT_EQ(Client(port_).refusal(), 503U);
}

TEST_F(DaemonReload, AllowsAnotherOrigin) {
  start("");
  const auto publish = [&] {  // whom an origin is refused is closed
    return Client(port_)
        .ask(http::verb::post, "/v1/topics/a/events", R"({"data":1})", "https://a.example")
        .result_int();
  };
  EXPECT_EQ(publish(), 403U);
  write("allow-origin = [\"https://a.example\"]\n[log]\nformat = \"logfmt\"\n");
  daemon_->signal(SIGHUP);
  daemon_->expect_errors("event=config_reloaded applied=allow-origin ");
  EXPECT_EQ(publish(), 200U);
}

TEST_F(DaemonReload, ChangesDefaultsOfTopicsCreatedFromThenOn) {
  start("[retention]\nevents = 11\n");
  Client client(port_);
  const auto create = [&](const std::string& topic) {
    client.ask(http::verb::post, "/v1/topics/" + topic + "/events", R"({"data":1})");
  };
  const auto kept = [&](const std::string& topic) {
    return client.ask(http::verb::get, "/v1/topics/" + topic).body();
  };
  create("old");
  reload("[retention]\nevents = 12\n[[topic-defaults]]\npattern = \"logs/**\"\nmax-events = 13\n",
         "retention.events,topic-defaults");
  create("new");
  create("logs%2Fa");
  EXPECT_THAT(kept("old"), HasSubstr("\"max_events\":11"));
  EXPECT_THAT(kept("new"), HasSubstr("\"max_events\":12"));
  EXPECT_THAT(kept("logs%2Fa"), HasSubstr("\"max_events\":13"));
}

}  // namespace
}  // namespace tidemark::test
