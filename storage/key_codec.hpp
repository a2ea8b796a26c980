// Keys and small values of the store, byte for byte as FORMAT.md has them.
// storage/: RocksLog and its store; knows no RocksDB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include "protocol/messages.hpp"
#include "storage/cereal_bytes.hpp"
#include "storage/log.hpp"
#include "storage/store_place.hpp"

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

/// What the keys of all that belongs to a topic begin with; its state has no more.
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

/// Of the newest event of a key.
[[nodiscard]] inline std::string latest_key(TopicId topic, std::string_view key) {
  return topic_key(topic).append(key);
}

[[nodiscard]] inline std::string cursor_key(TopicId topic, std::string_view name) {
  return topic_key(topic).append(name);
}

/// Where a fork's log begins; one for each topic that is a fork.
[[nodiscard]] inline std::string origin_key(TopicId topic) {
  std::string key = "origin/";
  append_be64(key, topic.value);
  return key;
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
void serialize(Archive& archive, StorePlace& place) {
  archive(place.inode, place.born_ns);
}

template <class Archive>
void serialize(Archive& archive, EpochStart& start) {
  archive(start.epoch.value, start.first.value);
}

template <class Archive>
void serialize(Archive& archive, Origin& origin) {
  archive(origin.source, origin.id.value, origin.inherited.value, origin.requested.value,
          origin.sub_offset, origin.depth);
}

template <class Archive>
void serialize(Archive& archive, OriginPart& part) {
  archive(part.topic.value, part.last.value);
}

/// An enumerator as a byte, at most `last`.
template <class Archive, class Enum>
void enumerator(Archive& archive, Enum& value, Enum last) {
  auto byte = static_cast<std::uint8_t>(value);
  archive(byte);
  if constexpr (Archive::is_loading::value) {
    if (byte > static_cast<std::uint8_t>(last)) return archive.refuse();
    value = static_cast<Enum>(byte);
  }
}

template <class Archive>
void serialize(Archive& archive, TopicSettings& settings) {
  enumerator(archive, settings.durability, Durability::buffered);
  std::int64_t age = settings.retention.max_age.count();
  archive(settings.retention.max_events, settings.retention.max_bytes, age, settings.content_type);
  if constexpr (Archive::is_loading::value)
    settings.retention.max_age = std::chrono::milliseconds(age);
}

template <class Archive>
void serialize(Archive& archive, TopicMeta& meta) {
  archive(meta.id.value, meta.name, meta.settings, meta.created.ms, meta.lineage,
          meta.earliest.value);
  auto cause = static_cast<GapCause>(meta.trim_cause);
  enumerator(archive, cause, GapCause::corrupt);
  if constexpr (Archive::is_loading::value) meta.trim_cause = static_cast<std::uint8_t>(cause);
  archive(meta.incident);
}

/// What version 2 added, after the fields of version 1.
template <class Archive>
void serialize_second(Archive& archive, TopicMeta& meta) {
  std::optional<std::int64_t> ttl;
  std::optional<std::int64_t> expires_at;
  if (meta.settings.ttl) ttl = meta.settings.ttl->count();
  if (meta.settings.expires_at) expires_at = meta.settings.expires_at->ms;
  archive(ttl, expires_at, meta.closed, meta.last_sequence, meta.origin, meta.forks, meta.gone,
          meta.used.ms);
  if constexpr (Archive::is_loading::value) {
    if (ttl) meta.settings.ttl = std::chrono::seconds(*ttl);
    if (expires_at) meta.settings.expires_at = Timestamp{*expires_at};
  }
}

/// What version 3 added, after those of version 2.
template <class Archive>
void serialize_third(Archive& archive, TopicMeta& meta) {
  archive(meta.settings.keep_latest, meta.keys);
}

template <class Archive>
void serialize(Archive& archive, StoredCursor& cursor) {
  archive(cursor.position.epoch.value, cursor.position.offset.value, cursor.created.ms,
          cursor.acknowledged.ms);
}

template <class Archive>
void serialize(Archive& archive, StoredState& state) {
  archive(state.position.epoch.value, state.position.offset.value, state.stored.ms,
          state.content_type, state.data);
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

/// The version a value of this type is written with; all earlier ones are read.
template <class T>
inline constexpr std::uint8_t kValueVersion = 1;
template <>
inline constexpr std::uint8_t kValueVersion<TopicMeta> = 3;

/// The fields of a value as one of its versions has them.
template <class T>
struct Versioned {
  T& value;
  std::uint8_t version;
};

template <class Archive, class T>
void serialize(Archive& archive, Versioned<T>& fields) {
  archive(fields.value);
  if constexpr (std::is_same_v<std::remove_const_t<T>, TopicMeta>) {
    if (fields.version >= 2) serialize_second(archive, fields.value);
    if (fields.version >= 3) serialize_third(archive, fields.value);
  }
}

/// A version byte and the value in cereal's portable binary form.
template <class T>
[[nodiscard]] std::string encode_value(const T& value) {
  std::string out(1, static_cast<char>(kValueVersion<T>));
  // cereal serializes through references to what is not const, and writes nothing there.
  append_cereal(out, Versioned<T>{const_cast<T&>(value), kValueVersion<T>});
  return out;
}

/// Errors: corrupt_record; store_newer_format for a later version.
template <class T>
[[nodiscard]] Result<T> decode_value(std::string_view bytes) {
  if (bytes.empty()) return Errc::corrupt_record;
  const auto version = static_cast<std::uint8_t>(bytes.front());
  if (version > kValueVersion<T>) return Errc::store_newer_format;
  T value;
  Versioned<T> fields{value, version};
  if (version == 0 || !read_cereal(bytes.substr(1), fields)) return Errc::corrupt_record;
  return value;
}

}  // namespace tidemark::storage
