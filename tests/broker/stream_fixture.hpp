// A server whose topics are used as streams, by raw HTTP.
// tests/: what the tests of the stream routes and readers stand on.
#pragma once

#include <future>
#include <string>
#include <string_view>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/net_fixture.hpp"

namespace tidemark::broker {

/// The value of a header field of an answer; empty if it is not there.
inline std::string field_of(const HttpAnswer& answer, std::string_view name) {
  const std::string mark = "\r\n" + std::string(name) + ": ";
  const auto at = answer.head.find(mark);
  if (at == std::string::npos) return {};
  const auto begin = at + mark.size();
  return answer.head.substr(begin, answer.head.find("\r\n", begin) - begin);
}

class StreamTest : public testing::Test {
 protected:
  explicit StreamTest(ServerOptions options = {}, storage::EventStoreOptions store = {},
                      HubOptions hub = {})
      : server_(std::move(options), std::move(store), std::move(hub)) {}

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  HttpAnswer send(std::string_view method, std::string_view path, std::string_view headers = {},
                  std::string_view body = {}) const {
    RawClient client(port());
    client.send(
        http_request(std::string(method) + " /v1/stream/" + std::string(path), body, headers));
    return read_answer(client, method != "HEAD");
  }
  HttpAnswer put(std::string_view path, std::string_view type, std::string_view body = {}) const {
    return send("PUT", path, "Content-Type: " + std::string(type) + "\r\n", body);
  }
  HttpAnswer post(std::string_view path, std::string_view type, std::string_view body,
                  std::string_view headers = {}) const {
    return send("POST", path, "Content-Type: " + std::string(type) + "\r\n" + std::string(headers),
                body);
  }
  HttpAnswer get(std::string_view path, std::string_view headers = {}) const {
    return send("GET", path, headers);
  }
  /// A long-poll after `offset` that waits.
  std::unique_ptr<RawClient> poll(const std::string& offset, std::string_view headers = {}) {
    auto client = std::make_unique<RawClient>(port());
    client->send(http_request("GET /v1/stream/t?live=long-poll&offset=" + offset, {}, headers));
    wait_for_waited(1);
    return client;
  }
  static std::string next(const HttpAnswer& answer) {
    return field_of(answer, "Stream-Next-Offset");
  }
  static std::string code(const HttpAnswer& answer) { return answer.error(); }

  /// Runs on the shard's thread; for what may be looked at there only.
  template <class Work>
  auto on_shard(Work work) {
    std::packaged_task<decltype(work(server_.hub.shard(0)))()> task(
        [&] { return work(server_.hub.shard(0)); });
    auto result = task.get_future();
    boost::asio::post(server_.hub.shard(0).io(), [&task] { task(); });
    return result.get();
  }
  /// Waits until so many topics are waited for. They change without a sign, hence the polling.
  void wait_for_waited(std::size_t topics) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (on_shard([](Shard& shard) { return shard.waited_topics(); }) != topics) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain");
    }
  }

  /// Keeps everything that would be done on a reader thread waiting until it is destroyed.
  class HeldReaders {
   public:
    explicit HeldReaders(Hub& hub) {
      const auto released = release_.get_future().share();
      for (unsigned i = 0; i < HubOptions{}.reader_threads; ++i) {
        hub.shard(0).run_blocking([released] { released.wait(); }, [] {});
      }
    }
    ~HeldReaders() { release_.set_value(); }

   private:
    std::promise<void> release_;
  };

  TestServer server_;
};

}  // namespace tidemark::broker
