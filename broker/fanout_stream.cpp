// The layer under beast::websocket::stream through which shared, ready frames are sent.
// broker/: see fanout_stream.hpp.
#include "broker/fanout_stream.hpp"

#include <algorithm>

#include <boost/asio/error.hpp>

namespace tidemark::broker {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// What a client may have sent and we have read, but not looked at yet.
constexpr std::size_t kReadAhead = std::size_t{64} << 10;
constexpr unsigned kCloseOpcode = 8;

}  // namespace

FanoutStream::~FanoutStream() = default;

FanoutStream::Sent FanoutStream::send_run(std::string_view frames) {
  run_ = frames;
  if (!pump_run()) return dead_ ? Sent::failed : Sent::parked;
  return Sent::whole;
}

void FanoutStream::admit(std::unique_ptr<BeastWrite> write) {
  if (dead_) return write->done->complete(asio::error::operation_aborted, 0);
  if (write->count == 0) return write->done->complete({}, 0);
  write_ = std::move(write);
  // With a run in flight its own wait goes on with what is parked here.
  if (run_.empty() && !waiting_) pump();
}

/// Sends what can be sent, the run first: it began at a boundary and ends at one.
void FanoutStream::pump() {
  const bool was_free = free();
  if (!pump_run() || !pump_last_run()) return;
  if (write_ && !pump_write()) return;
  if (!was_free && free() && owner_ != nullptr) owner_->stream_free();
}

/// True if no run is left.
bool FanoutStream::pump_run() {
  while (!run_.empty()) {
    const Transfer sent = transport_.send(run_);
    if (!sent.moved()) {
      sent.blocked() ? wait() : fail();
      return false;
    }
    run_.remove_prefix(sent.bytes);
    sent_bytes_ += sent.bytes;
  }
  return true;
}

/// True unless something goes before Beast's close that has not gone yet. Nothing may follow it.
bool FanoutStream::pump_last_run() {
  if (!write_ || !framing_ || owner_ == nullptr || !tracker_.at_boundary()) return true;
  const auto first = *static_cast<const unsigned char*>(write_->pieces.front().data());
  if ((first & 0x0fU) != kCloseOpcode) return true;
  run_ = owner_->before_close();
  return pump_run();
}

/// True if Beast has no write left: it is told of what went, even if only a part did.
bool FanoutStream::pump_write() {
  std::array<iovec, kMaxPieces> pieces{};
  for (std::size_t i = 0; i < write_->count; ++i) {
    const auto& piece = write_->pieces.at(i);
    pieces.at(i) = {const_cast<void*>(piece.data()), piece.size()};  // NOLINT: sendmsg's interface
  }
  const Transfer sent = transport_.send(std::span(pieces).first(write_->count));
  if (sent.blocked()) {
    wait();
    return false;
  }
  const auto write = std::move(write_);
  if (!sent.moved()) {
    write->done->complete(sent.error_code(), 0);
    fail();
    return false;
  }
  auto left = sent.bytes;
  sent_bytes_ += left;
  write->done->complete({}, left);
  for (std::size_t i = 0; framing_ && i < write->count && left > 0; ++i) {
    const auto& piece = write->pieces.at(i);
    const std::size_t step = std::min(left, piece.size());
    tracker_.pass(static_cast<const char*>(piece.data()), step);
    left -= step;
  }
  return true;
}

void FanoutStream::wait() {
  if (waiting_) return;
  waiting_ = true;
  transport_.wait(Ready::to_send, [this, keep = keep_alive()](error_code error) { waited(error); });
}

void FanoutStream::waited(error_code error) {
  waiting_ = false;
  if (error || dead_) return fail();
  pump();
}

/// Beast's write must end too, or its close would never complete.
void FanoutStream::fail() {
  const bool was_dead = std::exchange(dead_, true);
  run_ = {};
  if (auto write = std::move(write_)) write->done->complete(asio::error::operation_aborted, 0);
  if (!was_dead && owner_ != nullptr) owner_->stream_failed();
}

void FanoutStream::abort() {
  dead_ = true;
  transport_.close();
  fail();
}

/// Takes what has come, if it has something: Beast reads 1,536 bytes at a time, so a client
/// that publishes as fast as it can would cost a system call for every seven of its messages.
bool FanoutStream::read_ahead() {
  thread_local std::array<char, kReadAhead> bytes;
  const Transfer got = transport_.receive(bytes);
  // The end and errors are Beast's to find.
  if (!got.moved()) return false;
  stash_.assign(bytes.data(), got.bytes);
  return true;
}

void FanoutStream::take_from_stash(std::size_t count) {
  stash_at_ += count;
  if (stash_at_ < stash_.size()) return;
  stash_ = {};  // gives its memory back
  stash_at_ = 0;
}

// ---- teardown ----

void teardown(boost::beast::role_type, FanoutStream& stream, error_code& error) {
  error = stream.transport_.end_sending(stream.keep_alive());
  stream.abort();
}

void FanoutStream::start_teardown(std::unique_ptr<Completion> done) {
  if (const auto error = transport_.end_sending(keep_alive())) return done->complete(error, 0);
  teardown_ = std::move(done);
  drop_incoming(std::size_t{1} << 20);
}

/// The peer's time is the owner's to limit: abort() ends the wait.
void FanoutStream::drop_incoming(std::size_t budget) {
  transport_.wait(Ready::to_receive, [this, keep = keep_alive(), budget](error_code error) {
    std::array<char, 16384> bytes;  // NOLINT: filled by receive
    // One read per turn: a peer that never stops sending must not hold the thread.
    if (!error) {
      const Transfer got = transport_.receive(bytes);
      const bool more = got.blocked() || got.moved();
      if (more && got.bytes < budget) return drop_incoming(budget - got.bytes);
    }
    auto done = std::move(teardown_);
    abort();
    done->complete(error, 0);
  });
}

}  // namespace tidemark::broker
