// What becomes of a topic, and its events.
// tools/transfer/: see topic_import.hpp; what is beside the events is in topic_import_beside.cpp.
#include "tools/transfer/topic_import.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tools/inspect/store_failure.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

using storage::BatchView;
using storage::kMostRepaired;
using Did = ImportedTopic::Did;

// A lineage is a part of the metadata, which is written anew whenever they change.
constexpr std::size_t kMostEpochs = 65'536;

Timestamp now() {
  return {std::chrono::duration_cast<std::chrono::milliseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

/// Whether a log could go on behind it: epochs and offsets have to be left for what comes.
bool leaves_room(const ExportTopic& topic) {
  return topic.head.value + 2 < kMostRepaired && topic.lineage.size() <= kMostEpochs &&
         topic.lineage.back().epoch.value <= kMostRepaired;
}

/// What lies before the first epoch is taken to be of it (see position_at); so it begins there.
ExportTopic whole_from_earliest(ExportTopic topic) {
  auto& begin = topic.lineage.front().first;
  begin = std::min(begin, topic.earliest);
  return topic;
}

bool same_event(const EventView& there, const NewEvent& event) {
  const auto same_header = [](const HeaderView& ours, const Header& theirs) {
    return ours.name == theirs.name && ours.value == theirs.value;
  };
  auto header = event.headers.begin();
  for (const auto ours : there.headers) {
    if (header == event.headers.end() || !same_header(ours, *header)) return false;
    ++header;
  }
  return header == event.headers.end() && there.key == event.key && there.data == event.data;
}

Offset end_of(const ExportEvents& events) { return {events.first.value + events.events.size()}; }

std::string text(Offset offset) { return std::to_string(offset.value); }

/// The same for the same hole of the same history: an import that is repeated makes the epoch it
/// has made before, and two of the same file make the same history.
std::uint64_t seed_of(Offset first, Epoch epoch) {
  // splitmix64's last steps.
  std::uint64_t x = first.value + epoch.value * 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

}  // namespace

std::string_view to_string(Did did) {
  switch (did) {
    case Did::created:
      return "created";
    case Did::continued:
      return "continued";
    case Did::appended:
      return "appended";
    case Did::unchanged:
      return "unchanged";
    case Did::refused:
      return "refused";
  }
  return "refused";
}

TopicImport::TopicImport(ImportPlace place, ExportTopic file, std::string name, bool new_epoch)
    : place_(place),
      file_(whole_from_earliest(std::move(file))),
      new_epoch_(new_epoch),
      history_({.inherited = {}, .own = file_.lineage, .first = {}, .heirs = {}},
               [this] { return seed_; }) {
  outcome_.topic = file_.name;
  outcome_.name = std::move(name);
}

Failure TopicImport::damaged(const std::string& what) const {
  return HttpFailure{.exit = kDamaged,
                     .text = "the topic " + outcome_.topic + " in the file is damaged: " + what,
                     .code = {}};
}

Failure TopicImport::failed(Errc code, std::string_view doing) const {
  return failure_of(code, std::string(doing) + " " + outcome_.name);
}

Failure TopicImport::written(const Result<void>& result) const {
  return result ? std::nullopt : failed(result.errc(), "writing");
}

void TopicImport::refuse(std::string why) {
  mode_ = Mode::leaving;
  outcome_.did = Did::refused;
  outcome_.why = std::move(why);
  outcome_.events = 0;
  outcome_.lost = 0;
}

void TopicImport::refuse_history() {
  refuse("it is there with another history; there: " + text_of(view_there()) + "; in the file: " +
         text_of(view_file()) + "; --new-epoch appends the events, --as gives them another name");
}

// ---- what there is ----

Failure TopicImport::begin() {
  if (!leaves_room(file_)) {
    refuse("its offsets or epochs are so high that no log could go on with them");
    return std::nullopt;
  }
  if (place_.log != nullptr) {
    const auto name = TopicName::parse(outcome_.name);
    if (!name) return damaged(std::string(info(name.errc()).text));
    auto loaded = place_.log->load(*name);
    if (!loaded) return failed(loaded.errc(), "reading");
    there_ = std::move(*loaded);
  }
  return there_ ? begin_beside() : begin_new();
}

Failure TopicImport::begin_new() {
  outcome_.did = Did::created;
  mode_ = Mode::writing;
  meta_.name = outcome_.name;
  meta_.settings = file_.settings;
  meta_.created = file_.created;
  // Further epochs come with their events: a lineage says how far a log goes at least.
  meta_.lineage = {file_.lineage.front()};
  meta_.earliest = file_.earliest;
  meta_.trim_cause = static_cast<std::uint8_t>(GapCause::trimmed);
  meta_.used = now();
  if (const auto& end = file_.settings.expires_at; end && *end < now())
    outcome_.notes.push_back("it has expired at " + local_time(*end) +
                             ", so that a broker removes it at once");
  return enter();
}

Failure TopicImport::begin_beside() {
  meta_ = there_->meta;
  if (meta_.gone) {
    refuse("it is deleted there, and its name is kept for its forks");
    return std::nullopt;
  }
  if (!same_content_type(meta_.settings.content_type, file_.settings.content_type)) {
    refuse("there it has the content type " + meta_.settings.content_type + ", in the file " +
           file_.settings.content_type);
    return std::nullopt;
  }
  mode_ = Mode::comparing;
  const Offset next = there_->tail.head.next();
  const bool lacks = next <= file_.head;
  const bool one = may_be_one(view_there(), view_file()) && (!lacks || next >= file_.earliest);
  if (one && !(lacks && meta_.closed)) return std::nullopt;
  if (meta_.closed && (one || new_epoch_)) {
    refuse("it is closed there, and has not all that the file has");
  } else if (new_epoch_) {
    mode_ = Mode::appending;
  } else if (lacks && next < file_.earliest) {
    refuse("there it ends with event " + text(there_->tail.head) + ", and the file begins with " +
           text(file_.earliest) + "; --new-epoch appends the events");
  } else {
    refuse_history();
  }
  return std::nullopt;
}

/// Has the writer go on with the topic.
Failure TopicImport::enter() {
  if (std::exchange(entered_, true) || place_.writer == nullptr) return std::nullopt;
  storage::Tail tail{.head = {file_.earliest.value - 1}, .last_time = {}, .bytes = 0};
  if (there_) {
    tail = there_->tail;
  } else {
    meta_.id = place_.log->next_topic_id();
  }
  const auto begun = place_.writer->begin(meta_, tail);
  return written(begun);
}

// ---- events ----

Failure TopicImport::take(ExportEvents events) {
  if (mode_ == Mode::leaving) return std::nullopt;
  if (events.time < last_time_)
    return damaged("the time of event " + text(events.first) + " is before that of the one before");
  last_time_ = events.time;
  if (mode_ == Mode::appending) return append(std::move(events));
  const auto epoch = place_events({events.first, end_of(events)}, events.epoch);
  if (!epoch) return damaged("event " + text(events.first) + " does not fit what is before it");
  if (mode_ == Mode::writing) return write(std::move(events), *epoch);
  if (auto failure = compare(events)) return failure;
  if (mode_ == Mode::leaving || end_of(events) <= there_->tail.head.next()) return std::nullopt;
  return cross(events);
}

std::optional<Epoch> TopicImport::place_events(OffsetRange offsets, Epoch epoch) {
  seed_ = seed_of(offsets.first, epoch);
  return history_.place(offsets, epoch);
}

/// The last event that both have has to be the same; it is looked at where the file comes to it.
Failure TopicImport::compare(const ExportEvents& events) {
  const Offset common = std::min(there_->tail.head, file_.head);
  if (common < events.first || common >= end_of(events)) return std::nullopt;
  bool same = true;
  const auto& event = events.events[static_cast<std::size_t>(common.value - events.first.value)];
  const auto read = place_.log->read(
      there_->meta.id, common,
      [&](const BatchView& batch) {
        if (batch.header().first > common) return false;  // trimmed, and given back
        const auto at = static_cast<std::uint32_t>(common.value - batch.header().first.value);
        same = batch.header().time == events.time && same_event(batch.event(at), event);
        return false;
      },
      false);
  if (!read) return failed(read.errc(), "reading");
  if (!same)
    refuse("event " + text(common) +
           " is another one there than in the file, though the epochs are"
           " the same; --as gives those of the file another name");
  return std::nullopt;
}

/// The file has come to the end of what is there.
Failure TopicImport::decide() {
  const auto kinship = kinship_of(view_there(), view_file(), history_.lineage());
  if (kinship == Kinship::none) {
    refuse_history();
    return std::nullopt;
  }
  mode_ = there_->tail.head > file_.head ? Mode::leaving : Mode::writing;
  if (kinship == Kinship::as_imported && history_.expected()) return std::nullopt;
  // It goes on with what is there, whatever holes the file has in front of that.
  history_ = storage::RepairedHistory({.inherited = there_->meta.lineage,
                                       .own = file_.lineage,
                                       .first = there_->tail.head.next(),
                                       .heirs = {}},
                                      [this] { return seed_; });
  return std::nullopt;
}

/// The first events that are not there, with some before them that are, or a hole.
Failure TopicImport::cross(ExportEvents& events) {
  if (events.time < there_->tail.last_time) {
    refuse("event " + text(events.first) + " of the file is older than the last one there");
    return std::nullopt;
  }
  if (auto failure = decide()) return failure;
  if (mode_ == Mode::leaving) return std::nullopt;
  const Offset next = there_->tail.head.next();
  if (events.first < next) {
    const auto known = static_cast<std::ptrdiff_t>(next.value - events.first.value);
    events.events.erase(events.events.begin(), events.events.begin() + known);
    events.first = next;
  }
  // One that was begun anew has not seen them; one that goes on knows their epoch.
  const auto epoch = history_.expected() == end_of(events)
                         ? std::optional(history_.epoch())
                         : place_events({events.first, end_of(events)}, events.epoch);
  if (!epoch) return damaged("event " + text(events.first) + " does not fit what is before it");
  outcome_.did = Did::continued;
  // Clients of the log it came from may be ahead of it: see open_to_import.
  meta_.incident = 0;
  return write(std::move(events), *epoch);
}

Failure TopicImport::write(ExportEvents events, Epoch epoch) {
  trailing_gap_ = false;
  outcome_.events += events.events.size();
  const auto& lineage = history_.lineage();
  const bool begins =
      lineage.size() != meta_.lineage.size() || lineage.back() != meta_.lineage.back();
  if (begins) meta_.lineage = lineage;
  if (place_.writer == nullptr) return std::nullopt;
  const bool entered = entered_;
  if (auto failure = enter()) return failure;
  if (begins && entered) place_.writer->change(meta_);
  events.epoch = epoch;
  const auto added = place_.writer->add(events);
  return written(added);
}

/// They get the offsets that follow, and times that do not go back.
Failure TopicImport::append(ExportEvents events) {
  const Offset next{there_->tail.head.value + outcome_.events + 1};
  if (next.value > kMostRepaired) return damaged("it has more events than fit into the one there");
  outcome_.did = Did::appended;
  outcome_.events += events.events.size();
  if (place_.writer == nullptr) return std::nullopt;
  if (!entered_) {
    meta_.lineage.push_back({.epoch = place_.log->next_epoch(), .first = next});
    meta_.incident = place_.log->incidents_after(meta_.incident).number;
    if (auto failure = enter()) return failure;
  }
  events.epoch = meta_.lineage.back().epoch;
  events.first = next;
  events.time = std::max(events.time, there_->tail.last_time);
  const auto added = place_.writer->add(events);
  return written(added);
}

Failure TopicImport::take(const ExportGap& gap) {
  if (mode_ == Mode::leaving) return std::nullopt;
  const Offset next = mode_ == Mode::comparing ? there_->tail.head.next() : gap.offsets.first;
  const OffsetRange lost{std::max(gap.offsets.first, next), gap.offsets.end};
  outcome_.lost += lost.count();
  if (mode_ == Mode::appending || lost.empty()) return std::nullopt;
  if (there_ || outcome_.events > 0) {
    trailing_gap_ = true;
    return std::nullopt;
  }
  // Nothing is before it, so there is no hole: the log begins behind it.
  meta_.earliest = gap.offsets.end;
  meta_.trim_cause = static_cast<std::uint8_t>(GapCause::corrupt);
  if (place_.writer != nullptr) place_.writer->change(meta_);
  return std::nullopt;
}

// ---- their end ----

/// No more events come.
Failure TopicImport::finish_events() {
  if (std::exchange(events_over_, true)) return std::nullopt;
  if (mode_ == Mode::comparing) {
    if (auto failure = decide()) return failure;
  }
  return mode_ == Mode::writing ? close_history() : std::nullopt;
}

/// What the metadata say only of a topic that is whole: epochs without events, that it is closed.
Failure TopicImport::close_history() {
  const storage::TopicMeta before = meta_;
  if (trailing_gap_) {
    // So that no offset is given twice: the next event is in an epoch of its own behind the hole.
    const Offset next = file_.head.next();
    const Epoch epoch = storage::position_at(file_.lineage, next).epoch;
    if (!place_events({next, next.next()}, epoch)) return damaged("its end does not fit the rest");
  }
  history_.close();
  const auto& lineage = history_.lineage();
  // What is there may have begun a further epoch since, and then goes on in that.
  const bool keeps = lineage.empty() || (there_ && outcome_.events == 0 && !trailing_gap_ &&
                                         meta_.lineage.size() >= lineage.size());
  if (!keeps) meta_.lineage = lineage;
  meta_.closed = meta_.closed || file_.closed;
  if (outcome_.events > 0 || meta_.last_sequence.empty()) meta_.last_sequence = file_.last_sequence;
  if (meta_ == before) return std::nullopt;
  if (there_) outcome_.did = Did::continued;
  if (place_.writer == nullptr) return std::nullopt;
  const bool entered = entered_;
  if (auto failure = enter()) return failure;
  if (entered) place_.writer->change(meta_);
  return std::nullopt;
}

Failure TopicImport::finish() {
  if (auto failure = finish_events()) return failure;
  if (outcome_.lost > 0)
    outcome_.notes.push_back(grouped(outcome_.lost) +
                             " events are gaps in the file, and are missing" +
                             (mode_ == Mode::appending ? ""
                                                       : "; what is behind a gap has an epoch"
                                                         " of its own"));
  return std::nullopt;
}

}  // namespace tidemark::tools
