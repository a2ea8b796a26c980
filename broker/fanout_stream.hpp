// The layer under beast::websocket::stream through which shared, ready frames are sent.
// broker/: Beast keeps handshake, reading, pong and close; runs of frames enter between its frames.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <boost/system/error_code.hpp>

#include "broker/frame_tracker.hpp"
#include "broker/net/transport.hpp"

namespace tidemark::broker {

/// An AsyncStream over a transport. One writer at a time has the stream: a run of frames until its
/// last byte, or Beast from the first byte of a frame until its last. The other waits.
/// Threads: the transport's executor's. Not movable: Beast holds it in place.
class FanoutStream {
 public:
  using next_layer_type = Transport;
  using executor_type = Transport::executor_type;

  /// Who sends runs. The calls only take note; they may come from within any call of the stream.
  class Owner {
   public:
    /// A run may be sent; called whenever the stream becomes free other than by send_run itself.
    virtual void stream_free() = 0;
    /// Beast is about to begin a close frame, and no run is in flight: whole frames that are to go
    /// before it, or nothing. As with send_run they stay where they are until they have gone.
    virtual std::string_view before_close() { return {}; }
    /// Nothing can be sent any more.
    virtual void stream_failed() = 0;
    /// Keeps the stream alive while it waits for the peer.
    virtual std::shared_ptr<void> keep_alive() = 0;

   protected:
    ~Owner() = default;
  };

  enum class Sent : std::uint8_t {
    whole,   ///< the kernel has all of it
    parked,  ///< the rest waits for the peer; stream_free() comes when it has gone
    failed,
  };

  explicit FanoutStream(Transport transport) : transport_(std::move(transport)) {}
  FanoutStream(const FanoutStream&) = delete;
  FanoutStream& operator=(const FanoutStream&) = delete;
  ~FanoutStream();

  /// Before anything else. `owner` outlives the stream.
  void set_owner(Owner& owner) { owner_ = &owner; }
  /// The handshake's response has been written: from here on Beast writes frames.
  void begin_frames() { framing_ = true; }

  /// May a run be sent right now?
  [[nodiscard]] bool free() const {
    return framing_ && !dead_ && run_.empty() && !write_ && tracker_.at_boundary() &&
           !tracker_.seen_close();
  }
  /// Sends whole frames, one or more. Pre: free(). `frames` stays where it is until it has gone,
  /// failed, or was replaced by move_rest().
  Sent send_run(std::string_view frames);

  /// What is still to be sent of the run.
  [[nodiscard]] std::string_view rest() const { return run_; }
  /// The same bytes as rest() lie at `copy` from now on.
  void move_rest(const char* copy) { run_ = {copy, run_.size()}; }

  /// Has a close frame begun? Then no run follows.
  [[nodiscard]] bool closing() const { return tracker_.seen_close(); }
  /// Does something wait for the peer to read?
  [[nodiscard]] bool blocked() const { return waiting_; }
  /// Bytes the kernel has taken, whoever wrote them.
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }

  /// Bytes that were read before the stream was made: they are read first.
  void give_back(std::string_view bytes) { stash_.append(bytes); }

  /// Closes the transport; whatever waits fails with operation_aborted.
  void abort();

  // ---- what Beast uses ----

  [[nodiscard]] executor_type get_executor() { return transport_.get_executor(); }
  [[nodiscard]] Transport& next_layer() { return transport_; }
  [[nodiscard]] const Transport& next_layer() const { return transport_; }

  template <class MutableBuffers, class Token>
  auto async_read_some(const MutableBuffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const MutableBuffers& to) { start_read(to, std::move(handler)); },
        token, buffers);
  }

  template <class ConstBuffers, class Token>
  auto async_write_some(const ConstBuffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
        [this](auto handler, const ConstBuffers& from) { start_write(from, std::move(handler)); },
        token, buffers);
  }

  /// Beast's hooks, found by argument-dependent look-up. The asynchronous one says that nothing
  /// more will be sent, then drops what the peer still sends until it closes, at most a mebibyte of
  /// it; then the transport is closed. A peer that does neither is the owner's to abort().
  friend void teardown(boost::beast::role_type role, FanoutStream& stream,
                       boost::system::error_code& error);
  template <class Handler>
  friend void async_teardown(boost::beast::role_type, FanoutStream& stream, Handler&& handler) {
    stream.start_teardown(std::make_unique<CompletionOf<std::decay_t<Handler>>>(
        std::forward<Handler>(handler), stream.get_executor()));
  }

 private:
  /// A handler of any type, to be called once by way of its executor, never from within a call.
  class Completion {
   public:
    virtual ~Completion() = default;
    virtual void complete(boost::system::error_code error, std::size_t bytes) = 0;
  };

  template <class Handler>
  class CompletionOf final : public Completion {
   public:
    CompletionOf(Handler handler, const executor_type& fallback)
        : handler_(std::move(handler)), fallback_(fallback) {}
    void complete(boost::system::error_code error, std::size_t bytes) override {
      // A teardown's handler takes the error alone.
      if constexpr (std::is_invocable_v<Handler, boost::system::error_code, std::size_t>) {
        boost::asio::post(fallback_,
                          boost::beast::bind_front_handler(std::move(handler_), error, bytes));
      } else {
        boost::asio::post(fallback_, boost::beast::bind_front_handler(std::move(handler_), error));
      }
    }

   private:
    Handler handler_;
    executor_type fallback_;
  };

  static constexpr std::size_t kMaxPieces = 8;
  struct BeastWrite {
    std::array<boost::asio::const_buffer, kMaxPieces> pieces;
    std::size_t count = 0;
    std::unique_ptr<Completion> done;
  };

  template <class MutableBuffers, class Handler>
  void start_read(const MutableBuffers& to, Handler handler) {
    if (stash_.empty() && !(framing_ && read_ahead())) {
      return transport_.read_some(to, std::move(handler));
    }
    const std::size_t count = boost::asio::buffer_copy(to, boost::asio::buffer(stash_) + stash_at_);
    take_from_stash(count);
    auto executor = boost::asio::get_associated_executor(handler, get_executor());
    boost::asio::post(executor, boost::beast::bind_front_handler(
                                    std::move(handler), boost::system::error_code{}, count));
  }

  template <class ConstBuffers, class Handler>
  void start_write(const ConstBuffers& from, Handler handler) {
    auto write = std::make_unique<BeastWrite>();
    auto piece = boost::asio::buffer_sequence_begin(from);
    const auto end = boost::asio::buffer_sequence_end(from);
    for (; piece != end && write->count < kMaxPieces; ++piece) {
      const boost::asio::const_buffer bytes = *piece;
      if (bytes.size() > 0) write->pieces.at(write->count++) = bytes;
    }
    write->done = std::make_unique<CompletionOf<Handler>>(std::move(handler), get_executor());
    admit(std::move(write));
  }

  void admit(std::unique_ptr<BeastWrite> write);
  bool read_ahead();
  void take_from_stash(std::size_t count);
  void pump();
  bool pump_run();
  bool pump_last_run();
  bool pump_write();
  void wait();
  void waited(boost::system::error_code error);
  void fail();
  void start_teardown(std::unique_ptr<Completion> done);
  void drop_incoming(std::size_t budget);
  [[nodiscard]] std::shared_ptr<void> keep_alive() const {
    return owner_ != nullptr ? owner_->keep_alive() : nullptr;
  }

  Transport transport_;
  Owner* owner_ = nullptr;
  std::string_view run_;               ///< the rest of the run that has the stream
  std::unique_ptr<BeastWrite> write_;  ///< waits for the run to end, or for the peer
  std::unique_ptr<Completion> teardown_;
  FrameTracker tracker_;
  std::uint64_t sent_bytes_ = 0;
  std::string stash_;  ///< read ahead of Beast; from stash_at_ on
  std::size_t stash_at_ = 0;
  bool framing_ = false;
  bool waiting_ = false;  ///< one wait for writability at most is outstanding
  bool dead_ = false;
};

}  // namespace tidemark::broker
