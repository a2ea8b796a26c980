// Batches as they are stored; where they can't be read, a gap, and on behind it.
// tools/transfer/: see export_log.hpp.
#include "tools/transfer/export_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tools/inspect/store_failure.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

using Part = ExportOrder::Part;

// Behind damage the next offset that can be read is looked for one by one as far as the batches of
// some blocks reach, and then in ever larger steps.
constexpr std::uint64_t kNear = 1024;
constexpr Offset kNowhere{kMaxInteger};

std::string text(Offset offset) { return std::to_string(offset.value); }
std::string text(Errc code) { return std::string(info(code).text); }

// What is kept of settings is what any reader takes: longer than this is for ever.
storage::TopicSettings bounded(storage::TopicSettings settings) {
  constexpr auto kMost = std::chrono::milliseconds(static_cast<std::int64_t>(kMaxInteger));
  settings.retention.max_age = std::clamp(settings.retention.max_age, {}, kMost);
  if (settings.ttl)
    settings.ttl = std::clamp(*settings.ttl, {}, std::chrono::floor<std::chrono::seconds>(kMost));
  return settings;
}

ExportTopic topic_of(const storage::TopicMeta& meta, Offset head) {
  return {.name = meta.name,
          .settings = bounded(meta.settings),
          .created = meta.created,
          .lineage = meta.lineage,
          .earliest = meta.earliest,
          .head = head,
          .closed = meta.closed,
          .last_sequence = meta.last_sequence};
}

NewEvent event_of(const EventView& view) {
  NewEvent event{.data = std::string(view.data), .key = std::string(view.key), .headers = {}};
  for (const auto& header : view.headers)
    event.headers.push_back({std::string(header.name), std::string(header.value)});
  return event;
}

// The name before all that begin with this one.
std::string just_before(const std::string& name) { return name.substr(0, name.size() - 1); }

}  // namespace

// ---- what there is ----

Result<std::optional<storage::TopicMeta>> LogExport::find(const std::string& name) {
  std::optional<storage::TopicMeta> found;
  const auto listed = log_.list(just_before(name), [&](const storage::TopicMeta& meta) {
    if (meta.name == name) found = meta;
    return meta.name < name;
  });
  if (!listed && !found) return listed.errc();
  return found;
}

LogExport::Described LogExport::describe(const std::string& name) {
  auto found = look_up(name);
  if (found) return std::move(*found);
  return failure_of(found.errc(), "reading " + printable(name));
}

Result<std::optional<ExportTopic>> LogExport::look_up(const std::string& name) {
  const auto parsed = TopicName::parse(name);
  if (!parsed) return parsed.errc();
  const auto loaded = log_.load(*parsed);
  if (loaded) {
    if (!*loaded || (*loaded)->meta.gone) return std::optional<ExportTopic>();
    id_ = (*loaded)->meta.id;
    retained_ = (*loaded)->meta.earliest;
    return std::optional(topic_of((*loaded)->meta, (*loaded)->tail.head));
  }
  // Its end is found in its last batch, which may be all that is damaged.
  const auto meta = find(name);
  if (!meta || !*meta || (*meta)->gone || (*meta)->lineage.empty()) return loaded.errc();
  id_ = (*meta)->id;
  retained_ = (*meta)->earliest;
  auto topic = topic_of(**meta, {});
  find_end(topic);
  output_.damage("the end of " + printable(name) + " can't be read: " + text(loaded.errc()) +
                 "; how much there was behind offset " + text(topic.head) + " is not known");
  return std::optional(std::move(topic));
}

void LogExport::find_end(ExportTopic& topic) {
  Offset next = topic.earliest;
  while (output_.go_on()) {
    const auto read = log_.read(
        id_, next,
        [&](const storage::BatchView& batch) {
          next = std::max(next, batch.end());
          return output_.go_on();
        },
        true);
    if (read) break;
    const Offset behind = readable_after(next, kNowhere);
    if (behind == kNowhere) break;
    next = behind;
  }
  const auto known = std::max({next, topic.earliest, topic.lineage.back().first});
  topic.head = {known.value - 1};
}

// ---- events ----

std::optional<HttpFailure> LogExport::write(const ExportTopic& topic, const ExportPlace* place) {
  static_cast<void>(all_of(topic, place));
  return std::nullopt;
}

// False, as of all that follows: the output has stopped.
bool LogExport::all_of(const ExportTopic& topic, const ExportPlace* place) {
  topic_ = topic;
  if (place == nullptr && !output_.put(topic)) return false;
  const Part part = place == nullptr ? Part::events : place->part();
  const auto last_of = [&](Part of) { return part == of ? place->last() : std::string(); };
  if (part <= Part::events && !events(place == nullptr ? topic.earliest : place->next()))
    return false;
  if (part <= Part::keys && !keys(last_of(Part::keys))) return false;
  if (part <= Part::producers && !producers(last_of(Part::producers))) return false;
  if (part <= Part::cursors && !cursors(last_of(Part::cursors))) return false;
  return part == Part::state || state();
}

bool LogExport::events(Offset from) {
  next_ = from;
  if (next_ < retained_ && next_ <= topic_.head) {
    output_.notice(
        printable(topic_.name) +
        ": retention has gone on since the export began; what it has dropped is missing");
    if (!lose(std::min(retained_, topic_.head.next()), "dropped by retention", false)) return false;
  }
  while (next_ <= topic_.head) {
    const auto read = log_.read(
        id_, next_, [this](const storage::BatchView& batch) { return take(batch); }, true);
    if (!output_.go_on()) return false;
    if (next_ > topic_.head) break;
    if (!read) {
      if (!pass_damage(read.errc())) return false;
      continue;
    }
    // The log ends before its topic does: known where an epoch has begun behind a loss.
    const auto& newest = topic_.lineage.back();
    const bool known = newest.first > topic_.head && newest.first > next_;
    if (!lose(topic_.head.next(), known ? "lost before a new epoch began" : "missing", !known))
      return false;
  }
  return output_.go_on();
}

bool LogExport::take(const storage::BatchView& batch) {
  const auto& header = batch.header();
  if (batch.end() <= next_) return true;
  if (header.first > topic_.head) return false;
  const auto& lineage = topic_.lineage;
  if (header.first > next_) {
    const bool known = storage::position_at(lineage, next_).epoch < header.epoch;
    if (!lose(header.first, known ? "lost before a new epoch began" : "missing", !known))
      return false;
  }
  const Offset end = topic_.head.next();
  const auto part = batch.end() > end
                        ? batch.prefix(static_cast<std::uint32_t>(end.value - header.first.value))
                        : batch;
  if (storage::position_at(lineage, next_).epoch != header.epoch ||
      storage::position_at(lineage, {part.end().value - 1}).epoch != header.epoch) {
    return lose(part.end(), "of an epoch that is not the topic's", true) && next_ < end;
  }
  const Offset from = next_;
  next_ = part.end();
  bytes_read_ += batch.stored_bytes();
  output_.at(bytes_read_, topic_.name);
  return output_.put(part, from) && next_ < end;
}

// What is next up to `end` is a gap.
bool LogExport::lose(Offset end, std::string why, bool damaged) {
  const OffsetRange lost{next_, end};
  if (damaged) {
    output_.damage(printable(topic_.name) + ": offsets " + text(lost.first) + " to " +
                   text({end.value - 1}) + " can't be read: " + why);
  }
  next_ = end;
  return output_.put(ExportGap{.offsets = lost, .why = std::move(why)});
}

bool LogExport::pass_damage(Errc code) {
  const Offset behind = readable_after(next_, topic_.head.next());
  return output_.go_on() && lose(behind, text(code), true);
}

// Where reading from `from` on begins; nullopt: it can't be read there. `end`: nothing before it.
std::optional<Offset> LogExport::look(Offset from, Offset end) {
  Offset found = end;
  const auto read = log_.read(id_, from, [&](const storage::BatchView& batch) {
    found = std::max(batch.header().first, from);
    return false;
  });
  return read ? std::optional(std::min(found, end)) : std::nullopt;
}

// The first offset behind `from`, at which nothing can be read, where something can; or `end`.
Offset LogExport::readable_after(Offset from, Offset end) {
  for (std::uint64_t i = 1; i <= kNear; ++i) {
    const Offset at{from.value + i};
    if (at >= end || !output_.go_on()) return end;
    if (const auto found = look(at, end)) return *found;
  }
  std::uint64_t step = kNear;
  std::uint64_t low = from.value + step;  // nothing here
  std::uint64_t high = end.value;         // and something here
  for (; low + step < end.value && output_.go_on(); step *= 2) {
    if (look({low + step}, end)) {
      high = low + step;
      break;
    }
    low += step;
  }
  while (high - low > 1 && output_.go_on()) {
    const std::uint64_t middle = low + (high - low) / 2;
    (look({middle}, end) ? high : low) = middle;
  }
  return high == end.value ? end : look({high}, end).value_or(end);
}

// ---- what is beside them ----

void LogExport::unreadable(const std::string& what, Errc code) {
  output_.damage(printable(topic_.name) + ": not all " + what + " can be read: " + text(code));
}

bool LogExport::keys(const std::string& after) {
  if (!topic_.settings.keep_latest) return true;
  // Of the log as it is now: what is newer than the export is left out here, and no damage.
  auto reader = log_.read_keys(id_, {.epoch = topic_.lineage.back().epoch, .offset = kNowhere});
  if (!reader) {
    unreadable("keys", reader.errc());
    return output_.go_on();
  }
  std::uint64_t newer = 0;
  const auto read = (*reader)->read([&](const EventView& entry) {
    if (entry.key <= std::string_view(after)) return true;
    if (entry.offset > topic_.head) {
      ++newer;
      return true;
    }
    return output_.put(ExportKey{.key = std::string(entry.key),
                                 .offset = entry.offset,
                                 .time = entry.time,
                                 .event = event_of(entry)});
  });
  if (!read) unreadable("keys", read.errc());
  if (newer > 0) {
    output_.notice(printable(topic_.name) + ": " + grouped(newer) +
                   " keys have changed since the export began; what they were then is in it only "
                   "as far as its events tell");
  }
  return output_.go_on();
}

bool LogExport::producers(const std::string& after) {
  std::uint64_t newer = 0;
  const auto read =
      log_.producers(id_, after, [&](std::string_view id, const storage::ProducerState& state) {
        auto then = producer_at(state, topic_.head);
        if (!then) {
          ++newer;
          return true;
        }
        return output_.put(ExportProducer{.id = std::string(id), .state = std::move(*then)});
      });
  if (!read) unreadable("producers", read.errc());
  if (newer > 0) {
    output_.notice(printable(topic_.name) + ": " + grouped(newer) +
                   " producers have gone on since the export began, and are left out");
  }
  return output_.go_on();
}

bool LogExport::cursors(const std::string& after) {
  const auto read =
      log_.cursors(id_, after, [&](std::string_view name, const storage::StoredCursor& cursor) {
        return output_.put(
            ExportCursor{.name = std::string(name), .cursor = cursor_at(cursor, topic_)});
      });
  if (!read) unreadable("cursors", read.errc());
  return output_.go_on();
}

bool LogExport::state() {
  auto state = log_.state(id_);
  if (!state) {
    output_.damage(printable(topic_.name) + ": its state can't be read: " + text(state.errc()));
    return output_.go_on();
  }
  if (!*state) return output_.go_on();
  if ((*state)->position.offset > topic_.head) {
    output_.notice(printable(topic_.name) +
                   ": its state is of events behind the export's, and is left out");
    return output_.go_on();
  }
  return output_.put(ExportState{.state = std::move(**state)});
}

}  // namespace tidemark::tools
