// Keys and small values of the store, byte for byte as FORMAT.md has them.
// storage/: RocksLog and its store; knows no RocksDB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include "storage/cereal_bytes.hpp"
#include "storage/log.hpp"

namespace tidemark::storage {

inline void append_be64(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

/// Pre: at least 8 bytes.
[[nodiscard]] inline std::uint64_t load_be64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// What a topic's events and producers begin with.
[[nodiscard]] inline std::string topic_key(TopicId topic) {
  std::string key;
  append_be64(key, topic.value);
  return key;
}

[[nodiscard]] inline std::string event_key(TopicId topic, Offset first) {
  std::string key = topic_key(topic);
  append_be64(key, first.value);
  return key;
}

[[nodiscard]] inline std::string producer_key(TopicId topic, std::string_view id) {
  return topic_key(topic).append(id);
}

/// The run of the broker that opened the store last: on which boot, and whether it closed in order.
struct RunRecord {
  std::string boot_id;
  bool clean = false;
};

/// Data may have been lost: see Log::Incident.
struct IncidentRecord {
  std::uint64_t number = 0;
  Timestamp time;
  bool buffered_only = true;
  std::string text;
};

template <class Archive>
void serialize(Archive& archive, EpochStart& start) {
  archive(start.epoch.value, start.first.value);
}

template <class Archive>
void serialize(Archive& archive, TopicSettings& settings) {
  std::int64_t age = settings.retention.max_age.count();
  archive(settings.durability, settings.retention.max_events, settings.retention.max_bytes, age,
          settings.content_type);
  if constexpr (Archive::is_loading::value)
    settings.retention.max_age = std::chrono::milliseconds(age);
}

template <class Archive>
void serialize(Archive& archive, TopicMeta& meta) {
  archive(meta.id.value, meta.name, meta.settings, meta.created.ms, meta.lineage,
          meta.earliest.value, meta.trim_cause, meta.incident);
}

template <class Archive>
void serialize(Archive& archive, ProducerState::Run& run) {
  archive(run.sequence, run.requests, run.first.value, run.events);
}

template <class Archive>
void serialize(Archive& archive, ProducerState& state) {
  archive(state.epoch, state.last_sequence, state.runs, state.last_used.ms);
}

template <class Archive>
void serialize(Archive& archive, RunRecord& run) {
  archive(run.boot_id, run.clean);
}

template <class Archive>
void serialize(Archive& archive, IncidentRecord& incident) {
  archive(incident.number, incident.time.ms, incident.buffered_only, incident.text);
}

inline constexpr std::uint8_t kValueVersion = 1;

/// A version byte and the value in cereal's portable binary form.
template <class T>
[[nodiscard]] std::string encode_value(const T& value) {
  std::string out(1, static_cast<char>(kValueVersion));
  append_cereal(out, value);
  return out;
}

/// Errors: corrupt_record; store_newer_format for a later version.
template <class T>
[[nodiscard]] Result<T> decode_value(std::string_view bytes) {
  if (bytes.empty()) return Errc::corrupt_record;
  const auto version = static_cast<std::uint8_t>(bytes.front());
  if (version > kValueVersion) return Errc::store_newer_format;
  T value;
  if (version != kValueVersion || !read_cereal(bytes.substr(1), value)) return Errc::corrupt_record;
  return value;
}

}  // namespace tidemark::storage
