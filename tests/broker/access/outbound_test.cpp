// Fetching over real sockets, and what is not connected to.
// tests/: broker/net/outbound and address_kind.
#include "broker/net/outbound.hpp"

#include <cstdlib>
#include <future>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include "broker/net/address_kind.hpp"
#include "tests/broker/access/access_fixture.hpp"

namespace tidemark::broker {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using testing::HasSubstr;

/// An HTTP server that answers every request with the same bytes, then closes (or keeps silent).
class OneAnswer {
 public:
  enum class Then { close, silence };

  explicit OneAnswer(std::string answer, Then then = Then::close)
      : answer_(std::move(answer)),
        then_(then),
        acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this] { serve(); }) {}
  ~OneAnswer() {
    stopping_ = true;
    boost::system::error_code ignored;
    tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(acceptor_.local_endpoint().port()) + "/keys";
  }
  [[nodiscard]] int connections() const { return connections_; }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }
  /// Is ready when a request has come.
  std::future<void> asked() { return asked_.get_future(); }

 private:
  void serve() {
    std::vector<tcp::socket> silent;
    while (true) {
      auto socket = acceptor_.accept();
      if (stopping_) return;
      ++connections_;
      boost::system::error_code error;
      asio::streambuf buffer;
      const auto bytes = asio::read_until(socket, buffer, "\r\n\r\n", error);
      {
        const std::lock_guard lock(mutex_);
        request_.assign(static_cast<const char*>(buffer.data().data()), bytes);
      }
      asio::write(socket, asio::buffer(answer_), error);
      if (then_ == Then::close) continue;
      asked_.set_value();
      silent.push_back(std::move(socket));
    }
  }

  const std::string answer_;
  const Then then_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::string request_;
  std::promise<void> asked_;
  std::thread thread_;
};

std::string ok_with(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Fetched fetch(const std::string& url, bool private_addresses = true) {
  return fetch_document({.url = url, .private_addresses = private_addresses, .stop = {}});
}

std::string failure(const Fetched& fetched) {
  const auto* failed = std::get_if<FetchFailure>(&fetched);
  return failed == nullptr ? "" : failed->text;
}

AddressKind kind(const char* text) { return kind_of_address(boost::asio::ip::make_address(text)); }

TEST(AddressKind, KnowsWhatIsLocal) {
  for (const auto* local : {"127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1",
                            "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                            "100.127.255.255", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1"}) {
    EXPECT_EQ(kind(local), AddressKind::local) << local;
  }
}

TEST(AddressKind, KnowsWhatLeadsNowhere) {
  for (const auto* nowhere : {"0.0.0.0",
                              "0.1.2.3",
                              "192.0.0.1",
                              "192.0.2.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.1",
                              "203.0.113.1",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::ffff:127.0.0.1",
                              "::ffff:8.8.8.8",
                              "::127.0.0.1",
                              "64:ff9b::7f00:1",
                              "64:ff9b:1::1",
                              "ff02::1",
                              "fec0::1",
                              "2001:db8::1",
                              "2001::1",
                              "2002:7f00:1::",
                              "100::1",
                              "5f00::1",
                              "3fff::1"}) {
    EXPECT_EQ(kind(nowhere), AddressKind::nowhere) << nowhere;
  }
}

TEST(AddressKind, KnowsWhatIsOnTheInternet) {
  for (const auto* global : {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255",
                             "100.128.0.0", "192.167.255.255", "223.255.255.255", "11.0.0.0",
                             "2606:4700::1111", "2a00:1450::1", "3ffe::1", "2003::1"}) {
    EXPECT_EQ(kind(global), AddressKind::global) << global;
  }
}

TEST(Outbound, FetchesADocument) {
  OneAnswer server(ok_with("{\"keys\":[]}"));
  const auto fetched = fetch(server.url());
  ASSERT_EQ(failure(fetched), "");
  EXPECT_EQ(std::get<std::string>(fetched), "{\"keys\":[]}");
  EXPECT_THAT(server.request(), testing::StartsWith("GET /keys HTTP/1.1\r\n"));
  EXPECT_THAT(server.request(), HasSubstr("User-Agent: tidemark\r\n"));
}

TEST(Outbound, ConnectsToNoPrivateAddressUnlessAllowed) {
  OneAnswer server(ok_with("x"));
  auto https = server.url();
  https.replace(0, 4, "https");
  for (const auto& url : {https, std::string("https://localhost") + https.substr(https.rfind(':')),
                          std::string("https://127.1") + https.substr(https.rfind(':')),
                          std::string("https://2130706433") + https.substr(https.rfind(':')),
                          std::string("https://0x7f000001") + https.substr(https.rfind(':'))}) {
    EXPECT_THAT(failure(fetch(url, false)), HasSubstr("is no address a key set's URL may lead to"))
        << url;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(Outbound, AMappedAddressIsNoWayRound) {
  OneAnswer server(ok_with("x"));
  for (const bool allowed : {false, true}) {
    auto url = server.url("[::ffff:127.0.0.1]");
    if (!allowed) url.replace(0, 4, "https");
    EXPECT_NE(failure(fetch(url, allowed)), "") << allowed;
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(Outbound, WithoutTlsOnlyALocalAddressIsAsked) {
  OneAnswer server(ok_with("x"));
  EXPECT_EQ(failure(fetch(server.url(), true)), "");
  EXPECT_NE(failure(fetch(server.url(), false)), "");
  EXPECT_EQ(server.connections(), 1);
  // Judged before anything is sent, so this reaches nobody.
  EXPECT_THAT(failure(fetch("http://8.8.8.8/", true)), HasSubstr("may not be asked without TLS"));
}

TEST(Outbound, SpeaksNothingButHttp) {
  const TempDir dir;
  const auto path = write_file(dir, "keys", "x");
  for (const auto& url : {"file://" + path, std::string("ftp://127.0.0.1/"),
                          std::string("gopher://127.0.0.1/"), std::string("dict://127.0.0.1/")}) {
    EXPECT_NE(failure(fetch(url)), "") << url;
  }
}

TEST(Outbound, FollowsNoRedirect) {
  OneAnswer other(ok_with("x"));
  OneAnswer server("HTTP/1.1 302 Found\r\nLocation: " + other.url() +
                   "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(failure(fetch(server.url())), "the answer is 302");
  EXPECT_EQ(other.connections(), 0);
}

TEST(Outbound, ABodyIsBounded) {
  OneAnswer exact(ok_with(std::string(std::size_t{1} << 20, 'x')));
  EXPECT_EQ(failure(fetch(exact.url())), "");
  OneAnswer larger(ok_with(std::string((std::size_t{1} << 20) + 1, 'x')));
  EXPECT_EQ(failure(fetch(larger.url())), "the answer is too large");
  // Without a length it ends with the connection.
  OneAnswer endless("HTTP/1.1 200 OK\r\n\r\n" + std::string(std::size_t{3} << 20, 'x'));
  EXPECT_EQ(failure(fetch(endless.url())), "the answer is too large");
}

TEST(Outbound, ASilentServerIsGivenUp) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", OneAnswer::Then::silence);
  const OutboundLimits limits{.connect = std::chrono::milliseconds(200),
                              .whole = std::chrono::milliseconds(200)};
  const auto fetched =
      fetch_document({.url = server.url(), .private_addresses = true, .stop = {}}, limits);
  EXPECT_THAT(failure(fetched), HasSubstr("Timeout"));
}

TEST(Outbound, EndsSoonWhenNobodyWaitsAnyMore) {
  OneAnswer server("HTTP/1.1 200 OK\r\n", OneAnswer::Then::silence);
  std::stop_source stop;
  auto fetched = std::async(std::launch::async, [&] {
    return fetch_document(
        {.url = server.url(), .private_addresses = true, .stop = stop.get_token()});
  });
  server.asked().wait();
  stop.request_stop();
  ASSERT_EQ(fetched.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_THAT(failure(fetched.get()), HasSubstr("nobody waits"));
}

TEST(Outbound, TheEnvironmentsProxyIsNotUsed) {
  OneAnswer proxy(ok_with("from the proxy"));
  OneAnswer server(ok_with("direct"));
  const auto at = proxy.url().substr(0, proxy.url().rfind('/'));
  for (const auto* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) {
    ::setenv(name, at.c_str(), 1);
  }
  const auto fetched = fetch(server.url());
  for (const auto* name : {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  EXPECT_EQ(std::get<std::string>(fetched), "direct");
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(Outbound, KeysOfARealServerVerifyTokens) {
  OneAnswer server(ok_with(key_set_text({Algorithm::es256})));
  AccessRules rules;
  rules.private_key_urls = true;
  rules.key_sets = {{.url = server.url(), .file = {}, .issuer = {}}};
  AccessSources sources;
  sources.now = [] { return kNow; };
  sources.fetch = [](const FetchRequest& request) { return fetch_document(request); };
  const auto access = std::get<std::shared_ptr<Access>>(Access::make(rules, sources));
  std::promise<AuthOutcome> promise;
  access->authenticate(token_of(Algorithm::es256, good_claims(), R"(,"kid":"ES256")"),
                       [&](AuthOutcome outcome) { promise.set_value(std::move(outcome)); });
  auto outcome = promise.get_future();
  ASSERT_EQ(outcome.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(said(outcome.get()), "ada");
}

}  // namespace
}  // namespace tidemark::broker
