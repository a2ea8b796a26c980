// What an event stream sends of a topic: runs of events, of all or of those that pass, and states.
// broker/: see sse_session.hpp.
#include "broker/sse_session.hpp"
#include "broker/state_json.hpp"
#include "protocol/base64.hpp"
#include "protocol/json_text.hpp"
#include "protocol/sse_text.hpp"

namespace tidemark::broker {

namespace {

// What begins a JSON event's piece of a run is put otherwise before the first: see FrameForm.
constexpr std::size_t kElementPrefix = 6;
// Events a filter looks at in one step: some 100 µs, so that other sessions have their turn.
constexpr std::size_t kFilteredPerStep = 1'024;
// After so many that did not pass a client is told where it is, so that it doesn't lose the way.
constexpr std::uint64_t kTellAfter = 10'000;

FrameForm form_of(Payload payload) {
  return payload == Payload::bytes ? FrameForm::body : FrameForm::sse;
}

/// The part of a run before `end`. Pre: which lies in it.
storage::FrameRun cut(const storage::Segment& segment, FrameForm form, storage::FrameRun run,
                      Offset end) {
  std::size_t bytes = 0;
  for (Offset at = run.offsets.first; at < end;) {
    const auto one = segment.frames(form, at, 0);
    bytes += one.bytes;
    at = one.offsets.end;
  }
  run.bytes = bytes;
  run.offsets.end = end;
  return run;
}

void append_lines(std::string& out, std::string_view text) {
  const std::size_t at = out.size();
  out.resize(at + sse_lines_size(text));
  write_sse_lines(text, out.data() + at);
}

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t at = out.size();
  out.resize(at + base64_size(bytes.size()));
  write_base64(bytes, out.data() + at);
}

}  // namespace

// ---- events ----

/// True: the cursor is to be asked again.
bool SseSession::take_events(const storage::Slice& slice) {
  storage::Slice passing = slice;
  if (!filter_.passes_all()) {
    passing.offsets = filter_.first_run(*slice.segment, slice.offsets, kFilteredPerStep);
    if (passing.offsets.empty()) {
      return pass_over({.first = slice.offsets.first, .end = passing.offsets.end});
    }
  }
  payload_ == Payload::bytes ? send_bytes(passing) : send_events(passing);
  return true;
}

/// None of these is for this reader; where it is then it is told now and then, and at the tail.
bool SseSession::pass_over(OffsetRange offsets) {
  passed_over_ += offsets.count();
  cursor_.advance(Offset{offsets.end.value - 1});
  if (passed_over_ < kTellAfter) return true;
  append_control(front_);
  send();
  return true;
}

/// Of all events as everybody else has them; of those that pass no further than the slice.
SharedRun SseSession::frames(const storage::Slice& slice) const {
  const auto form = form_of(payload_);
  const auto room = group().limits().bytes_in_flight;
  if (filter_.passes_all()) return group().shard().frames(*cursor_.topic(), slice, form, room);
  auto run = slice.segment->frames(form, slice.offsets.first, room);
  if (run.offsets.end > slice.offsets.end) {
    run = cut(*slice.segment, form, run, slice.offsets.end);
  }
  return {.segment = slice.segment, .run = run};
}

/// A run as one event: its lines lie ready, only what is around them is this reader's.
void SseSession::send_events(const storage::Slice& slice) {
  run_ = frames(slice);
  note_events();
  std::string_view run(run_.run.data, run_.run.bytes);
  append_id(front_);
  front_ += "event: data\ndata:";
  if (payload_ == Payload::json) {
    run.remove_prefix(kElementPrefix);
    front_ += '[';
    back_ = "data:]";
  } else if (run.starts_with(' ')) {
    front_ += ' ';  // a reader drops the first
  }
  back_ += "\n\n";
  append_control(back_);
  send(run);
}

/// Base64 can't be joined from pieces, so it is made of the run.
void SseSession::send_bytes(const storage::Slice& slice) {
  run_ = frames(slice);
  note_events();
  append_id(front_);
  front_ += "event: data\ndata:";
  append_base64(front_, {run_.run.data, run_.run.bytes});
  front_ += "\n\n";
  append_control(front_);
  run_.segment.reset();
  send();
}

/// They are about to be sent.
void SseSession::note_events() {
  group().counters().events_out[Channel::sse].add(run_.run.offsets.count());
  cursor_.advance(Offset{run_.run.offsets.end.value - 1});
}

// ---- states ----

/// What is to be sent next comes by a feed. It is this session's, so it keeps it not alive.
void SseSession::watch_feed() {
  feed_->set_ready([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->schedule();
  });
}

void SseSession::ask_for_state() {
  feed_ = std::make_unique<StateFeed>();
  watch_feed();
  feed_->ask(group().network().hub.states(), group().shard(), cursor_.topic(),
             wanted_by(standing_.caller()));
}

/// One part of the state; false if there is none yet.
bool SseSession::serve_state() {
  const auto part = feed_->take();
  if (!part) return false;
  *part ? send_part(**part) : state_failed(part->errc());
  return true;
}

void SseSession::send_part(const std::shared_ptr<const StatePart>& part) {
  const auto& message = part->message();
  if (message.last) {
    cursor_.restart(feed_->position());
    feed_.reset();
    owes_state_ = false;
    told_tail_.reset();
    append_id(front_);
  }
  front_ += "event: state\ndata:";
  std::string_view in_place;
  if (message.bundle) {
    in_place = put_bundle(part);
  } else {
    put_entries(*part);
  }
  back_ += "\n\n";
  if (message.last) append_control(back_);
  send(in_place);
}

/// Returns what goes from where it lies, which is the whole bundle if it is one line.
std::string_view SseSession::put_bundle(const std::shared_ptr<const StatePart>& part) {
  const std::string_view bundle = *part->message().bundle;
  // The head has said how data come in this stream, and a bundle is no exception.
  const bool text =
      payload_ != Payload::bytes && payload_of(part->message().content_type) != Payload::bytes;
  if (!text) {
    append_base64(front_, bundle);
    return {};
  }
  if (bundle.starts_with(' ')) front_ += ' ';  // a reader drops the first
  if (bundle.find_first_of("\r\n") == std::string_view::npos) {
    part_ = part;
    return bundle;
  }
  append_lines(front_, bundle);
  return {};
}

void SseSession::put_entries(const StatePart& part) {
  const auto& message = part.message();
  std::string json;
  json.append("{\"first\":").append(message.first ? "true" : "false");
  json.append(",\"last\":").append(message.last ? "true" : "false");
  json += ",\"entries\":[";
  append_entries(json, message.entries, part.payload());
  json += "]}";
  append_lines(front_, json);  // payloads are as they were published, line breaks included
}

/// The client may try again, but not with all others at once.
void SseSession::state_failed(Errc code) {
  feed_.reset();
  group().counters().refusals[code].add();
  front_.append("event: failed\ndata:{\"code\":\"").append(info(code).name).append("\"}\n\n");
  ending_ = true;
  come_back_after_ = std::chrono::seconds(1) + group().reconnect_delay();
  send();
}

}  // namespace tidemark::broker
