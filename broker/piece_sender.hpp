// Sends pieces of bytes from where they lie.
// broker/: what HTTP answers and event streams go out by.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "broker/net/transport.hpp"

namespace tidemark::broker {

/// What is not taken at once goes when the peer has read. One group of pieces at a
/// time. Threads: the transport's executor's. Not movable.
class PieceSender {
 public:
  class Owner {
   public:
    /// All pieces have gone; never called from within send().
    virtual void pieces_sent() = 0;
    /// Nothing can be sent any more; may be called from within send().
    virtual void sending_failed() = 0;
    /// Keeps the sender alive while it waits for the peer.
    virtual std::shared_ptr<void> keep_alive() = 0;

   protected:
    ~Owner() = default;
  };

  PieceSender(Transport& transport, Owner& owner) : transport_(transport), owner_(owner) {}
  PieceSender(const PieceSender&) = delete;
  PieceSender& operator=(const PieceSender&) = delete;

  /// May pieces be sent?
  [[nodiscard]] bool idle() const { return next_ == pieces_.size(); }
  /// Adds a piece to the group to be sent. It stays where it is until idle() or replaced.
  void add(std::string_view piece) {
    if (!piece.empty()) pieces_.push_back(piece);
  }
  /// Sends what was added; true if all of it has gone. False: pieces_sent() or sending_failed()
  /// follows, or has been called.
  bool send();

  /// What is still to be sent, in order.
  [[nodiscard]] std::string rest() const;
  [[nodiscard]] std::size_t rest_bytes() const;
  /// The same bytes as rest() lie at `copy` from now on.
  void move_rest(std::string_view copy);
  /// Bytes the kernel has taken.
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }
  /// Gives back what the book-keeping of a large group took. Pre: idle().
  void shrink() {
    if (pieces_.capacity() > 8) pieces_ = {};
  }

 private:
  enum class Pumped : std::uint8_t { all, parked, failed };
  Pumped pump();
  void take(std::size_t bytes);
  void wait();
  void waited(boost::system::error_code error);

  Transport& transport_;
  Owner& owner_;
  std::vector<std::string_view> pieces_;
  std::size_t next_ = 0;  ///< of pieces_, the first that is not all gone
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace tidemark::broker
