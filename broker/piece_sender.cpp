// Sends pieces of bytes from where they lie.
// broker/: see piece_sender.hpp.
#include "broker/piece_sender.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace tidemark::broker {

namespace {

// Per system call: of the smallest pieces as much as a socket's buffer takes at once.
constexpr std::size_t kMaxPieces = 256;

}  // namespace

bool PieceSender::send() {
  switch (pump()) {
    case Pumped::all:
      return true;
    case Pumped::parked:
      wait();
      return false;
    case Pumped::failed:
      owner_.sending_failed();
      return false;
  }
  return false;
}

PieceSender::Pumped PieceSender::pump() {
  while (!idle()) {
    std::array<iovec, kMaxPieces> vectors;  // NOLINT: filled up to count
    const std::size_t count = std::min(kMaxPieces, pieces_.size() - next_);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view piece = pieces_[next_ + i];
      // NOLINTNEXTLINE: sendmsg's interface
      vectors.at(i) = {const_cast<char*>(piece.data()), piece.size()};
    }
    const Transfer sent = transport_.send(std::span(vectors).first(count));
    if (!sent.moved()) return sent.blocked() ? Pumped::parked : Pumped::failed;
    take(sent.bytes);
  }
  pieces_.clear();
  next_ = 0;
  return Pumped::all;
}

void PieceSender::take(std::size_t bytes) {
  sent_bytes_ += bytes;
  while (bytes > 0) {
    std::string_view& piece = pieces_[next_];
    const std::size_t step = std::min(bytes, piece.size());
    piece.remove_prefix(step);
    bytes -= step;
    if (piece.empty()) ++next_;
  }
}

void PieceSender::wait() {
  transport_.wait(Ready::to_send, [this, keep = owner_.keep_alive()](
                                      boost::system::error_code error) { waited(error); });
}

void PieceSender::waited(boost::system::error_code error) {
  if (error) return owner_.sending_failed();
  if (send()) owner_.pieces_sent();
}

std::string PieceSender::rest() const {
  std::string rest;
  for (std::size_t i = next_; i < pieces_.size(); ++i) rest += pieces_[i];
  return rest;
}

std::size_t PieceSender::rest_bytes() const {
  std::size_t sum = 0;
  for (std::size_t i = next_; i < pieces_.size(); ++i) sum += pieces_[i].size();
  return sum;
}

void PieceSender::move_rest(std::string_view copy) {
  pieces_.assign(1, copy);
  next_ = 0;
}

}  // namespace tidemark::broker
