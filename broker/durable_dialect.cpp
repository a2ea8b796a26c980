// An event stream as Durable Streams has it, and as a browser's EventSource resumes it by itself.
// broker/: see durable_dialect.hpp.
#include "broker/durable_dialect.hpp"

#include <utility>

#include "broker/live_interval.hpp"
#include "broker/state_json.hpp"
#include "broker/wall_clock.hpp"
#include "protocol/base64.hpp"
#include "protocol/json_text.hpp"
#include "protocol/position_token.hpp"
#include "protocol/sse_text.hpp"

namespace tidemark::broker {

namespace {

// What begins a JSON event's piece of a run is put otherwise before the first: see FrameForm.
constexpr std::size_t kElementPrefix = 6;

void append_json_gap(std::string& out, const Gap& gap) {
  out += R"({"code":")";
  out += info(errc_of(gap.cause)).name;
  out += R"(","cause":")";
  out += to_string(gap.cause);
  out += R"(","lost":{"first":)";
  append_number(out, gap.lost.first.value);
  out += R"(,"end":)";
  append_number(out, gap.lost.end.value);
  out += R"(},"epoch":)";
  append_number(out, gap.epoch.value);
  out += R"(,"earliest":)";
  append_number(out, gap.earliest.value);
  out += R"(,"head":)";
  append_number(out, gap.head.value);
  out += '}';
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

void append_page(std::string& out, const StatePart& part) {
  const auto& message = part.message();
  std::string json;
  json.append("{\"first\":").append(message.first ? "true" : "false");
  json.append(",\"last\":").append(message.last ? "true" : "false");
  json += ",\"entries\":[";
  append_entries(json, message.entries, part.payload());
  json += "]}";
  append_lines(out, json);  // payloads are as they were published, line breaks included
}

}  // namespace

DurableDialect::DurableDialect(const Cursor& cursor, ConnectionGroup& group,
                               std::optional<std::uint64_t> client_cursor)
    : SseDialect(cursor),
      group_(group),
      payload_(stream_payload_of(cursor.topic()->content_type())),
      client_cursor_(client_cursor) {}

void DurableDialect::add_fields(HttpReply& head) const {
  if (payload_ == Payload::bytes) head.add("Stream-SSE-Data-Encoding", "base64");
}

FrameForm DurableDialect::form() const {
  return payload_ == Payload::bytes ? FrameForm::body : FrameForm::sse;
}

/// A run as one event: its lines lie ready, only what is around them is this reader's. Base64 can't
/// be joined from pieces, so that is made of the run.
void DurableDialect::events(SharedRun&& run, SseOut& out) {
  std::string_view bytes(run.run.data, run.run.bytes);
  append_id(out.front);
  out.front += "event: data\ndata:";
  if (payload_ == Payload::bytes) {
    append_base64(out.front, bytes);
    out.front += "\n\n";
    return append_control(out.front, out);
  }
  if (payload_ == Payload::json) {
    bytes.remove_prefix(kElementPrefix);
    out.front += '[';
    out.back = "data:]";
  } else if (bytes.starts_with(' ')) {
    out.front += ' ';  // a reader drops the first
  }
  out.run = bytes;
  out.segment = std::move(run.segment);
  out.back += "\n\n";
  append_control(out.back, out);
}

/// What is lost, and the place to go on from: the cursor has moved there, or is to end, or has to
/// have the state first. Then the client keeps the place it has.
void DurableDialect::gap(GapNotice&& notice, bool goes_on, SseOut& out) {
  if (goes_on) append_id(out.front);
  out.front += "event: gap\ndata:";
  append_json_gap(out.front, notice.gap);
  out.front += "\n\n";
}

void DurableDialect::state(const std::shared_ptr<const StatePart>& part, SseOut& out) {
  const auto& message = part->message();
  if (message.last) {
    told_tail_.reset();
    append_id(out.front);
  }
  out.front += "event: state\ndata:";
  if (message.bundle) {
    put_bundle(part, out);
  } else {
    append_page(out.front, *part);
  }
  out.back += "\n\n";
  if (message.last) append_control(out.back, out);
}

/// From where it lies, if it is one line.
void DurableDialect::put_bundle(const std::shared_ptr<const StatePart>& part, SseOut& out) const {
  const std::string_view bundle = *part->message().bundle;
  // The head has said how data come in this stream, and a bundle is no exception.
  const bool text =
      payload_ != Payload::bytes && payload_of(part->message().content_type) != Payload::bytes;
  if (!text) return append_base64(out.front, bundle);
  if (bundle.starts_with(' ')) out.front += ' ';  // a reader drops the first
  if (bundle.find_first_of("\r\n") != std::string_view::npos) {
    return append_lines(out.front, bundle);
  }
  out.run = bundle;
  out.part = part;
}

void DurableDialect::tail(const storage::Topic::End& end, SseOut& out) {
  if (out.last) return;  // the place has been told, and with it the end
  if (told_tail_ != end.tail.offset || end.closed) append_control(out.front, out);
}

void DurableDialect::keep_alive(bool placed, SseOut& out) {
  if (placed) return append_control(out.front, out);
  out.front += ":\n\n";  // a comment: it is nowhere yet
}

void DurableDialect::end(const SseEnd& end, bool /*placed*/, SseOut& out) {
  if (end.why == SseEnd::Why::no_state) {
    out.front.append("event: failed\ndata:{\"code\":\"").append(info(end.reason).name);
    out.front += "\"}\n\n";
  }
  if (end.come_back_after) append_retry(out.front, *end.come_back_after);
}

/// In the epoch of its event, as every other answer has it.
Position DurableDialect::position() const {
  const Offset offset = cursor().position().offset;
  return {.epoch = cursor().topic()->epoch_at(offset).start.epoch, .offset = offset};
}

void DurableDialect::append_id(std::string& to) const {
  to += "id:";
  to += to_token(position());
  to += '\n';
}

/// Where the reader is now, and whether there is more.
void DurableDialect::append_control(std::string& to, SseOut& out) {
  const auto end = end_if_reached(cursor());
  const std::string token = to_token(position());
  to.append("id:").append(token).append("\nevent: control\ndata:{\"streamNextOffset\":\"");
  to.append(token) += '"';
  if (end && end->closed) {
    to += ",\"streamClosed\":true";
    out.last = true;
  } else {
    to += ",\"streamCursor\":\"";
    append_number(to, next_cursor(wall_now(), client_cursor_, group_.random()));
    to += '"';
  }
  if (end) {
    to += ",\"upToDate\":true";
    told_tail_ = end->tail.offset;
  }
  to += "}\n\n";
}

}  // namespace tidemark::broker
