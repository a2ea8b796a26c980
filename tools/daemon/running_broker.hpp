// The broker of a configuration: store, hub, server and what watches them, and other settings
// later. tools/daemon/: composes the rooms of the house; they do the work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <boost/system/result.hpp>

#include "broker/config/settings.hpp"
#include "broker/hub.hpp"
#include "broker/server.hpp"
#include "broker/topic_defaults.hpp"
#include "storage/event_store.hpp"
#include "tools/daemon/heartbeat.hpp"
#include "tools/daemon/trouble_log.hpp"

namespace tidemark::tools {

/// Threads: one at a time.
class RunningBroker {
 public:
  using Settings = broker::config::Settings;
  using Started = boost::system::result<std::unique_ptr<RunningBroker>, storage::OpenError>;

  /// It listens when this returns. Throws std::system_error if an address cannot be listened on.
  static Started start(Settings settings);
  ~RunningBroker();

  /// Takes over what can change while it runs; the rest of `settings` is not looked at. Nobody is
  /// disconnected. Empty, or why a certificate, a key or a secret could not be read; then limits,
  /// defaults and the log are as they were.
  [[nodiscard]] std::string apply(const Settings& settings);

  /// Logs what has gone wrong with the store since the last look; about once a second.
  void look_for_trouble() { trouble_log_.look(*store_, std::chrono::steady_clock::now()); }

  /// In order: connections are told and closed, what was accepted is written, the log is closed.
  void stop();

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string admin_url() const;  ///< empty: there is none
  [[nodiscard]] std::uint64_t topic_count() const { return store_->topic_count(); }
  [[nodiscard]] std::size_t io_threads() const { return hub_->shard_count(); }

 private:
  RunningBroker(std::unique_ptr<storage::EventStore> store, Settings settings,
                broker::LiveDefaults defaults);

  Settings settings_;
  broker::LiveDefaults defaults_;
  std::unique_ptr<storage::EventStore> store_;
  std::unique_ptr<broker::Hub> hub_;
  std::unique_ptr<broker::Server> server_;
  std::unique_ptr<Heartbeat> heartbeat_;
  TroubleLog trouble_log_;
};

}  // namespace tidemark::tools
