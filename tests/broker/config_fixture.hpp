// Configurations from texts, and all that one has come to as a text.
// tests/: for tests of broker/config.
#pragma once

#include <filesystem>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/config/option_table.hpp"

namespace tidemark::broker::config {

inline constexpr const char* kFile = "tidemark.toml";

struct Outcome {
  Settings settings;
  Assignments given;
  Complaints complaints;
};

/// As read_config does it, with the file's text in hand. "data" is given unless the text does.
inline Outcome outcome_of(const std::string& file, const Variables& environment = {},
                          const Flags& flags = {}) {
  Outcome out;
  Faults faults;
  out.given.overlay(read_text("data = \"/d\"\n", kFile, faults));
  out.given.overlay(read_text(file, kFile, faults));
  out.given.overlay(read_environment(environment, faults));
  out.given.overlay(read_flags(flags, faults));
  out.settings = resolve(out.given, faults);
  out.complaints = told(std::move(faults));
  return out;
}

namespace detail {

class Description {
 public:
  template <class T>
  Description& operator<<(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      text_ += std::to_string(value);
    } else if constexpr (requires { value.count(); }) {
      text_ += std::to_string(value.count());
    } else {
      text_ += std::string(value);
    }
    text_ += '|';
    return *this;
  }
  Description& operator<<(const std::vector<std::string>& texts) {
    for (const auto& text : texts) *this << text;
    return *this << "end";
  }
  Description& operator<<(const std::filesystem::path& path) { return *this << path.string(); }
  Description& operator<<(const Grants& grants) {
    return *this << grants.publish << grants.subscribe << grants.manage;
  }
  Description& operator<<(const storage::TopicSettings& topic) {
    return *this << static_cast<int>(topic.durability) << topic.retention.max_age
                 << topic.retention.max_bytes << topic.retention.max_events << topic.content_type
                 << topic.keep_latest;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

inline void describe_access(const AccessRules& access, Description& out) {
  out << access.anonymous << access.issuer << access.audience << access.leeway << access.token_bytes
      << access.cookie << access.query_token << access.expiry_notice << access.revoked_subjects
      << access.revoked_tokens << access.private_key_urls;
  for (const auto& key : access.api_keys) out << key.name << key.hash << key.grants;
  for (const auto& key : access.token_keys) out << key.id << key.algorithm << key.file;
  for (const auto& set : access.key_sets) out << set.url << set.file << set.issuer << set.refresh;
}

inline void describe_limits(const Settings& s, Description& out) {
  const auto& limits = s.server.limits;
  out << limits.connections << limits.subscriptions_per_connection << limits.message_bytes
      << limits.handshake_timeout << limits.idle_timeout << limits.stall_timeout
      << limits.drain_timeout << limits.reconnect_spread << limits.long_poll_timeout
      << limits.sse_lifetime << limits.shared_caching << limits.arriving_bytes
      << s.server.pages.console << s.server.pages.demo;
  const auto& rates = limits.publish_rates;
  out << rates.events_per_identity << rates.bytes_per_identity << rates.events_per_topic
      << rates.bytes_per_topic << rates.burst;
  const auto& store = s.store.committer.limits;
  out << limits.connections_per_address << store.space.most_held << store.topics
      << store.space.reserve;
  const auto& states = s.hub.states;
  out << states.max_bytes << states.shared_bytes << states.requests << states.waiting
      << s.store.committer.max_state_bytes << s.store.committer.max_keys
      << s.store.cursors.max_cursors << s.store.cursors.write_interval
      << s.store.cursors.expire_after;
  for (const auto& rule : states.rules) {
    out << rule.pattern << rule.hook.url << rule.hook.ca_file << rule.hook.allow_private
        << rule.hook.timeout << rule.hook.tries << rule.per_client << rule.max_age
        << rule.max_events;
  }
  for (const auto& secret : s.state_secrets) out << secret;
  for (const auto& quota : s.topics_of) out << quota.pattern << quota.topics;
}

}  // namespace detail

/// Everything the table can set, read where the parts of the broker will read it: apart from the
/// table itself, so that an option that is stored in the wrong place is seen.
inline std::string description_of(const Settings& s) {
  detail::Description out;
  out << s.data << s.server.backups << s.insecure << s.server.address << s.server.port
      << s.hub.io_threads << s.server.allowed_origins << s.server.trusted_proxies;
  const auto& committer = s.store.committer;
  out << committer.max_event_bytes << committer.ring_total_bytes << committer.flush_interval
      << s.store.segment_cache_bytes << s.topic_base;
  for (const auto& rule : s.topic_rules) out << rule.pattern << rule.settings;
  if (s.server.admin) out << s.server.admin->address << s.server.admin->port;
  if (s.server.tls) {
    out << s.server.tls->certificate << s.server.tls->key
        << static_cast<int>(s.server.tls->min_version);
  }
  detail::describe_limits(s, out);
  detail::describe_access(s.access, out);
  out << static_cast<int>(s.log_level) << static_cast<int>(s.log_format);
  return out.text();
}

}  // namespace tidemark::broker::config
