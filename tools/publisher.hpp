// Publishing a stream of batches with many in flight, and counting what came of them.
// tools/: below `tidemark pub`; blocking, with the client on a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "protocol/client/client.hpp"

namespace tidemark::tools {

/// What has come of everything so far.
struct Tally {
  std::uint64_t events = 0;      ///< confirmed
  std::uint64_t duplicates = 0;  ///< of them, there already
  Offset first;                  ///< lowest offset told; 0: none
  Offset last;
  Epoch epoch;
  std::uint64_t in_flight = 0;  ///< batches
};

struct Rejected {
  client::Refusal refusal;
  std::uint64_t first_line = 0;  ///< 0: no lines
  std::uint64_t events = 0;
};

struct Batch {
  std::vector<NewEvent> events;
  std::optional<ProducerStamp> producer;
  std::optional<Offset> expected_last;
  std::uint64_t first_line = 0;
};

/// Threads: one, apart from its own.
class Publisher {
 public:
  Publisher(client::ClientOptions options, std::string topic, client::milliseconds timeout);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// The first try to connect.
  [[nodiscard]] client::Reply<void> connect();
  /// The content type told with every batch from now on; empty: none.
  void set_content_type(std::string content_type) { content_type_ = std::move(content_type); }

  /// Publishes and waits for the answer. Nothing if interrupted.
  [[nodiscard]] std::optional<client::Reply<client::PublishReceipt>> publish(const Batch& batch);
  /// Publishes without waiting, but for room. False if it was interrupted, or an earlier batch has
  /// been rejected: then nothing more should be sent.
  [[nodiscard]] bool send(Batch batch);
  /// Waits until everything is answered. `tick` is called now and then; it returns false to give
  /// up.
  [[nodiscard]] bool wait(const std::function<bool()>& tick);
  /// Ends the connection; what is unanswered is given up.
  void close();

  [[nodiscard]] Tally tally() const;
  /// The first that was rejected.
  [[nodiscard]] std::optional<Rejected> rejected() const;
  /// Counts a confirmed batch.
  void count(const client::PublishReceipt& receipt, std::uint64_t events);

 private:
  [[nodiscard]] client::PublishOptions options_for(const Batch& batch) const;
  void answered(client::Reply<client::PublishReceipt> reply, std::uint64_t first_line,
                std::uint64_t events);

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::string topic_;
  client::milliseconds timeout_;
  std::string content_type_;
  client::Client client_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Tally tally_;
  std::optional<Rejected> rejected_;
  std::thread thread_;
};

}  // namespace tidemark::tools
