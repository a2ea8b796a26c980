// Backups over HTTP: made under load, listed, removed, and served by another broker afterwards.
// tests/: broker/backup_routes, over real sockets and a real store.
#include "broker/backup_routes.hpp"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/access_fixture.hpp"
#include "tests/broker/copied_log.hpp"

namespace tidemark::broker {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ServerOptions with_backups(ServerOptions options, const fs::path& folder) {
  options.port = 0;
  options.backups = folder;
  return options;
}

/// A broker on a directory.
struct DiskBroker {
  explicit DiskBroker(const fs::path& data, ServerOptions options = {})
      : store(storage::EventStore::open(data, {}).value()),
        requester(*store),
        hub(*store, {}),
        server(hub, with_backups(std::move(options), data / "backups")) {}

  HttpAnswer send(std::string_view line, std::string_view body = {},
                  std::string_view headers = {}) const {
    return ask(server.port(), http_request(line, body, headers));
  }

  std::unique_ptr<storage::EventStore> store;
  Requester requester;
  Hub hub;
  Server server;
};

class BackupRoutes : public testing::Test {
 protected:
  /// Names of a listing.
  [[nodiscard]] std::vector<std::string> listed() const {
    std::vector<std::string> out;
    const auto body = broker_->send("GET /v1/backups").json();
    for (const auto& backup : body.at("backups").as_array()) {
      out.emplace_back(backup.at("name").as_string());
    }
    return out;
  }
  TempDir directory_;
  std::unique_ptr<DiskBroker> broker_ = std::make_unique<DiskBroker>(directory_.path() / "data");
};

TEST_F(BackupRoutes, OneIsMadeAndDescribed) {
  broker_->requester.publish(name_of("t"), 10);
  const auto made = broker_->send("POST /v1/backups", R"({"name":"before-upgrade"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto backup = made.json();
  EXPECT_EQ(backup.at("name").as_string(), "before-upgrade");
  EXPECT_EQ(number(backup, "topics"), 1);
  EXPECT_GT(number(backup, "bytes"), 0);
  EXPECT_THAT(std::string(backup.at("created").as_string()), testing::EndsWith("Z"));
  const fs::path path(std::string(backup.at("path").as_string()));
  EXPECT_EQ(path, directory_.path() / "data" / "backups" / "before-upgrade");
  EXPECT_TRUE(fs::exists(path / "HEAD"));
  const auto list = broker_->send("GET /v1/backups").json();
  EXPECT_EQ(list.at("backups").as_array(), boost::json::array{backup});
}

TEST_F(BackupRoutes, WithoutANameItIsCalledByTheTime) {
  const auto made = broker_->send("POST /v1/backups");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(std::string(made.json().at("name").as_string()),
              testing::MatchesRegex("20[0-9]{6}T[0-9]{6}Z"));
}

TEST_F(BackupRoutes, NoneIsReplaced) {
  EXPECT_EQ(broker_->send("POST /v1/backups", R"({"name":"a"})").status, 201);
  const auto again = broker_->send("POST /v1/backups", R"({"name":"a"})");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.error(), "backup_exists");
}

TEST_F(BackupRoutes, OneIsRemovedByItsName) {
  broker_->send("POST /v1/backups", R"({"name":"a"})");
  broker_->send("POST /v1/backups", R"({"name":"b"})");
  EXPECT_EQ(broker_->send("DELETE /v1/backups?name=a").status, 204);
  EXPECT_THAT(listed(), ElementsAre("b"));
  const auto gone = broker_->send("DELETE /v1/backups?name=a");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.error(), "not_found");
}

TEST_F(BackupRoutes, WhatIsNoRequestOfOneIsRefused) {
  for (const auto* body : {"[]", R"({"name":1})", R"({"name":""})", R"({"name":"../x"})",
                           R"({"name":".x"})", R"({"name":"a/b"})", R"({"nam":"a"})"}) {
    EXPECT_EQ(broker_->send("POST /v1/backups", body).error(), "malformed_message") << body;
  }
  for (const auto* query : {"", "?name=", "?name=..", "?name=a%2Fb", "?name=a&name=b", "?x=a"}) {
    EXPECT_EQ(broker_->send("DELETE /v1/backups" + std::string(query)).error(), "malformed_message")
        << query;
  }
  EXPECT_EQ(broker_->send("GET /v1/backups?limit=1").error(), "malformed_message");
  EXPECT_EQ(broker_->send("PUT /v1/backups").status, 405);
  EXPECT_THAT(listed(), IsEmpty());
}

TEST_F(BackupRoutes, TheFiguresOfTheStoreTellItsLevels) {
  broker_->requester.publish(name_of("t"), 10);
  broker_->send("POST /v1/backups");
  const auto stats = broker_->send("GET /v1/stats").json();
  EXPECT_EQ(number(stats, "topics"), 1);
  EXPECT_EQ(number(stats.at("commits"), "events"), 10);
  EXPECT_GT(number(stats.at("disk"), "free_bytes"), 0);
  EXPECT_GT(stats.at("write_amplification").to_number<double>(), 0);
  bool events = false;  // a backup writes what is only in memory to files
  for (const auto& level : stats.at("levels").as_array()) {
    if (level.at("family").as_string() == "events") events = number(level, "files") > 0;
  }
  EXPECT_TRUE(events);
}

TEST_F(BackupRoutes, MetricsTellOfThem) {
  broker_->send("POST /v1/backups", R"({"name":"a"})");
  broker_->send("POST /v1/backups", R"({"name":"a"})");
  const auto page = broker_->send("GET /metrics").body;
  EXPECT_THAT(page, AllOf(HasSubstr("\ntidemark_backups_total{outcome=\"made\"} 1\n"),
                          HasSubstr("\ntidemark_backups_total{outcome=\"failed\"} 0\n"),
                          HasSubstr("\ntidemark_backup_running 0\n"),
                          HasSubstr("\ntidemark_backup_seconds "),
                          HasSubstr("\ntidemark_backup_last_success_timestamp_seconds 1")));
}

/// The payloads of a topic, which are the numbers from 1 on: how many.
std::uint64_t count_events(storage::EventStore& store, const TopicName& name) {
  const auto topic = store.open_topic(name).value();
  Position at{.epoch = Epoch{}, .offset = Offset{}};
  while (true) {
    auto answer = store.read(*topic, at);
    if (answer.state == storage::ReadAnswer::State::cold) {
      EXPECT_TRUE(store.load(*topic, at.offset));
      continue;
    }
    if (answer.state != storage::ReadAnswer::State::events) break;
    const auto& slice = answer.slice;
    for (Offset offset = slice.offsets.first; offset < slice.offsets.end; offset = offset.next()) {
      EXPECT_EQ(slice.segment->event(offset).data, std::to_string(offset.value));
      at.offset = offset;
    }
  }
  return at.offset.value;
}

TEST_F(BackupRoutes, OneMadeUnderLoadHoldsAllThatWasAcknowledgedBefore) {
  const auto topic = name_of("t");
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    while (!stop) {
      const auto outcome = broker_->hub.publish(topic, numbers(acknowledged + 1, 7)).get();
      if (outcome.error) return ADD_FAILURE() << info(*outcome.error).name;
      acknowledged = outcome.position.offset.value;
    }
  });
  while (acknowledged < 500) std::this_thread::yield();
  const auto before = acknowledged.load();
  const auto made = broker_->send("POST /v1/backups", R"({"name":"a"})");
  // It goes on while it is made, and afterwards.
  const auto then = acknowledged.load();
  while (acknowledged < then + 100) std::this_thread::yield();
  stop = true;
  publisher.join();
  ASSERT_EQ(made.status, 201) << made.body;
  const auto epoch = broker_->store->open_topic(topic).value()->bounds().epoch;
  const Position ahead{.epoch = epoch, .offset = Offset{acknowledged.load()}};
  broker_.reset();

  const fs::path backup = directory_.path() / "data" / "backups" / "a";
  const fs::path restored = directory_.path() / "restored";
  fs::copy(backup, restored, fs::copy_options::recursive);
  DiskBroker second(restored);
  const auto found = count_events(*second.store, topic);
  EXPECT_GE(found, before);
  EXPECT_LT(found, ahead.offset.value);
  EXPECT_EQ(found % 7, 0U) << "a publish is in it as a whole";
  EXPECT_FALSE(fs::exists(restored / storage::kBackupFile)) << "it is no backup any more";

  // Whoever has seen more than it holds is told, also when it has grown beyond that.
  second.requester.publish(topic, ahead.offset.value);
  const auto opened = second.store->open_topic(topic).value();
  EXPECT_GT(opened->bounds().epoch, epoch);
  const auto answer = second.store->read(*opened, ahead);
  ASSERT_EQ(answer.state, storage::ReadAnswer::State::gap);
  EXPECT_EQ(answer.gap.cause, GapCause::epoch);
}

// ---- one at a time, and the end ----

class SlowBackup : public testing::Test {
 protected:
  TempDir directory_;
  std::unique_ptr<CopiedLog> made_log_ = std::make_unique<CopiedLog>();
  CopiedLog& log_ = *made_log_;
  MemoryStore memory_{std::move(made_log_), {}};
  Hub hub_{memory_.store, {}};
  Server server_{hub_, with_backups({}, directory_.path() / "backups")};
};

TEST_F(SlowBackup, HoldsUpNobody) {
  log_.gated = true;
  memory_.requester.publish(name_of("t"), 3);
  RawClient first(server_.port());
  first.send(http_request("POST /v1/backups", R"({"name":"a"})"));
  ASSERT_TRUE(log_.begun.try_acquire_for(kPatience));
  const auto second = ask(server_.port(), http_request("POST /v1/backups", R"({"name":"b"})"));
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(second.error(), "backup_running");
  EXPECT_EQ(ask(server_.port(), http_request("GET /v1/topics/t")).status, 200);
  memory_.requester.publish(name_of("t"), 3);
  log_.go.release();
  EXPECT_EQ(read_answer(first).status, 201);
}

TEST_F(SlowBackup, IsFinishedThoughItsClientHasGone) {
  log_.gated = true;
  {
    RawClient client(server_.port());
    client.send(http_request("POST /v1/backups", R"({"name":"a"})"));
    ASSERT_TRUE(log_.begun.try_acquire_for(kPatience));
    client.reset();
  }
  log_.go.release();
  server_.stop();
  hub_.stop();
  EXPECT_TRUE(fs::exists(directory_.path() / "backups" / "a" / storage::kBackupFile));
}

TEST_F(SlowBackup, WhyItFailedIsTold) {
  log_.fails = Errc::disk_full;
  const auto answer = ask(server_.port(), http_request("POST /v1/backups"));
  EXPECT_EQ(answer.status, 507);
  EXPECT_EQ(answer.error(), "disk_full");
  EXPECT_THAT(std::string(answer.json().at("detail").as_string()),
              HasSubstr((directory_.path() / "backups").string()));
  EXPECT_THAT(ask(server_.port(), http_request("GET /metrics")).body,
              HasSubstr("\ntidemark_backups_total{outcome=\"failed\"} 1\n"));
}

// ---- who may ----

TEST(BackupAccess, IsForWhoManagesAllTopics) {
  TempDir directory;
  TestAccess access;
  DiskBroker broker(directory.path() / "data", access.options());
  const auto status = [&](std::string_view line, const std::string& grants) {
    return broker.send(line, {}, TestAccess::bearer(access.token(grants))).status;
  };
  for (const auto* line : {"GET /v1/backups", "POST /v1/backups", "DELETE /v1/backups?name=a"}) {
    EXPECT_EQ(status(line, R"({"manage":["rooms/**"],"publish":["**"]})"), 403) << line;
    EXPECT_EQ(broker.send(line).status, 401) << line;
  }
  EXPECT_EQ(status("POST /v1/backups", R"({"manage":["**"]})"), 201);
}

TEST(BackupAccess, WithoutAccessIsForThisMachine) {
  TempDir directory;
  ServerOptions options;
  options.trusted_proxies = {"127.0.0.1"};
  DiskBroker broker(directory.path() / "data", options);
  constexpr std::string_view kFromAfar = "X-Forwarded-For: 203.0.113.1\r\n";
  for (const auto* line :
       {"GET /v1/backups", "POST /v1/backups", "DELETE /v1/backups?name=a", "GET /v1/stats"}) {
    EXPECT_EQ(broker.send(line, {}, kFromAfar).error(), "forbidden") << line;
  }
  EXPECT_FALSE(fs::exists(directory.path() / "data" / "backups"));
  EXPECT_EQ(broker.send("GET /v1/backups").status, 200);
}

TEST(BackupAccess, ABrokerWithoutAFolderMakesNone) {
  TestServer server;
  for (const auto* line : {"GET /v1/backups", "POST /v1/backups", "DELETE /v1/backups?name=a"}) {
    EXPECT_EQ(ask(server.port(), http_request(line)).error(), "not_found") << line;
  }
  EXPECT_EQ(ask(server.port(), http_request("GET /metrics")).body.find("tidemark_backup"),
            std::string::npos);
}

}  // namespace
}  // namespace tidemark::broker
