// write(2), in pieces, until it is done or can't be.
// tools/transfer/: see export_output.hpp.
#include "tools/transfer/export_output.hpp"

#include <cerrno>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <variant>

#include "tools/interrupt.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;
constexpr std::uint64_t kMostSaid = 20;

}  // namespace

ExportOutput::ExportOutput(int fd, ExportForm form, const ExportCounts& before,
                           ProgressBar* progress)
    : fd_(fd), writer_(ExportWriter::make(form)), progress_(progress), counts_(before) {}

bool ExportOutput::put(const ExportItem& item) {
  writer_->write(item);
  if (std::holds_alternative<ExportTopic>(item)) ++counts_.topics;
  if (const auto* events = std::get_if<ExportEvents>(&item))
    counts_.events += events->events.size();
  if (const auto* gap = std::get_if<ExportGap>(&item)) counts_.lost += gap->offsets.count();
  return flush_if_large();
}

bool ExportOutput::put(const storage::BatchView& batch, Offset from) {
  writer_->write(batch, from);
  counts_.events += batch.end().value - from.value;
  return flush_if_large();
}

bool ExportOutput::flush_if_large() {
  return writer_->buffer().size() < kPiece ? go_on() : flush();
}

bool ExportOutput::flush() {
  auto& buffer = writer_->buffer();
  const bool written = go_on() && write(buffer);
  buffer.clear();
  return written;
}

bool ExportOutput::go_on() {
  if (stop_ == ExportStop::none && interrupted()) stop_ = ExportStop::interrupted;
  return stop_ == ExportStop::none;
}

bool ExportOutput::stopped(int error) {
  error_ = error;
  stop_ = error == EPIPE                       ? ExportStop::nobody_reads
          : error == ENOSPC || error == EDQUOT ? ExportStop::no_space
                                               : ExportStop::failed;
  return false;
}

// Not write_all(): a pipe that nobody empties must not outlast Ctrl-C.
bool ExportOutput::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      counts_.bytes += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EAGAIN) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return stopped(errno);
    }
    if (!go_on()) return false;
  }
  return true;
}

void ExportOutput::at(std::uint64_t read, const std::string& topic) {
  if (progress_ != nullptr) progress_->at(read, topic);
}

void ExportOutput::damage(const std::string& what) {
  if (++damages_ > kMostSaid) return;
  notice(damages_ < kMostSaid ? what : what + "; there is more, which the export itself tells");
}

void ExportOutput::notice(const std::string& what) {
  if (progress_ != nullptr) progress_->clear();
  warn(what);
}

}  // namespace tidemark::tools
