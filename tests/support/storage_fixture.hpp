// Small builders that storage and broker tests share.
// tests/: topics, batches and stores with few words.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types.hpp"
#include "storage/committer.hpp"
#include "storage/event_store.hpp"
#include "storage/record_batch.hpp"
#include "storage/topic.hpp"

namespace tidemark::testing {

inline TopicName topic_name(std::string_view text) { return TopicName::parse(text).value(); }

inline NewEvent text_event(std::string data) {
  NewEvent event;
  event.data = std::move(data);
  return event;
}

/// A stored batch of events with these payloads.
inline std::string batch_value(storage::TopicId topic, Epoch epoch, Offset first, Timestamp time,
                               const std::vector<std::string>& payloads,
                               std::uint64_t bytes_before = 0) {
  storage::BatchBuilder builder;
  for (const auto& payload : payloads) builder.add(text_event(payload));
  return builder.finish(
      topic,
      {.epoch = epoch, .first = first, .count = 0, .time = time, .bytes_before = bytes_before});
}

/// Lets a test wait for requests: an observer that fulfils a promise per request.
class Waiting : public storage::CommitObserver {
 public:
  explicit Waiting(storage::EventStore& store) : store_(store) { store_.add_observer(*this); }
  ~Waiting() override { store_.remove_observer(*this); }

  /// Submits and waits; the request comes back with its outcome.
  template <class R>
  std::unique_ptr<R> run(std::unique_ptr<R> request) {
    auto done = start(std::move(request));
    std::unique_ptr<storage::Request> back = done.get();
    return std::unique_ptr<R>(static_cast<R*>(back.release()));
  }

  std::future<std::unique_ptr<storage::Request>> start(std::unique_ptr<storage::Request> request) {
    request->observer = this;
    std::promise<std::unique_ptr<storage::Request>> promise;
    auto future = promise.get_future();
    const storage::Request* const key = request.get();
    {
      const std::lock_guard lock(mutex_);
      promises_.emplace_back(key, std::move(promise));
    }
    if (auto submitted = store_.submit(request); !submitted) {
      request->error = submitted.errc();
      finish(std::move(request));
    }
    return future;
  }

  void committed(std::vector<std::unique_ptr<storage::Request>> done,
                 std::span<const std::shared_ptr<storage::Topic>>) override {
    for (auto& request : done) finish(std::move(request));
  }

 private:
  void finish(std::unique_ptr<storage::Request> request) {
    const std::lock_guard lock(mutex_);
    for (auto it = promises_.begin(); it != promises_.end(); ++it) {
      if (it->first != request.get()) continue;
      it->second.set_value(std::move(request));
      promises_.erase(it);
      return;
    }
  }

  storage::EventStore& store_;
  std::mutex mutex_;
  std::vector<std::pair<const storage::Request*, std::promise<std::unique_ptr<storage::Request>>>>
      promises_;
};

inline std::unique_ptr<storage::PublishRequest> publish_of(std::string_view topic,
                                                           const std::vector<std::string>& data,
                                                           std::string content_type = {}) {
  auto request = std::make_unique<storage::PublishRequest>(topic_name(topic));
  for (const auto& each : data) request->events.push_back(text_event(each));
  request->content_type = std::move(content_type);
  return request;
}

}  // namespace tidemark::testing
