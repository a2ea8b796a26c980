// Who appends to streams and reads them over HTTP in a measurement, and what they check.
// tools/: part of `tidemark bench`. Speaks the Durable Streams protocol, so that any server of it
// can be measured: ours, or another by --spawn or --server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "tools/bench_broker.hpp"
#include "tools/bench_events.hpp"
#include "tools/bench_histogram.hpp"
#include "tools/bench_http.hpp"
#include "tools/bench_loop.hpp"

namespace tidemark::tools::bench {

/// A stream of the server under measurement.
struct Stream {
  std::string path;
  StreamType type = StreamType::json;
  std::size_t size = 128;  ///< bytes of an event
};

/// Where a stream is read from: "-1" is its beginning, "now" its end.
[[nodiscard]] std::string read_target(const Stream& stream, std::string_view offset,
                                      std::string_view live = {});

/// One keep-alive connection. Answers come in the order of the requests. A server may close it
/// while it is idle.
class HttpPeer : public Peer, private AnswerReader::Sink {
 public:
  /// Connects and lets `loop` have it, unless that is so already. What was asked on the connection
  /// before is forgotten.
  void join(const Broker& broker, Loop& loop);
  void leave(Loop& loop);
  /// Queues a request; Loop::flush sends it, if take() is not just running.
  void ask(const HttpRequest& request);
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }

  std::size_t take(const char* bytes, std::size_t size) override;
  void closed() override;

 protected:
  void open(const std::string& host_and_port) override { host_ = host_and_port; }
  /// Throws BenchError with what the server says unless the status is one of these.
  void expect(const AnswerHead& head, std::initializer_list<unsigned> statuses) const;

  virtual void answer_begins(const AnswerHead& head) = 0;
  virtual void answer_bytes(std::string_view piece) = 0;
  virtual void answer_ends() = 0;
  /// The connection was closed before anything of an answer came: the request may have crossed with
  /// the end of an idle connection. True if it has been asked again, which only reads may be.
  virtual bool asks_again() { return false; }

 private:
  void head(const AnswerHead& head) final;
  void body(std::string_view piece) final { answer_bytes(piece); }
  void end() final;

  AnswerReader reader_;
  std::string host_;
  std::string last_target_;
  std::size_t unanswered_ = 0;
  bool joined_ = false;
  bool answering_ = false;  ///< an answer has begun and not ended
};

/// Asks one thing at a time and keeps the answer.
class Asker final : public HttpPeer {
 public:
  struct Answer {
    unsigned status = 0;
    std::string next_offset;
    std::string body;
  };

  Asker(const Broker& broker, Loop& loop) : broker_(broker), loop_(loop) {}

  /// The next question goes over a new connection: a server may be about to close an old one.
  void renew();
  /// Turns the loop until the answer is there. Throws BenchError if it does not come, or its status
  /// is 400 or more.
  const Answer& ask_now(const HttpRequest& request);

 private:
  void answer_begins(const AnswerHead& head) override;
  void answer_bytes(std::string_view piece) override { answer_.body.append(piece); }
  void answer_ends() override {}

  const Broker& broker_;
  Loop& loop_;
  Answer answer_;
};

/// Creates a stream with a name that is in use nowhere else on this server.
[[nodiscard]] Stream create_stream(Broker& broker, StreamType type, std::size_t size);

/// Appends numbered events, one request in flight at a time: those of one lane (see EventBody).
class Appender final : public HttpPeer {
 public:
  /// What the appenders of a measurement have in common.
  struct Shared {
    const Stream& stream;
    std::size_t lanes = 1;
    std::uint64_t per_append = 1;
    std::uint64_t most = ~std::uint64_t{0};  ///< numbers below this one
    bool running = true;                     ///< else no request is begun
    std::uint64_t appends = 0;               ///< answered
    std::uint64_t events = 0;                ///< in them
    Histogram latency = {};
    Payloads payloads;
  };

  Appender(Shared& shared, std::size_t lane) : shared_(shared), next_(lane) {}

  /// Queues the next append if there is one to be made.
  void append();
  [[nodiscard]] bool idle() const { return unanswered() == 0; }

 private:
  void answer_begins(const AnswerHead& head) override;
  void answer_bytes(std::string_view) override {}
  void answer_ends() override;

  Shared& shared_;
  std::uint64_t next_;  ///< its lane's next number
  std::uint64_t sending_ = 0;
  std::int64_t sent_at_ = 0;
  std::string body_;
  std::string last_offset_;
};

/// Reads a stream from its beginning to its end, answer after answer.
class CatchupReader final : public HttpPeer {
 public:
  /// Done when it is told that it is up to date, with `events` then. `done` counts such readers.
  CatchupReader(const Stream& stream, std::size_t lanes, std::uint64_t events, std::size_t& done);

  /// Queues the first request; once.
  void begin();
  [[nodiscard]] std::uint64_t events() const { return body_.count(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t answers() const { return answers_; }

 private:
  void ask_next();
  void answer_begins(const AnswerHead& head) override;
  void answer_bytes(std::string_view piece) override;
  void answer_ends() override;

  const Stream& stream_;
  std::uint64_t wanted_;
  std::size_t& done_;
  EventBody body_;
  std::string offset_ = "-1";
  bool up_to_date_ = false;
  std::uint64_t bytes_ = 0;
  std::uint64_t answers_ = 0;
};

/// How a stream is filled: what a reader must know to check it.
struct Filling {
  std::uint64_t events = 0;
  std::size_t lanes = 1;
  std::uint64_t per_append = 1;
};

/// Appends so many events; `progress` is told how many are acknowledged.
void fill_stream(Broker& broker, const Stream& stream, const Filling& filling,
                 const std::function<void(std::uint64_t)>& progress = {});

/// Reads everything there is with one reader. Throws BenchError unless it is whole.
void check_stream(Broker& broker, const Stream& stream, std::size_t lanes, std::uint64_t events);

}  // namespace tidemark::tools::bench
