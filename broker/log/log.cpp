// What the broker says about itself: see log.hpp.
// broker/log/: the one Writer of the process, on stderr by way of spdlog.
#include "broker/log/log.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "broker/log/writer.hpp"

namespace tidemark::broker::log {
namespace {

constexpr std::array<std::string_view, 5> kLevels{"trace", "debug", "info", "warn", "error"};

/// systemd says which file its stream to the journal is; stderr may have been sent elsewhere.
bool stderr_is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat file {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &file) != 0) return false;
  unsigned long long device = 0;
  unsigned long long inode = 0;
  return std::sscanf(stream, "%llu:%llu", &device, &inode) == 2 && device == file.st_dev &&
         inode == file.st_ino;
}

/// As sd-daemon(3) has them; the journal takes "<4>" off the line and keeps it as its priority.
std::string_view priority_of(Level level) {
  switch (level) {
    case Level::trace:
    case Level::debug:
      return "<7>";
    case Level::info:
      return "<6>";
    case Level::warn:
      return "<4>";
    case Level::error:
      break;
  }
  return "<3>";
}

Sink stderr_sink() {
  const auto logger = std::make_shared<spdlog::logger>(
      "tidemark", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->set_error_handler([](const std::string&) {});  // its own report would be no line of ours
  const bool journal = stderr_is_journal();
  return [logger, journal](Level level, std::string_view line) {
    std::string text(journal ? priority_of(level) : std::string_view());
    text += line;
    logger->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
  };
}

/// Never destroyed: threads may log while the process ends.
Writer& writer() {
  static Writer& instance = *new Writer(stderr_sink());
  return instance;
}

}  // namespace

void event(Level level, std::string_view name, std::initializer_list<Field> fields) {
  writer().event(level, name, {fields.begin(), fields.size()});
}

void report(Level level, std::string_view name, std::initializer_list<Field> fields) {
  writer().report(level, name, {fields.begin(), fields.size()});
}

bool enabled(Level level) { return writer().enabled(level); }
void set_level(Level level) { writer().set_level(level); }
Level level() { return writer().level(); }
void set_format(Format format) { writer().set_format(format); }
void flush_suppressed() { writer().flush_suppressed(); }

std::string_view name_of(Level level) { return kLevels.at(static_cast<std::size_t>(level)); }

std::optional<Level> level_named(std::string_view text) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels.at(i) == text) return static_cast<Level>(i);
  }
  return std::nullopt;
}

std::optional<Format> format_named(std::string_view text) {
  if (text == "auto") return Format::automatic;
  if (text == "logfmt") return Format::logfmt;
  if (text == "json") return Format::json;
  return std::nullopt;
}

struct Capture::State {
  std::mutex mutex;
  std::vector<std::string> lines;
  Sink before;
};

Capture::Capture(Level level) : state_(std::make_shared<State>()), level_before_(log::level()) {
  state_->before = writer().exchange_sink([state = state_.get()](Level, std::string_view line) {
    const std::lock_guard lock(state->mutex);
    state->lines.emplace_back(line);
  });
  set_level(level);
}

Capture::~Capture() {
  set_level(level_before_);
  writer().exchange_sink(state_->before);
}

std::vector<std::string> Capture::lines() const {
  const std::lock_guard lock(state_->mutex);
  return state_->lines;
}

std::string Capture::text() const {
  std::string out;
  for (const auto& line : lines()) out += line + "\n";
  return out;
}

}  // namespace tidemark::broker::log
