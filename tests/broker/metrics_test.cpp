// The page of metrics and readiness: what they say of a server that a test has used.
// tests/: broker/metrics, broker/operator_routes, over real sockets.
#include <limits>
#include <set>
#include <sstream>
#include <thread>
#include <zlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/connection.hpp"
#include "broker/metrics/family.hpp"
#include "tests/broker/net_fixture.hpp"
#include "tests/support/storage_fixture.hpp"

namespace tidemark::broker {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Samples by "name{labels}".
using Samples = std::map<std::string, double>;

Samples samples_of(const std::string& page) {
  Samples out;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto at = line.rfind(' ');
    EXPECT_TRUE(out.emplace(line.substr(0, at), std::stod(line.substr(at + 1))).second)
        << "twice: " << line;
  }
  return out;
}

struct MetricsTest : ::testing::Test {
  static ServerOptions options() {
    ServerOptions options;
    options.limits.close_timeout = milliseconds(40);  // looks at connections every 10 ms
    options.limits.census_interval = milliseconds(0);
    return options;
  }
  static storage::EventStoreOptions small_ring() {
    storage::EventStoreOptions options;
    options.ring_topic_bytes = 1;
    options.committer.recover_interval = milliseconds(1);
    return options;
  }

  HttpAnswer get(std::string_view path, std::string_view headers = {}) {
    return ask(port, http_request("GET " + std::string(path), {}, headers));
  }
  Samples page() { return samples_of(get("/metrics").body); }
  double value(const std::string& sample) {
    const auto all = page();
    const auto found = all.find(sample);
    EXPECT_NE(found, all.end()) << sample;
    return found == all.end() ? -1 : found->second;
  }
  /// Counts are made now and then.
  void wait_for(const std::string& sample, double wanted) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (value(sample) != wanted) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << sample << " " << value(sample);
    }
  }

  TestServer server{options(), small_ring()};
  const std::uint16_t port = server.server.port();
};

// ---- the text ----

TEST(MetricFamiliesTest, AreWrittenAsPrometheusReadsThem) {
  MetricFamilies families;
  families.counter("a_total", "How many of a", 3);
  auto& gauges = families.gauges("b", "B");
  add_sample(gauges, {{"name", "x\"y\\z\n"}}, 0.5);
  add_sample(gauges, {}, std::numeric_limits<double>::infinity());
  storage::Histogram histogram{1};
  histogram.note(1);
  histogram.note(3);
  add_histogram(families.histograms("c_seconds", "C"), {}, histogram, 0.5);
  const auto text = to_text(families.all());
  EXPECT_THAT(text, HasSubstr("# TYPE a_total counter\na_total 3\n"));
  EXPECT_THAT(text, HasSubstr("b{name=\"x\\\"y\\\\z\\n\"} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("b +Inf\n"));
  EXPECT_THAT(text, HasSubstr("c_seconds_count 2\nc_seconds_sum 2\n"));
  EXPECT_THAT(text, HasSubstr("c_seconds_bucket{le=\"0.5\"} 1\nc_seconds_bucket{le=\"1\"} 1\n"
                              "c_seconds_bucket{le=\"2\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("c_seconds_bucket{le=\"+Inf\"} 2\n"));
}

TEST(CursorCensusTest, QuantilesAreRoundedUpButNeverBeyondTheMost) {
  CursorCensus census;
  EXPECT_EQ(census.quantile(0.5), 0U);
  for (int i = 0; i < 90; ++i) census.count(false, 0);
  for (int i = 0; i < 9; ++i) census.count(true, 100);
  census.count(true, 1'000'000);
  EXPECT_EQ(census.ring, 90U);
  EXPECT_EQ(census.cold, 10U);
  EXPECT_EQ(census.quantile(0.5), 0U);
  EXPECT_EQ(census.quantile(0.9), 0U);
  EXPECT_EQ(census.quantile(0.99), 128U);
  EXPECT_EQ(census.quantile(1), 1'000'000U);
  CursorCensus both;
  both.add(census);
  both.add(census);
  EXPECT_EQ(both.quantile(0.99), 128U);
  EXPECT_EQ(both.ring + both.cold, 200U);
  EXPECT_EQ(both.most_behind, 1'000'000U);
  both.count(false, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(both.quantile(1), std::numeric_limits<std::uint64_t>::max());
}

// ---- the page ----

TEST_F(MetricsTest, ThePageIsTextInTheFormatThatPrometheusAsksFor) {
  const auto answer = get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("Cache-Control: no-store\r\n"));
}

TEST_F(MetricsTest, ThePageComesAsGzipToWhoAcceptsIt) {
  const auto answer = get("/metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(answer.head, HasSubstr("Content-Encoding: gzip\r\n"));
  z_stream stream{};
  ASSERT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
  std::string plain(std::size_t{1} << 20, '\0');
  std::string body = answer.body;
  stream.next_in = reinterpret_cast<Bytef*>(body.data());  // NOLINT: zlib's interface
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(plain.data());  // NOLINT: zlib's interface
  stream.avail_out = static_cast<uInt>(plain.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  plain.resize(stream.total_out);
  ::inflateEnd(&stream);
  EXPECT_THAT(plain, HasSubstr("\ntidemark_connections{"));
}

TEST_F(MetricsTest, NamesFollowTheConventionsAndAreExplained) {
  std::istringstream lines(get("/metrics").body);
  std::set<std::string> names;
  std::string helped;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    if (line.starts_with("# HELP ")) {
      words >> hash >> what >> helped >> rest;
      EXPECT_FALSE(rest.empty()) << line;
    }
    if (!line.starts_with("# TYPE ")) continue;
    words >> hash >> what >> name >> rest;
    EXPECT_EQ(name, helped);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_TRUE(name.starts_with("tidemark_") || name.starts_with("process_")) << name;
    EXPECT_EQ(name.ends_with("_total"), rest == "counter") << name;
  }
  EXPECT_GT(names.size(), 50U);
}

TEST_F(MetricsTest, IsForThisMachineOnly) {
  auto behind = options();
  behind.trusted_proxies = {"127.0.0.1"};
  server.server.apply(behind);
  const auto answer = get("/metrics", "X-Forwarded-For: 203.0.113.1\r\n");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.error(), "forbidden");
  EXPECT_EQ(get("/metrics").status, 200);
}

// ---- what it tells ----

TEST_F(MetricsTest, PublishesAreCountedByTransportAndOutcome) {
  WsClient client(port);
  const auto* const publish =
      R"({"type":"publish","topic":"t","events":[{"data":1},{"data":22}],"producer":{"id":"p","epoch":1,"sequence":0}})";
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  EXPECT_EQ(WsClient::type_of(client.ask(publish)), "published");
  EXPECT_EQ(client.refused(R"({"type":"publish","topic":"t","events":[]})"), "malformed_message");
  EXPECT_EQ(ask(port, http_request("POST /v1/topics/t/events", R"({"events":[{"data":333}]})",
                                   "Content-Type: application/json\r\n"))
                .status,
            200);
  const auto now = page();
  EXPECT_EQ(now.at(R"(tidemark_received_publishes_total{transport="websocket"})"), 2)
      << "what cannot be read is no publish";
  EXPECT_EQ(now.at(R"(tidemark_received_events_total{transport="websocket"})"), 4);
  EXPECT_EQ(now.at(R"(tidemark_received_bytes_total{transport="websocket"})"), 6);
  EXPECT_EQ(now.at(R"(tidemark_received_publishes_total{transport="http"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_received_bytes_total{transport="http"})"), 3);
  EXPECT_EQ(now.at("tidemark_publishes_total"), 3);
  EXPECT_EQ(now.at("tidemark_duplicates_total"), 1);
  EXPECT_EQ(now.at("tidemark_events_total"), 3);
  EXPECT_EQ(now.at("tidemark_topics"), 1);
  EXPECT_EQ(now.at(R"(tidemark_refusals_total{code="malformed_message"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_http_responses_total{status="2xx"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_commit_seconds_count{durability="synced"})"), 2);
}

TEST_F(MetricsTest, DeliveriesAreCountedByTransport) {
  server.memory.requester.publish(name_of("t"), 5);
  WsClient web_socket(port);
  web_socket.send(R"({"type":"subscribe","topic":"t","from":"earliest"})");
  while (WsClient::type_of(web_socket.message()) != "caught_up") {
  }
  EXPECT_EQ(get("/v1/stream/t?offset=-1").status, 200);
  RawClient events(port);
  events.send(http_request("GET /v1/stream/t?offset=-1&live=sse"));
  events.read_until("\"upToDate\":true");
  const auto end = get("/v1/stream/t?offset=now").head;
  const auto at = end.find("Stream-Next-Offset: ") + 20;
  const auto offset = end.substr(at, end.find('\r', at) - at);
  RawClient poll(port);
  poll.send(http_request("GET /v1/stream/t?live=long-poll&offset=" + offset));
  wait_for(R"(tidemark_subscriptions{transport="long_poll"})", 1);
  server.memory.requester.publish(name_of("t"), 1);
  EXPECT_EQ(read_answer(poll).status, 200);
  EXPECT_EQ(WsClient::type_of(web_socket.message()), "event");

  const auto now = page();
  EXPECT_EQ(now.at(R"(tidemark_deliveries_total{transport="websocket"})"), 6);
  EXPECT_EQ(now.at(R"(tidemark_deliveries_total{transport="http"})"), 5);
  EXPECT_EQ(now.at(R"(tidemark_deliveries_total{transport="long_poll"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_subscriptions{transport="long_poll"})"), 0);
  wait_for(R"(tidemark_deliveries_total{transport="sse"})", 6);
  for (const auto* transport : {"websocket", "sse", "http", "long_poll"}) {
    EXPECT_GT(now.at("tidemark_sent_bytes_total{transport=\"" + std::string(transport) + "\"}"), 10)
        << transport;
  }
}

TEST_F(MetricsTest, ConnectionsAndSubscriptionsAreThoseOfNow) {
  server.memory.requester.publish(name_of("t"), 1);
  server.memory.requester.publish(name_of("u"), 1);
  {
    WsClient client(port);
    client.ask(R"({"type":"subscribe","topic":"t"})");
    client.send(R"({"type":"subscribe","topic":"u"})");
    client.message();
    client.send(R"({"type":"subscribe","topic":"nothing"})");
    RawClient events(port);
    events.send(http_request("GET /v1/stream/t?offset=-1&live=sse"));
    events.read_until("\"upToDate\":true");
    wait_for(R"(tidemark_subscriptions{transport="websocket"})", 2);
    const auto now = page();
    EXPECT_EQ(now.at(R"(tidemark_connections{transport="websocket"})"), 1);
    EXPECT_EQ(now.at(R"(tidemark_connections{transport="sse"})"), 1);
    EXPECT_EQ(now.at(R"(tidemark_subscriptions{transport="sse"})"), 1);
    wait_for(R"(tidemark_cursors{place="ring"})", 3);
  }
  wait_for(R"(tidemark_connections{transport="websocket"})", 0);
  wait_for(R"(tidemark_connections{transport="sse"})", 0);
  const auto now = page();
  EXPECT_EQ(now.at(R"(tidemark_subscriptions{transport="websocket"})"), 0);
  EXPECT_EQ(now.at(R"(tidemark_subscriptions{transport="sse"})"), 0);
  wait_for(R"(tidemark_cursors{place="ring"})", 0);
}

TEST_F(MetricsTest, AReaderThatDoesNotReadIsSeenToBeBehind) {
  server.memory.requester.publish(name_of("t"), 1);
  WsClient client(port, {}, 4096);
  client.ask(R"({"type":"subscribe","topic":"t"})");
  // More than sockets hold between two processes.
  const std::string large(100'000, 'x');
  for (int i = 0; i < 100; ++i) {
    auto request = std::make_unique<storage::PublishRequest>(name_of("t"));
    request->events.resize(1);
    request->events[0].data = '"' + large + '"';
    ASSERT_FALSE(server.memory.requester.run(std::move(request))->error);
  }
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (value(R"(tidemark_cursor_lag_events{share="1"})") < 10) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
  }
}

TEST_F(MetricsTest, ColdReadsAndGapsAreCounted) {
  server.memory.requester.publish(name_of("t"), 300);
  for (int i = 0; i < 5; ++i) server.memory.requester.publish(name_of("t"), 300);
  server.memory.requester.trim(name_of("t"), Offset{3});
  WsClient client(port);
  client.send(R"({"type":"subscribe","topic":"t","after":{"offset":0},"on_gap":"earliest"})");
  client.expect("subscribed");
  client.expect("gap");
  while (WsClient::type_of(client.message()) != "caught_up") {
  }
  server.memory.requester.publish(name_of("t"), 1);
  client.expect("event");
  const auto now = page();
  EXPECT_GE(now.at(R"(tidemark_reads_total{place="cold"})"), 1);
  EXPECT_GE(now.at(R"(tidemark_reads_total{place="cache"})"), 1);
  EXPECT_GE(now.at(R"(tidemark_reads_total{place="ring"})"), 1);
  EXPECT_GE(now.at("tidemark_cold_reads_total"), 1);
  EXPECT_GT(now.at("tidemark_cold_read_bytes_total"), 100);
  EXPECT_GT(now.at("tidemark_cache_bytes"), 0);
  EXPECT_GT(now.at("tidemark_ring_bytes"), 0);
  EXPECT_EQ(now.at(R"(tidemark_gaps_total{cause="trimmed"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_trims_total{cause="trimmed"})"), 1);
  EXPECT_EQ(now.at("tidemark_trimmed_events_total"), 2);
}

TEST_F(MetricsTest, WhoIsTurnedAwayAtTheDoorIsCountedByTheLimit) {
  auto few = options();
  few.limits.connections = 2;
  server.server.apply(few);
  WsClient a(port);
  {
    WsClient b(port);
    RawClient refused(port);
    EXPECT_EQ(read_answer(refused).status, 503);
  }
  server.wait_for([](const ServerStats& s) { return s.connections == 1; });
  const auto now = page();
  EXPECT_EQ(now.at(R"(tidemark_refused_connections_total{limit="connections"})"), 1);
  EXPECT_EQ(now.at(R"(tidemark_refusals_total{code="too_many_connections"})"), 1);
  EXPECT_EQ(now.at("tidemark_connections_limit"), 2);
}

TEST_F(MetricsTest, TheProcessIsDescribed) {
  const auto now = page();
  EXPECT_GT(now.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(now.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(now.at("process_open_fds"), 3);
  EXPECT_GE(now.at("process_max_fds"), now.at("process_open_fds"));
  const auto age = static_cast<double>(std::time(nullptr)) - now.at("process_start_time_seconds");
  EXPECT_GE(age, -2);
  EXPECT_LT(age, 86'400);
}

// ---- readiness ----

TEST_F(MetricsTest, ABrokerIsReadyUnlessItsStoreRefusesWrites) {
  auto answer = get("/readyz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(boost::json::serialize(answer.json()), R"({"ready":true,"reasons":[],"warnings":[]})");
  server.memory.log.fail_recovery(Errc::storage_failed);
  server.memory.log.fail_next_write(Errc::storage_failed);
  EXPECT_EQ(ask(port, http_request("PUT /v1/topics/t", "{}")).status, 500);
  answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(boost::json::serialize(answer.json().at("reasons")), R"(["recovering"])");
  EXPECT_EQ(value("tidemark_store_failing"), 1);
  server.memory.log.fail_recovery(std::nullopt);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (get("/readyz").status != 200) ASSERT_LT(std::chrono::steady_clock::now(), end);
}

TEST_F(MetricsTest, HealthSaysWhatIsWrongAndForWhomItIsMeantInDetail) {
  EXPECT_EQ(boost::json::serialize(get("/healthz").json().at("problems")), "[]");
  server.memory.log.fail_recovery(Errc::disk_full);
  server.memory.log.fail_next_write(Errc::disk_full);
  const auto refused = ask(port, http_request("PUT /v1/topics/t", "{}"));
  EXPECT_EQ(refused.status, 507);
  EXPECT_EQ(refused.error(), "disk_full");
  const auto health = get("/healthz");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(health.json().at("status"), "failing");
  EXPECT_EQ(health.json().at("code"), "disk_full");
  EXPECT_EQ(boost::json::serialize(health.json().at("problems")), R"(["disk_full"])");
  const auto ready = get("/readyz");
  EXPECT_EQ(ready.status, 200) << "reading goes on";
  EXPECT_EQ(boost::json::serialize(ready.json().at("warnings")), R"(["disk_full"])");
  EXPECT_TRUE(ready.json().at("details").as_object().contains("disk_full"));
  EXPECT_EQ(value(R"(tidemark_problem{problem="disk_full"})"), 1);
  EXPECT_EQ(value(R"(tidemark_problems_total{problem="disk_full"})"), 1);
  EXPECT_EQ(value(R"(tidemark_problem{problem="recovering"})"), 0);
  server.memory.log.fail_recovery(std::nullopt);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (get("/healthz").status != 200) ASSERT_LT(std::chrono::steady_clock::now(), end);
}

TEST_F(MetricsTest, DamageThatAReaderMetIsToldByTopic) {
  storage::TopicMeta meta;
  meta.id = server.memory.log.next_topic_id();
  meta.name = "bad";
  meta.lineage = {{Epoch{1}, Offset{1}}};
  storage::CommitGroup group;
  group.topics = {meta};
  for (const std::uint64_t first : {1, 2, 3}) {
    group.batches.push_back({meta.id, Offset{first},
                             testing::batch_value(meta.id, Epoch{1}, Offset{first}, {}, {"[1]"})});
  }
  group.batches[1].value[45] ^= 1;
  ASSERT_TRUE(server.memory.log.commit(group, storage::Durability::synced));
  EXPECT_FALSE(get("/v1/topics/bad").json().as_object().contains("damaged"));
  for (const auto* path :
       {"/v1/stream/bad?offset=-1",
        "/v1/stream/bad?offset=0000000000000001_0000000000000001&on_gap=earliest"})
    static_cast<void>(get(path));
  EXPECT_EQ(boost::json::serialize(get("/v1/topics/bad").json().at("damaged")),
            R"([{"first":2,"last":2}])");
  const auto health = get("/healthz");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.json().at("damaged_topics"), 1);
  EXPECT_EQ(boost::json::serialize(get("/readyz").json().at("damaged")),
            R"([{"topic":"bad","events":[{"first":2,"last":2}]}])");
  EXPECT_EQ(value("tidemark_damaged_events"), 1);
}

TEST(ReadinessTest, AFullDiskIsAWarning) {
  storage::EventStoreOptions store;
  store.committer.limits.space.reserve = 100;
  store.committer.disk = [] { return storage::DiskSpace{.free = 99, .total = 1'000}; };
  TestServer server({}, std::move(store));
  const auto port = server.server.port();
  const auto answer = ask(port, http_request("GET /readyz"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(boost::json::serialize(answer.json().at("warnings")), R"(["disk_full"])");
  const auto refused =
      ask(port, http_request("POST /v1/topics/t/events", R"({"events":[{"data":1}]})",
                             "Content-Type: application/json\r\n"));
  EXPECT_EQ(refused.status, 507);
  EXPECT_EQ(refused.error(), "disk_full");
  EXPECT_THAT(std::string(refused.json().at("detail").as_string()), HasSubstr("are kept free"));
  const auto now = samples_of(ask(port, http_request("GET /metrics")).body);
  EXPECT_EQ(now.at("tidemark_disk_guard_refusing"), 1);
  EXPECT_EQ(now.at("tidemark_disk_guard_refusals_total"), 1);
  EXPECT_EQ(now.at("tidemark_disk_free_bytes"), 99);
  EXPECT_EQ(now.at("tidemark_disk_reserve_bytes"), 100);
}

TEST(ReadinessTest, ABrokerThatStopsIsNotReadyAndStillAnswers) {
  TestServer server;
  const auto port = server.server.port();
  // In the middle of a request a connection is not closed: it has come with the one before.
  const auto begin = [](RawClient& client, std::string_view path) {
    client.send(http_request("GET /healthz") + "GET " + std::string(path) +
                " HTTP/1.1\r\nHost: localhost\r\n");
    EXPECT_EQ(read_answer(client).status, 200);
  };
  RawClient ready(port);
  begin(ready, "/readyz");
  RawClient metrics(port);
  begin(metrics, "/metrics");
  RawClient quiet(port);
  quiet.send(http_request("GET /healthz"));
  EXPECT_EQ(read_answer(quiet).status, 200);
  std::thread stop([&] { server.server.stop(); });
  EXPECT_EQ(quiet.read_all(), "") << "closed: the broker is stopping";
  ready.send("\r\n");
  const auto answer = read_answer(ready);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(boost::json::serialize(answer.json().at("reasons")), R"(["draining"])");
  metrics.send("\r\n");
  EXPECT_THAT(read_answer(metrics).body, HasSubstr("\ntidemark_draining 1\n"));
  ready.close();
  metrics.close();
  stop.join();
}

}  // namespace
}  // namespace tidemark::broker
