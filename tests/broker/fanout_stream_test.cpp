// Runs of frames and Beast's own frames on one socket: never one inside the other.
// tests/: broker/fanout_stream, over real loopback sockets and one thread, plain and by TLS.
#include "broker/fanout_stream.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <iostream>
#include <optional>
#include <random>

#include <boost/beast/websocket.hpp>
#include <gtest/gtest.h>

#include "broker/net/tls_context.hpp"
#include "protocol/frames.hpp"
#include "tests/broker/net_fixture.hpp"
#include "tests/broker/tls_relay.hpp"
#include "tests/support/certificates.hpp"

namespace tidemark::broker {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using Stream = websocket::stream<FanoutStream, false>;

/// Whole server frames with these payloads.
std::string frames(const std::vector<std::string>& payloads) {
  std::string out;
  for (const auto& payload : payloads) {
    char head[kMaxFrameHeader];
    out.append(head, write_frame_header(WireForm::json, payload.size(), head));
    out += payload;
  }
  return out;
}

/// A server's stream and a raw client at its other end; with the parameter, and TLS between them.
class FanoutStreamTest : public testing::TestWithParam<bool>, public FanoutStream::Owner {
 protected:
  void connect(int receive_buffer = 0, std::string_view behind = {}) {
    asio::ip::tcp::acceptor acceptor(io_, {asio::ip::address_v4::loopback(), 0});
    auto port = acceptor.local_endpoint().port();
    std::optional<TlsContext> tls;
    if (GetParam()) {
      const auto [certificate, key] = certificates_.emplace().make("broker");
      tls.emplace(TlsOptions{certificate, key});
      relay_ = std::make_unique<TlsRelay>(port, certificates_->authority());
      port = relay_->port();
    }
    client_ = std::make_unique<RawClient>(port, receive_buffer);
    Socket socket(io_.get_executor());
    acceptor.accept(socket);
    socket.set_option(asio::ip::tcp::no_delay(true));
    socket.set_option(asio::socket_base::send_buffer_size(16384));
    const int descriptor = socket.native_handle();
    Transport transport(std::move(socket), tls ? tls->open(descriptor) : nullptr);
    if (tls) shake_hands(transport);
    ws_ = std::make_unique<Stream>(std::move(transport));
    stream().set_owner(*this);
    stream().give_back(behind);
    ws_->auto_fragment(false);
    request_.version(11);
    request_.method(boost::beast::http::verb::get);
    request_.target("/");
    request_.set("Host", "localhost");
    request_.set("Connection", "Upgrade");
    request_.set("Upgrade", "websocket");
    request_.set("Sec-WebSocket-Version", "13");
    request_.set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    bool accepted = false;
    ws_->async_accept(request_, [&](error_code error) {
      ASSERT_FALSE(error) << error.message();
      stream().begin_frames();
      accepted = true;
    });
    run_until([&] { return accepted; });
    client_->read_until("\r\n\r\n");
  }

  void shake_hands(Transport& transport) {
    for (;;) {
      const auto shaken = transport.tls()->shake_hands();
      if (shaken.moved()) return;
      ASSERT_TRUE(shaken.blocked()) << transport.tls()->why();
      bool ready = false;
      transport.wait(Ready::to_receive, [&](error_code) { ready = true; });
      run_until([&] { return ready; });
    }
  }

  FanoutStream& stream() { return ws_->next_layer(); }

  template <class Condition>
  void run_until(const Condition& condition) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("waited in vain");
    }
  }
  void turn() {
    io_.restart();
    io_.poll();
  }

  void read() {
    ws_->async_read_some(asio::buffer(buffer_), [this](error_code error, std::size_t bytes) {
      if (error) {
        read_error_ = error;
        return;
      }
      read_.append(buffer_.data(), bytes);
      read();
    });
  }

  /// Takes what the client has got so far without waiting.
  void client_takes(std::vector<Frame>& got, std::size_t at_most = std::size_t{1} << 20) {
    while (at_most > 0) {
      std::array<char, 65536> bytes;  // NOLINT: filled by recv
      const ssize_t count = client_->take(bytes.data(), std::min(at_most, bytes.size()));
      if (count <= 0) break;
      client_->in.append(bytes.data(), static_cast<std::size_t>(count));
      at_most -= static_cast<std::size_t>(count);
    }
    while (auto frame = take_frame(client_->in)) got.push_back(std::move(*frame));
  }

  /// Sends a run again and again until it parks.
  void fill(std::string run) {
    run_ = std::move(run);
    for (;;) {
      const auto sent = stream().send_run(run_);
      if (sent == FanoutStream::Sent::parked) return;
      if (sent == FanoutStream::Sent::failed) throw std::runtime_error("failed");
    }
  }

  void stream_free() override { ++freed_; }
  void stream_failed() override { ++failed_; }
  std::string_view before_close() override { return last_ = std::exchange(before_close_, {}); }
  std::shared_ptr<void> keep_alive() override { return nullptr; }

  asio::io_context io_{1};
  std::optional<Certificates> certificates_;
  std::unique_ptr<TlsRelay> relay_;
  std::unique_ptr<RawClient> client_;
  boost::beast::http::request<boost::beast::http::string_body> request_;
  std::unique_ptr<Stream> ws_;
  std::string run_;  // outlives the stream that sends it
  std::string before_close_;
  std::string last_;  // what was before_close_, being sent
  std::array<char, 65536> buffer_{};
  std::string read_;
  error_code read_error_;
  int freed_ = 0;
  int failed_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Over, FanoutStreamTest, testing::Bool(),
                         [](const auto& with) { return with.param ? "Tls" : "Plain"; });

TEST(FrameTracker, FollowsFramesCutAnywhere) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  const std::vector<std::size_t> sizes{0, 1, 125, 126, 127, 65535, 65536, 300'000};
  for (int round = 0; round < 20; ++round) {
    FrameTracker tracker;
    for (int i = 0; i < 10; ++i) {
      const auto size = sizes[random() % sizes.size()];
      const bool masked = random() % 2 == 0;
      const auto frame = masked ? masked_frame(opcode::binary, std::string(size, 'x'))
                                : frames({std::string(size, 'x')});
      std::size_t at = 0;
      while (at < frame.size()) {
        EXPECT_EQ(tracker.at_boundary(), at == 0);
        const auto step = std::min<std::size_t>(1 + random() % 70'000, frame.size() - at);
        tracker.pass(frame.data() + at, step);
        at += step;
      }
      EXPECT_TRUE(tracker.at_boundary());
      EXPECT_FALSE(tracker.seen_close());
    }
    tracker.pass("\x88", 1);
    EXPECT_TRUE(tracker.seen_close());
  }
}

TEST_P(FanoutStreamTest, RunsArriveWholeAndInOrder) {
  connect();
  std::vector<Frame> got;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream().free());
    const auto run = frames({std::to_string(2 * i), std::to_string(2 * i + 1)});
    ASSERT_EQ(stream().send_run(run), FanoutStream::Sent::whole);
    // How many small writes a socket takes ahead is the kernel's affair, and changes with its mood.
    while (got.size() < 2 * static_cast<std::size_t>(i) + 2) client_takes(got);
  }
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].payload, std::to_string(i));
  EXPECT_EQ(freed_, 0) << "the sender has not been kept waiting";
}

TEST_P(FanoutStreamTest, AParkedRunGoesOnAndTheOwnerIsTold) {
  connect(4096);
  fill(frames({std::string(200'000, 'a'), std::string(10, 'b')}));
  EXPECT_FALSE(stream().free());
  EXPECT_TRUE(stream().blocked());
  // Its bytes may be moved while it waits.
  std::string copy(stream().rest());
  stream().move_rest(copy.data());
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got);
    return stream().free();
  });
  EXPECT_EQ(freed_, 1);
  run_until([&] {
    client_takes(got);
    return !got.empty() && got.back().payload.size() == 10;
  });
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].payload.size(), i % 2 == 0 ? 200'000U : 10U);
  }
}

TEST_P(FanoutStreamTest, APongWaitsForTheEndOfTheRun) {
  connect(4096);
  read();
  fill(frames({std::string(300'000, 'a'), "end"}));
  client_->send(masked_frame(opcode::ping, "hello"));
  for (int i = 0; i < 100; ++i) turn();
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got, 5000);
    return !got.empty() && got.back().opcode == opcode::pong;
  });
  EXPECT_EQ(got.back().payload, "hello");
  EXPECT_EQ(got[got.size() - 2].payload, "end");
  EXPECT_TRUE(stream().free());
}

TEST_P(FanoutStreamTest, ALargeFrameOfBeastIsNotCutByARun) {
  connect(4096);
  const std::string large(300'000, 'L');
  bool written = false;
  ws_->async_write(asio::buffer(large), [&](error_code error, std::size_t) {
    EXPECT_FALSE(error) << error.message();
    written = true;
  });
  turn();
  EXPECT_FALSE(stream().free()) << "Beast is in the middle of a frame";
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got);
    return stream().free();
  });
  EXPECT_GE(freed_, 1) << "who waited must be told, or waits until the next event";
  EXPECT_EQ(stream().send_run(frames({"after"})), FanoutStream::Sent::whole);
  run_until([&] {
    client_takes(got);
    return got.size() == 2;
  });
  EXPECT_EQ(got[0].payload, large);
  EXPECT_EQ(got[1].payload, "after");
  run_until([&] { return written; });
}

TEST_P(FanoutStreamTest, FloodWithPingsAndLargeRepliesToAFuzzingReaderStaysInFrames) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::cout << "seed " << seed << '\n';
  std::minstd_rand random(seed);
  connect(8192);
  read();
  std::uint64_t sent = 0;
  std::string run;
  std::string large;
  bool writing = false;
  int larges = 0;
  int pings = 0;
  std::vector<Frame> got;
  constexpr std::uint64_t kEvents = 20'000;
  constexpr int kPings = 3'000;  // else a slow machine is flooded with nothing else
  const auto all_there = [&] {
    std::uint64_t events = 0;
    int pongs = 0;
    int replies = 0;
    for (const auto& frame : got) {
      if (frame.opcode == opcode::pong) {
        ++pongs;
      } else if (frame.payload.starts_with("L")) {
        ++replies;
      } else {
        ++events;
      }
    }
    return events == sent && pongs == pings && replies == larges;
  };
  while (sent < kEvents || writing || !all_there()) {
    if (sent < kEvents && stream().free()) {
      std::vector<std::string> payloads;
      for (auto n = 1 + random() % 100; n > 0 && sent < kEvents; --n) {
        payloads.push_back(std::to_string(sent++) + ' ' + std::string(random() % 300, '.'));
      }
      run = frames(payloads);
      stream().send_run(run);
    }
    if (sent < kEvents && !writing && random() % 8 == 0) {
      writing = true;
      ++larges;
      large = "L" + std::string(random() % 300'000, 'l');
      ws_->async_write(asio::buffer(large), [&](error_code error, std::size_t) {
        ASSERT_FALSE(error) << error.message();
        writing = false;
      });
    }
    if (sent < kEvents && pings < kPings && random() % 5 == 0) {
      client_->send(masked_frame(opcode::ping, std::to_string(pings++)));
    }
    turn();
    client_takes(got, random() % 30'000);
  }
  std::uint64_t next = 0;
  int pong = 0;
  for (const auto& frame : got) {
    if (frame.opcode == opcode::pong) {
      EXPECT_EQ(frame.payload, std::to_string(pong++));
    } else if (!frame.payload.starts_with("L")) {
      ASSERT_EQ(std::stoull(frame.payload), next++);
    }
  }
  EXPECT_EQ(next, kEvents);
  EXPECT_GT(pings, 10);
  EXPECT_GT(larges, 10);
}

TEST_P(FanoutStreamTest, NoRunFollowsACloseFrame) {
  connect();
  bool closed = false;
  ws_->async_close(websocket::close_code::normal, [&](error_code) { closed = true; });
  turn();
  EXPECT_TRUE(stream().closing());
  EXPECT_FALSE(stream().free());
  client_->send(masked_frame(opcode::close, "\x03\xe8"));
  client_->half_close();
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got);
    return closed && !got.empty();
  });
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].opcode, opcode::close);
}

TEST_P(FanoutStreamTest, ThePeersCloseIsAnsweredBehindTheRun) {
  connect(4096);
  read();
  fill(frames({std::string(300'000, 'a')}));
  client_->send(masked_frame(opcode::close, "\x03\xe8"));
  for (int i = 0; i < 100; ++i) turn();
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got);
    return !got.empty() && got.back().opcode == opcode::close;
  });
  for (std::size_t i = 0; i + 1 < got.size(); ++i) EXPECT_EQ(got[i].payload.size(), 300'000U);
  client_->close();
  run_until([&] { return bool(read_error_); });
  EXPECT_EQ(read_error_, websocket::error::closed);
  EXPECT_FALSE(stream().free());
}

TEST_P(FanoutStreamTest, WhatIsToGoBeforeACloseGoesBehindTheRunInFlight) {
  connect(4096);
  read();
  fill(frames({std::string(300'000, 'a')}));
  before_close_ = frames({std::string(300'000, 'b'), "c"});
  client_->send(masked_frame(opcode::ping, "p") + masked_frame(opcode::close, "\x03\xe8"));
  std::vector<Frame> got;
  run_until([&] {
    client_takes(got);
    return !got.empty() && got.back().opcode == opcode::close;
  });
  ASSERT_GE(got.size(), 4U);
  const auto* const last = &got[got.size() - 4];
  EXPECT_EQ(last[0].opcode, opcode::pong) << "only a close is preceded by it";
  EXPECT_EQ(last[1].payload, std::string(300'000, 'b'));
  EXPECT_EQ(last[2].payload, "c");
  client_->close();
  run_until([&] { return bool(read_error_); });
  EXPECT_EQ(read_error_, websocket::error::closed);
}

TEST_P(FanoutStreamTest, ACloseBehindAStalledRunFailsWhenTheStreamIsAborted) {
  connect(4096);
  fill(frames({std::string(300'000, 'a')}));
  std::optional<error_code> closed;
  ws_->async_close(websocket::close_code::normal, [&](error_code error) { closed = error; });
  for (int i = 0; i < 100; ++i) turn();
  EXPECT_FALSE(closed);
  stream().abort();
  run_until([&] { return closed.has_value(); });
  EXPECT_EQ(*closed, asio::error::operation_aborted);
  EXPECT_FALSE(stream().free());
}

TEST_P(FanoutStreamTest, ACloseBehindAStalledRunFailsWhenTheSocketIsClosedUnderneath) {
  connect(4096);
  fill(frames({std::string(300'000, 'a')}));
  std::optional<error_code> closed;
  ws_->async_close(websocket::close_code::normal, [&](error_code error) { closed = error; });
  turn();
  stream().next_layer().close();
  run_until([&] { return closed.has_value(); });
  EXPECT_EQ(*closed, asio::error::operation_aborted);
  EXPECT_EQ(failed_, 1);
}

TEST_P(FanoutStreamTest, AResetOfThePeerFailsTheRunInFlight) {
  connect(4096);
  fill(frames({std::string(300'000, 'a')}));
  client_->reset();
  run_until([&] { return failed_ == 1; });
  EXPECT_TRUE(stream().rest().empty());
  EXPECT_FALSE(stream().free());
}

TEST_P(FanoutStreamTest, BytesBehindTheUpgradeAreReadFirst) {
  connect(0, masked_frame(opcode::text, "first") + masked_frame(opcode::text, "second"));
  read();
  client_->send(masked_frame(opcode::text, "third"));
  run_until([&] { return read_.size() >= 16; });
  EXPECT_EQ(read_, "firstsecondthird");
}

TEST_P(FanoutStreamTest, TeardownEndsThoughThePeerNeverStopsSending) {
  connect();
  read();
  client_->send(masked_frame(opcode::close, "\x03\xe8"));
  const std::string noise(65536, 'n');
  run_until([&] {
    client_->try_send(noise);
    return bool(read_error_);
  });
}

TEST_P(FanoutStreamTest, TeardownOfASilentPeerEndsWithAbort) {
  connect();
  read();
  client_->send(masked_frame(opcode::close, "\x03\xe8"));
  for (int i = 0; i < 200; ++i) turn();
  EXPECT_FALSE(read_error_) << "the peer has neither sent nor closed";
  stream().abort();
  run_until([&] { return bool(read_error_); });
}

}  // namespace
}  // namespace tidemark::broker
