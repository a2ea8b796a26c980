// All that can be configured, as the parts of the broker want it.
// broker/config/: filled by option_table; the daemon composes a broker of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "broker/access/access_rules.hpp"
#include "broker/hub.hpp"
#include "broker/log/log.hpp"
#include "broker/server.hpp"
#include "broker/topic_defaults.hpp"
#include "storage/event_store.hpp"

namespace tidemark::broker::config {

/// An address and a port; port 0 is any free one.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};

/// How many topics there may be whose names match.
struct TopicsOf {
  std::string pattern;
  std::uint64_t topics = 0;
};

/// Plain data. Defaults: those of the option table; on its own it is no valid configuration.
struct Settings {
  std::filesystem::path data;
  bool insecure = false;
  storage::EventStoreOptions store;
  storage::TopicSettings topic_base;   ///< of topics no rule fits
  std::vector<TopicRule> topic_rules;  ///< the first that fits wins
  HubOptions hub;
  /// Files with the secrets of hub.states.rules, one for each; empty: none. Whoever starts the
  /// broker reads them.
  std::vector<std::filesystem::path> state_secrets;
  ServerOptions server;
  std::vector<TopicsOf> topics_of;
  AccessRules access;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::automatic;
};

}  // namespace tidemark::broker::config
