// A server that speaks TLS: everything it does in the clear, and what goes wrong before that.
// tests/: broker/net, over real sockets.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <string>

#include <gmock/gmock.h>

#include "broker/log/log.hpp"
#include "broker/net/tls_handshake.hpp"
#include "tests/broker/stream_fixture.hpp"
#include "tests/broker/tls_relay.hpp"
#include "tests/support/certificates.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

class TlsServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    const auto pair = certificates_.make("first");
    options.tls = TlsOptions{pair.certificate, pair.key};
    options.limits.stall_timeout = milliseconds(60'000);
    server_.emplace(std::move(options));
    relay_.emplace(secure_port(), certificates_.authority());
  }
  [[nodiscard]] std::uint16_t secure_port() const { return server_->server.port(); }
  /// Where plain clients get at it.
  [[nodiscard]] std::uint16_t port() const { return relay_->port(); }

  HttpAnswer send(std::string_view line, std::string_view body = {},
                  std::string_view headers = {}) {
    return ask(port(), http_request(line, body, headers));
  }
  void make_topic(std::string_view type = "application/json") {
    const auto made = send("PUT /v1/stream/t", {}, "Content-Type: " + std::string(type) + "\r\n");
    ASSERT_EQ(made.status, 201) << made.body;
  }
  std::string append(std::string_view body) {
    const auto done = send("POST /v1/stream/t", body, "Content-Type: application/json\r\n");
    EXPECT_EQ(done.status, 204) << done.body;
    return field_of(done, "Stream-Next-Offset");
  }

  Certificates certificates_;
  std::optional<TestServer> server_;
  std::optional<TlsRelay> relay_;
};

// ---- what is done over TLS ----

TEST_F(TlsServerTest, RequestsAreAnsweredOneAfterAnotherAndAheadOfTime) {
  start();
  RawClient client(port());
  client.send(http_request("GET /healthz") + http_request("GET /healthz") +
              http_request("GET /nowhere"));
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_EQ(read_answer(client).status, 404);
  client.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(client).status, 200);
}

TEST_F(TlsServerTest, ALocationLeadsToTlsAgain) {
  start();
  const auto created = send("PUT /v1/stream/t", {}, "Content-Type: text/plain\r\n");
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(field_of(created, "Location"), "https://localhost/v1/stream/t");
}

TEST_F(TlsServerTest, AConnectionEndsWithAFarewellNotWithACut) {
  start();
  RawClient client(port());
  client.send(http_request("GET /healthz", {}, "Connection: close\r\n"));
  EXPECT_EQ(read_answer(client).status, 200);
  EXPECT_FALSE(client.fill());
  const auto seen = relay_->wait_for_end();
  EXPECT_TRUE(seen.ended_properly);
  EXPECT_EQ(seen.subject, "first");
  EXPECT_EQ(seen.protocol, "TLSv1.3");
}

TEST_F(TlsServerTest, ABodyOfManyRecordsArrivesAndComesBack) {
  start();
  make_topic();
  std::string body = "[";
  for (int i = 0; i < 60'000; ++i) body += (i == 0 ? "" : ",") + std::to_string(1'000'000 + i);
  append(body + "]");
  std::string all;
  std::string offset = "-1";
  while (std::count(all.begin(), all.end(), ',') + 1 < 60'000) {
    const auto answer = send("GET /v1/stream/t?offset=" + offset);
    ASSERT_EQ(answer.status, 200) << answer.body;
    ASSERT_GT(answer.body.size(), 2U);
    all += (all.empty() ? "" : ",") + answer.body.substr(1, answer.body.size() - 2);
    offset = field_of(answer, "Stream-Next-Offset");
  }
  EXPECT_EQ("[" + all, body);
}

TEST_F(TlsServerTest, ALargeAnswerReachesASlowReaderWhole) {
  start();
  make_topic("text/plain");
  std::minstd_rand random(7);
  std::string text;
  while (text.size() < 900'000) text += std::to_string(random()) + ' ';
  const auto put = send("POST /v1/stream/t", text, "Content-Type: text/plain\r\n");
  ASSERT_EQ(put.status, 204) << put.body;
  RawClient client(port(), 4096);
  // Two at once: the second waits until the first has gone.
  client.send(http_request("GET /v1/stream/t?offset=-1") +
              http_request("GET /v1/stream/t?offset=-1"));
  server_->wait_for([](const ServerStats& s) { return s.connections >= 1; });
  EXPECT_EQ(read_answer(client).body, text);
  EXPECT_EQ(read_answer(client).body, text);
}

TEST_F(TlsServerTest, ALongPollIsAnsweredWhenSomethingComes) {
  start();
  make_topic();
  const auto offset = append("[1]");
  RawClient client(port());
  client.send(http_request("GET /v1/stream/t?live=long-poll&offset=" + offset));
  append("[2]");
  const auto answer = read_answer(client);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "[2]");
}

TEST_F(TlsServerTest, AClientThatLeavesALongPollIsMissed) {
  start();
  make_topic();
  const auto offset = append("[1]");
  server_->wait_for([](const ServerStats& s) { return s.connections == 0; });
  for (const bool reset : {false, true}) {
    RawClient client(port());
    client.send(http_request("GET /v1/stream/t?live=long-poll&offset=" + offset));
    server_->wait_for([](const ServerStats& s) { return s.connections == 1; });
    reset ? client.reset() : client.close();
    server_->wait_for([](const ServerStats& s) { return s.connections == 0; });
  }
}

TEST_F(TlsServerTest, AnEventStreamTellsWhatComes) {
  start();
  make_topic();
  RawClient client(port());
  client.send(http_request("GET /v1/stream/t?live=sse&offset=-1"));
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  client.read_until("\"upToDate\":true");
  append(R"([{"n":1}])");
  client.read_until(R"({"n":1})");
  append(R"([{"n":2}])");
  client.read_until(R"({"n":2})");
}

TEST_F(TlsServerTest, AnInvitationToSendABodyComesBeforeTheAnswer) {
  start();
  make_topic();
  RawClient client(port());
  client.send(
      "POST /v1/stream/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), HasSubstr("100 Continue"));
  client.send("[1]");
  EXPECT_EQ(read_answer(client).status, 204);
}

TEST_F(TlsServerTest, EventsAnswersAndPongsStayInFramesForASlowReader) {
  start();
  make_topic();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  WsClient client(port(), {}, 4096);
  client.send(R"({"type":"subscribe","id":1,"topic":"t","from":"earliest"})");
  client.expect("subscribed");
  constexpr std::uint64_t kEvents = 40'000;
  std::uint64_t published = 0;
  std::uint64_t next = 1;
  int pings = 0;
  int pongs = 0;
  while (next <= kEvents || pongs < pings) {
    if (published < kEvents) {
      published += server_->memory.requester.publish(name_of("t"), 1 + random() % 500).count();
      client.raw.send(masked_frame(opcode::ping, std::to_string(pings++)));
    }
    for (auto frames = random() % 400; frames > 0 && (next <= published || pongs < pings);
         --frames) {
      const auto frame = client.frame();
      ASSERT_TRUE(frame);
      if (frame->opcode == opcode::pong) {
        ASSERT_EQ(frame->payload, std::to_string(pongs++));
        continue;
      }
      const auto message = boost::json::parse(frame->payload);
      if (WsClient::type_of(message) != "event") continue;
      ASSERT_EQ(number(message, "offset"), static_cast<std::int64_t>(next));
      ASSERT_EQ(number(message, "data"), static_cast<std::int64_t>(next++));
    }
  }
  EXPECT_GT(pings, 10);
}

// ---- before TLS is agreed upon ----

TEST_F(TlsServerTest, AHandshakeThatStallsIsCutOff) {
  ServerOptions options;
  options.limits.handshake_timeout = milliseconds(100);
  start(options);
  RawClient silent(secure_port());
  RawClient half(secure_port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));  // of a ClientHello
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(half.read_all(), "");
  server_->wait_for([](const ServerStats& s) { return s.connections == 0; });
  EXPECT_EQ(server_->server.stats().handshakes_failed, 2U);
}

TEST_F(TlsServerTest, NoiseIsRefusedAndTheServerGoesOn) {
  start();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  for (int i = 0; i < 50; ++i) {
    RawClient client(secure_port());
    std::string noise(1 + random() % 3000, '\0');
    for (auto& byte : noise) byte = static_cast<char>(random());
    if (i % 2 == 0) noise.insert(0, std::string("\x16\x03\x01\x01\x00\x01\x00\x00\xfc", 9));
    client.send(noise);
    client.half_close();
    while (client.fill()) {
    }
  }
  server_->wait_for([](const ServerStats& s) { return s.connections == 0; });
  EXPECT_EQ(server_->server.stats().handshakes_failed, 50U);
  EXPECT_EQ(send("GET /healthz").status, 200);
}

TEST_F(TlsServerTest, PlainHttpIsToldToComeByTls) {
  start();
  const log::Capture capture;
  for (const auto* method : {"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "CONNECT"}) {
    RawClient client(secure_port());
    client.send(http_request(std::string(method) + " /v1/ws", std::string(100'000, 'x')));
    const auto answer = read_answer(client);
    EXPECT_EQ(answer.status, 400) << method;
    EXPECT_EQ(answer.error(), "malformed_message");
    EXPECT_THAT(answer.body, HasSubstr("https://"));
    EXPECT_FALSE(client.fill()) << "nothing follows";
  }
  EXPECT_THAT(capture.text(), AllOf(HasSubstr("handshake_failed"), HasSubstr("client=127.0.0.1"),
                                    HasSubstr("why=\"http request\"")));
}

TEST_F(TlsServerTest, AStopDoesNotWaitForHandshakes) {
  start();
  RawClient silent(secure_port());
  server_->wait_for([](const ServerStats& s) { return s.connections == 1; });
  server_->server.stop();
  EXPECT_EQ(server_->server.stats().connections, 0U);
  EXPECT_EQ(silent.read_all(), "");
}

TEST_F(TlsServerTest, WhoFindsNoRoomIsClosedWithoutAHandshake) {
  ServerOptions options;
  options.limits.connections = 1;
  start(options);
  RawClient first(secure_port());
  server_->wait_for([](const ServerStats& s) { return s.connections == 1; });
  RawClient second(secure_port());
  EXPECT_EQ(second.read_all(), "");
  EXPECT_EQ(server_->server.stats().refused, 1U);
}

// ---- certificates ----

TEST_F(TlsServerTest, ANewCertificateIsForNewConnectionsAndOldOnesGoOn) {
  start();
  RawClient old(port());
  old.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(old).status, 200);
  const auto other = certificates_.make("second");
  std::filesystem::rename(other.certificate, certificates_.file("first.pem"));
  // With the key still the old one nothing changes.
  const auto why = server_->server.reload_tls();
  ASSERT_TRUE(why);
  EXPECT_THAT(*why, HasSubstr("does not belong"));
  EXPECT_EQ(send("GET /healthz", {}, "Connection: close\r\n").status, 200);
  EXPECT_EQ(relay_->wait_for_end(1).subject, "first");
  std::filesystem::rename(other.key, certificates_.file("first.key"));
  EXPECT_FALSE(server_->server.reload_tls());
  EXPECT_EQ(send("GET /healthz", {}, "Connection: close\r\n").status, 200);
  EXPECT_EQ(relay_->wait_for_end(2).subject, "second");
  old.send(http_request("GET /healthz", {}, "Connection: close\r\n"));
  EXPECT_EQ(read_answer(old).status, 200);
  EXPECT_EQ(relay_->wait_for_end(3).subject, "first");
}

TEST_F(TlsServerTest, AServerWithoutAUsableCertificateDoesNotStart) {
  MemoryStore memory;
  Hub hub(memory.store, {});
  ServerOptions options;
  options.port = 0;
  options.tls = TlsOptions{"/nowhere/c.pem", "/nowhere/k.pem"};
  EXPECT_THROW(Server(hub, options), std::runtime_error);
}

// ---- the address for operators ----

TEST_F(TlsServerTest, OperatorsComeInPlainlyAtTheirOwnAddress) {
  ServerOptions options;
  options.admin = AdminOptions{};
  start(options);
  const auto admin = server_->server.admin_port();
  ASSERT_NE(admin, 0);
  ASSERT_NE(admin, secure_port());
  EXPECT_EQ(ask(admin, http_request("GET /healthz")).status, 200);
  EXPECT_EQ(ask(admin, "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403)
      << "loopback is no protection from browsers";
  RawClient quiet(admin);
  server_->wait_for([](const ServerStats& s) { return s.connections >= 1; });
  server_->server.stop();
  EXPECT_EQ(quiet.read_all(), "") << "it is stopped there too";
  EXPECT_EQ(server_->server.stats().connections, 0U);
}

TEST_F(TlsServerTest, ThereIsRoomForOperatorsInAFullBroker) {
  ServerOptions options;
  options.admin = AdminOptions{};
  options.limits.connections = 1;
  start(options);
  RawClient first(secure_port());
  server_->wait_for([](const ServerStats& s) { return s.connections == 1; });
  EXPECT_EQ(RawClient(secure_port()).read_all(), "");
  EXPECT_EQ(ask(server_->server.admin_port(), http_request("GET /healthz")).status, 200);
}

TEST(TlsServer, WithoutAnAddressForOperatorsThereIsNone) {
  const TestServer server;
  EXPECT_EQ(server.server.admin_port(), 0);
  EXPECT_FALSE(server.server.certificate_expires());
}

}  // namespace
}  // namespace tidemark::broker
