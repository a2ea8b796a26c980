// The daemon between its start and its end: see service.hpp.
// tools/daemon/: signals come here one after the other, so nothing is read twice at once.
#include "tools/daemon/service.hpp"

#include <algorithm>
#include <thread>
#include <unistd.h>
#include <utility>

#include "broker/log/log.hpp"
#include "tools/daemon/exit_codes.hpp"
#include "tools/daemon/preparation.hpp"
#include "tools/daemon/service_manager.hpp"
#include "tools/daemon/signals.hpp"

namespace tidemark::tools {

namespace log = broker::log;
using broker::config::Complaints;

namespace {

using log::Level;

// Suppressed events are told of at the latest after this.
constexpr std::chrono::milliseconds kTick{1'000};

std::string joined(const std::vector<std::string>& keys) {
  std::string out;
  for (const auto& key : keys) out += (out.empty() ? "" : ",") + key;
  return out;
}

void change_log_level(int by) {
  const int level = std::clamp(static_cast<int>(log::level()) + by, static_cast<int>(Level::trace),
                               static_cast<int>(Level::error));
  log::set_level(static_cast<Level>(level));
  // On its own level, so that it is seen whatever the level is now.
  log::report(log::level(), "log_level", {{"now", log::name_of(log::level())}});
}

/// Whoever asks twice wants it now. What was acknowledged is on disk.
void end_on_second_signal() {
  std::thread([] {
    for (;;) {
      if (wait_for_signal(kTick) == Signal::stop) _exit(daemon_exit::kFailed);
    }
  }).detach();
}

}  // namespace

Service::Service(broker::config::Inputs inputs, broker::config::Config config,
                 RunningBroker& broker)
    : inputs_(std::move(inputs)), config_(std::move(config)), broker_(broker) {}

void Service::tell_ready() const { service_manager::ready("listening on " + broker_.url()); }

void Service::run() {
  tell_ready();
  broker_.look_for_trouble();  // at once: what this start has found
  for (;;) {
    const auto signal = wait_for_signal(kTick);
    log::flush_suppressed();
    broker_.look_for_trouble();
    if (signal == Signal::stop) break;
    if (signal == Signal::reload) reload();
    if (signal == Signal::log_more) change_log_level(-1);
    if (signal == Signal::log_less) change_log_level(+1);
  }
  service_manager::stopping();
  log::report(Level::info, "stopping", {{"note", "a second signal stops at once"}});
  end_on_second_signal();
  broker_.stop();
}

void Service::reload() {
  service_manager::reloading();
  const Complaints complaints = take_over();
  for (const auto& line : complaints) {
    log::report(Level::error, "config_refused", {{"fault", line}});
  }
  if (!complaints.empty()) {
    log::report(Level::error, "config_kept", {{"faults", complaints.size()}});
  }
  tell_ready();
}

Complaints Service::take_over() {
  auto read = broker::config::read_config(inputs_);
  if (auto* const wrong = std::get_if<Complaints>(&read)) return std::move(*wrong);
  auto compared = broker::config::change(config_, std::get<broker::config::Config>(read));
  if (auto* const wrong = std::get_if<Complaints>(&compared)) return std::move(*wrong);
  auto& next = std::get<broker::config::Change>(compared);
  // Whatever may fail is tried before anything is changed.
  if (auto wrong = check_files(next.config); !wrong.empty()) return wrong;
  if (auto wrong = broker_.apply(next.config.settings); !wrong.empty()) return {wrong};
  config_ = std::move(next.config);
  log::report(next.waiting.empty() ? Level::info : Level::warn, "config_reloaded",
              {{"applied", joined(next.applied)}, {"needs_restart", joined(next.waiting)}});
  return {};
}

}  // namespace tidemark::tools
