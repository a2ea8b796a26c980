// The broker of a configuration: see running_broker.hpp.
// tools/daemon/: what is settled here is only what concerns more than one room.
#include "tools/daemon/running_broker.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "broker/access/access.hpp"
#include "broker/echo.hpp"
#include "broker/log/log.hpp"
#include "broker/net/outbound.hpp"
#include "tools/daemon/descriptors.hpp"
#include "tools/daemon/service_manager.hpp"
#include "tools/daemon/state_secrets.hpp"

namespace tidemark::tools {

namespace log = broker::log;
using broker::config::Settings;

namespace {

storage::DefaultSettings defaults_of(const Settings& settings) {
  return broker::topic_defaults(settings.topic_rules, settings.topic_base);
}

storage::StoreLimits limits_of(const Settings& settings) {
  storage::StoreLimits out = settings.store.committer.limits;
  for (const auto& [pattern, topics] : settings.topics_of) {
    out.topics_of.push_back(
        {.pattern = pattern,
         .fits = [pattern](std::string_view name) { return broker::matches_topic(pattern, name); },
         .topics = topics});
  }
  return out;
}

std::string url_of(bool tls, const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (v6 ? "[" + address + "]" : address) + ":" +
         std::to_string(port);
}

void fit_connections(Settings& settings) {
  auto& wanted = settings.server.limits.connections;
  const auto fit = connections_that_fit(wanted);
  if (fit < wanted) log::event(log::Level::info, "open_files", {{"wanted", wanted}, {"fit", fit}});
  wanted = fit;
}

void warn_of_exposure(const Settings& settings) {
  if (broker::is_loopback(settings.server.address)) return;
  if (!settings.access.configured()) log::event(log::Level::warn, "open_to_everybody");
  if (!settings.server.tls) log::event(log::Level::warn, "no_tls");
}

/// Anybody may make the broker send back what they send it.
void warn_of_echo(const Settings& settings) {
  if (!settings.server.test_echo) return;
  log::event(log::Level::warn, "test_echo", {{"path", broker::kEchoPath}});
}

Heartbeat::Options heartbeat_options() {
  Heartbeat::Options out;
  if (const auto interval = service_manager::watchdog_interval()) out.period = *interval / 2;
  out.beat = [] { service_manager::alive(); };
  out.stalled = [](const std::vector<std::string>& silent) {
    std::string names;
    for (const auto& name : silent) names += (names.empty() ? "" : ", ") + name;
    log::event(log::Level::error, "stalled", {{"silent", names}});
  };
  return out;
}

/// Without anything configured it allows everything; it may be told otherwise while it runs.
std::shared_ptr<broker::Access> access_of(const Settings& settings) {
  broker::AccessSources sources;
  sources.fetch = [](const broker::FetchRequest& request) {
    return broker::fetch_document(request);
  };
  sources.note = [](std::string_view name, const std::string& text) {
    log::event(log::Level::warn, name, {{"note", text}});
  };
  auto made = broker::Access::make(settings.access, std::move(sources));
  if (const auto* const faults = std::get_if<std::vector<broker::AccessFault>>(&made)) {
    // They were checked a moment ago.
    throw std::runtime_error(faults->front().key + ": " + faults->front().text);
  }
  return std::get<std::shared_ptr<broker::Access>>(std::move(made));
}

/// What is wrong with a file a state's rule names, or empty; they were checked a moment ago.
std::string fill_states(Settings& settings) {
  const auto read = read_state_files(settings);
  for (const auto& text : read.warnings) {
    log::event(log::Level::warn, "key_warning", {{"note", text}});
  }
  if (read.faults.empty()) return {};
  return "state." + read.faults.front().field + ": " + read.faults.front().text;
}

}  // namespace

RunningBroker::Started RunningBroker::start(Settings settings) {
  raise_descriptor_limit();
  fit_connections(settings);
  warn_of_exposure(settings);
  warn_of_echo(settings);
  broker::LiveDefaults defaults(defaults_of(settings));
  settings.store.committer.defaults = defaults.follow();
  auto store_options = settings.store;
  store_options.committer.limits = limits_of(settings);
  if (settings.hub.io_threads == 0) {
    settings.hub.io_threads = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 64U);
  }
  settings.server.access = access_of(settings);
  if (const auto fault = fill_states(settings); !fault.empty()) throw std::runtime_error(fault);
  if (settings.server.backups.empty()) settings.server.backups = settings.data / "backups";
  auto store = storage::EventStore::open(settings.data, std::move(store_options));
  if (!store) return store.error();
  return std::unique_ptr<RunningBroker>(
      new RunningBroker(std::move(*store), std::move(settings), std::move(defaults)));
}

RunningBroker::RunningBroker(std::unique_ptr<storage::EventStore> store, Settings settings,
                             broker::LiveDefaults defaults)
    : settings_(std::move(settings)),
      defaults_(std::move(defaults)),
      store_(std::move(store)),
      hub_(std::make_unique<broker::Hub>(*store_, settings_.hub)),
      server_(std::make_unique<broker::Server>(*hub_, settings_.server)),
      heartbeat_(std::make_unique<Heartbeat>(*hub_, heartbeat_options())) {}

RunningBroker::~RunningBroker() { stop(); }

std::string RunningBroker::apply(const Settings& settings) {
  Settings next = settings;
  fit_connections(next);
  // First what can fail, although it was tried a moment ago: files may be written right now.
  if (auto fault = fill_states(next); !fault.empty()) return fault;
  if (auto fault = server_->reload_tls()) return *fault;
  // Key files are read again, and whoever has lost a right by it is told or sent away.
  const auto faults = settings_.server.access->replace(next.access);
  if (!faults.empty()) return faults.front().key + ": " + faults.front().text;
  log::set_level(next.log_level);
  log::set_format(next.log_format);
  defaults_.replace(defaults_of(next));
  store_->apply(limits_of(next));
  store_->cursors().apply(next.store.cursors);
  hub_->states().apply(next.hub.states);
  server_->apply(next.server);
  return {};
}

void RunningBroker::stop() {
  server_->stop();
  heartbeat_->stop();  // after the server: draining takes its time, and is life
  hub_->stop();
  store_->stop();
}

std::string RunningBroker::url() const {
  return url_of(settings_.server.tls.has_value(), settings_.server.address, server_->port());
}

std::string RunningBroker::admin_url() const {
  if (!settings_.server.admin) return {};
  return url_of(false, settings_.server.admin->address, server_->admin_port());
}

}  // namespace tidemark::tools
