// read(2), since only that gives what is there and waits for no more.
// tools/: see line_batches.hpp.
#include "tools/line_batches.hpp"

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace tidemark::tools {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

}  // namespace

LineBatches::LineBatches(int fd, BatchLimits limits, std::function<bool()> interrupted)
    : fd_(fd), limits_(limits), interrupted_(std::move(interrupted)) {}

void LineBatches::take_line(std::vector<std::string>& batch, std::size_t end) {
  ++lines_;
  std::string line = buffer_.substr(taken_, end - taken_);
  taken_ = end;
  if (line.empty() && limits_.skip_empty) return;
  if (batch.empty()) first_line_ = lines_;
  batch_bytes_ += line.size();
  batch.push_back(std::move(line));
}

/// True if the batch is complete.
bool LineBatches::take_lines(std::vector<std::string>& batch) {
  const auto full = [&] {
    return batch.size() >= limits_.lines || (!limits_.exact && batch_bytes_ >= limits_.bytes);
  };
  while (!full()) {
    const auto end = buffer_.find('\n', taken_);
    if (end == std::string::npos) break;
    take_line(batch, end);
    ++taken_;
  }
  if (!full() && ended_ && taken_ < buffer_.size()) take_line(batch, buffer_.size());
  return full() || (!batch.empty() && (!limits_.exact || ended_));
}

LineBatches::Outcome LineBatches::next(std::vector<std::string>& batch) {
  batch.clear();
  batch_bytes_ = 0;
  for (;;) {
    if (take_lines(batch)) return Outcome::batch;
    if (ended_) return Outcome::end;
    buffer_.erase(0, taken_);
    taken_ = 0;
    if (buffer_.size() > limits_.line_bytes) return Outcome::too_long;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    const auto got = ::read(fd_, buffer_.data() + before, kReadBytes);
    buffer_.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) bytes_read_ += static_cast<std::uint64_t>(got);
    if (got == 0) ended_ = true;
    if (got < 0 && errno != EINTR) return Outcome::failed;
    if (got < 0 && interrupted_()) return Outcome::interrupted;
  }
}

}  // namespace tidemark::tools
