// One read of a stream by HTTP: what there is after a position, or the wait for it.
// broker/: see stream_reader.hpp.
#include "broker/stream_reader.hpp"

#include "broker/gzip_body.hpp"
#include "broker/judgement.hpp"
#include "broker/live_interval.hpp"
#include "broker/stream_fields.hpp"
#include "broker/wall_clock.hpp"

namespace tidemark::broker {

namespace {

// Bytes. From here on pieces go as fast as copies made beforehand, 4.4 to 6.9 GB per CPU-second of
// either at 440 and 560 bytes in memory (tidemark bench http-catchup --type bytes --size …).
constexpr std::size_t kWorthAPiece = 512;

// What lies behind these can't change, so it may be kept; the newest must be asked for again, which
// an entity tag makes cheap.
constexpr std::string_view kSettled = "private, max-age=60, stale-while-revalidate=300";
constexpr std::string_view kSettledShared = "public, max-age=60, stale-while-revalidate=300";
constexpr std::string_view kNewest = "private, no-cache";
constexpr std::string_view kNewestShared = "public, no-cache";

}  // namespace

StreamReader::StreamReader(ConnectionGroup& group, std::shared_ptr<Exchange> exchange,
                           ReadStream request, Cursor cursor)
    : group_(group),
      exchange_(std::move(exchange)),
      request_(std::move(request)),
      room_(group.answer_room()),
      cursor_(std::move(cursor)),
      from_(cursor_.position().offset),
      reached_(from_),
      standing_(group.network().access.get(), exchange_->caller()) {}

void StreamReader::start() { advance(); }

// ---- gathering ----

void StreamReader::advance() {
  if (!exchange_ || loading_ || answering_) return;
  while (bytes_ < room_) {
    if (!take(cursor_.next(store(), group_.counters().reads))) return;
  }
  answer();
}

/// False if there is nothing more to do now.
bool StreamReader::take(Step step) {
  struct {
    StreamReader& self;
    bool operator()(const step::Events& s) const { return self.take_events(s.slice); }
    bool operator()(const step::Gap& s) const { return self.take_gap(s.notice.gap); }
    // A token carries its epoch, and whether there is more is told with it.
    bool operator()(const step::Epoch&) const { return true; }
    bool operator()(const step::CaughtUp&) const { return true; }
    bool operator()(const step::Load&) const { return self.load(), false; }
    bool operator()(const step::Wait&) const { return self.reach_tail(); }
    // Only event streams are read with OnGap::state.
    bool operator()(const step::State&) const { return self.refuse(Errc::no_state), false; }
    bool operator()(const step::Ended& s) const {
      // What was read before the end is as true as it was; the next read is told of it.
      self.pieces_.empty() ? self.refuse(s.reason) : self.answer();
      return false;
    }
  } visitor{*this};
  return std::visit(visitor, step);
}

bool StreamReader::take_events(const storage::Slice& slice) {
  const std::size_t before = pieces_.size();
  const Offset end = gather(slice, room_ - bytes_);
  for (std::size_t i = before; i < pieces_.size(); ++i) bytes_ += pieces_[i].size();
  const bool pinned = !segments_.empty() && segments_.back() == slice.segment;
  if (pieces_.size() > before && !pinned) segments_.push_back(slice.segment);
  reached_ = Offset{end.value - 1};
  cursor_.advance(reached_);
  up_to_date_ = false;
  return true;
}

/// Large events go from where they lie; of small ones there is a run, made once for all readers,
/// since a piece costs more than to copy them. Returns past the last.
Offset StreamReader::gather(const storage::Slice& slice, std::size_t room) {
  if (payload() != Payload::json && slice.segment->mean_record_bytes() >= kWorthAPiece) {
    return slice.segment->gather(slice.offsets.first, room, pieces_);
  }
  const auto run = group_.shard().frames(*cursor_.topic(), slice, FrameForm::body, room).run;
  if (run.bytes > 0) pieces_.emplace_back(run.data, run.bytes);
  return run.offsets.end;
}

Payload StreamReader::payload() const { return stream_payload_of(cursor_.topic()->content_type()); }

/// An answer is of one piece: it ends before a gap, and the next one begins with it.
bool StreamReader::take_gap(const Gap& gap) {
  if (reached_ > from_) {
    answer();
    return false;
  }
  if (cursor_.ended()) {
    respond(gap_reply(gap));
    return false;
  }
  gap_ = gap;
  from_ = reached_ = cursor_.position().offset;
  return true;
}

/// True if the cursor is to be asked again.
bool StreamReader::reach_tail() {
  const auto end = cursor_.topic()->end();
  if (end.tail.offset != reached_) return true;  // something has come since the cursor looked
  up_to_date_ = true;
  closed_ = end.closed;
  if (reached_ > from_ || gap_ || closed_ || !is_live()) {
    answer();
    return false;
  }
  if (attached_) return false;
  // Attach, then read: an event shown in between wakes us, and is found anyway.
  group_.shard().attach(cursor_.topic(), *this);
  attached_ = true;
  deadline_ = group_.clock() + group_.limits().long_poll_timeout;
  exchange_->wait_with(shared_from_this());
  return exchange_ != nullptr;
}

void StreamReader::load() {
  loading_ = true;
  group_.shard().load(cursor_.topic(), cursor_.position().offset,
                      [self = shared_from_this()](const Result<void>& loaded) {
                        self->loading_ = false;
                        if (!loaded) return self->refuse(loaded.errc());
                        self->advance();
                      });
}

// ---- waiting ----

void StreamReader::client_gone() {
  exchange_.reset();
  Waiter::unlink();
  pieces_.clear();
  segments_.clear();
}

void StreamReader::sweep(SteadyTime now) {
  if (!exchange_) return;
  using Change = Standing::Change;
  const auto change = standing_.look(group_.wall_now());
  const auto& caller = standing_.caller();
  if (change == Change::withdrawn) return respond(access_refused(Errc::unauthorized, true));
  if (change == Change::rights && !caller.may(Right::subscribe, request_.name)) {
    return respond(access_refused(caller.refusal(), false));
  }
  const bool late = deadline_ && now >= *deadline_;
  if ((late || change == Change::expired) && !loading_) answer();
}

void StreamReader::drain() {
  if (deadline_ && !loading_) answer();
}

// ---- answering ----

/// Once: whatever happens while the answer is compressed is for the next request.
void StreamReader::answer() {
  if (!exchange_ || std::exchange(answering_, true)) return;
  store().touch(*cursor_.topic());
  HttpReply reply = this->reply();
  if (reply.status == 204) return respond(std::move(reply));
  const BodyTag tag = this->tag();
  if (request_.after && !is_live() && names_etag(request_.if_none_match, make_etag(tag))) {
    reply.status = 304;
    reply.content_type.clear();
    reply.add("ETag", make_etag(tag));
    return respond(std::move(reply));
  }
  add_body(reply);
  if (tag.gzip) return compress(std::move(reply), tag);
  if (request_.after) reply.add("ETag", make_etag(tag));
  respond(std::move(reply));
}

BodyTag StreamReader::tag() const {
  const auto& topic = *cursor_.topic();
  return {.topic = topic.id(),
          .from = {.epoch = topic.epoch_at(from_).start.epoch, .offset = from_},
          .to = {.epoch = topic.epoch_at(reached_).start.epoch, .offset = reached_},
          .closed = closed_,
          .gzip = request_.gzip && worth_gzip(topic.content_type(), bytes_)};
}

/// The answer without its body.
HttpReply StreamReader::reply() const {
  const bool shared = group_.limits().shared_caching && !exchange_->caller().is_known();
  const bool empty = reached_ == from_;
  HttpReply reply{.status = is_live() && empty && !gap_ ? 204U : 200U};
  if (reply.status == 200) reply.content_type = cursor_.topic()->content_type();
  if (!request_.after || reply.status == 204) {
    reply.cache_control = "no-store";  // what "now" is, and that nothing has come, is soon untrue
  } else if (up_to_date_) {
    reply.cache_control = shared ? kNewestShared : kNewest;
  } else {
    reply.cache_control = shared ? kSettledShared : kSettled;
  }
  add_next_offset(reply, *cursor_.topic(), reached_);
  if (worth_gzip(cursor_.topic()->content_type(), bytes_)) reply.add("Vary", "Accept-Encoding");
  if (up_to_date_) reply.add("Stream-Up-To-Date", "true");
  if (closed_) add_closed(reply);
  if (gap_) add_gap(reply, *gap_);
  if (is_live()) {
    const auto cursor = next_cursor(wall_now(), request_.cursor, group_.random());
    reply.add("Stream-Cursor", std::to_string(cursor));
  }
  return reply;
}

void StreamReader::add_body(HttpReply& reply) {
  reply.events = reached_.value - from_.value;
  if (payload() == Payload::json) {
    reply.body = '[';
    reply.tail = ']';
    if (!pieces_.empty()) pieces_.front().remove_prefix(1);  // each event has a comma before it
  }
  reply.pieces = std::move(pieces_);
  reply.segments = std::move(segments_);
}

void StreamReader::compress(HttpReply reply, const BodyTag& tag) {
  // The wait is for a thread, not for the client: should it leave, there is nobody to be told.
  struct Work {
    HttpReply reply;
    BodyTag tag;
  };
  const auto work = std::make_shared<Work>(Work{std::move(reply), tag});
  group_.shard().run_blocking(
      [work] {
        auto& plain = work->reply;
        std::vector<std::string_view> pieces{plain.body};
        pieces.insert(pieces.end(), plain.pieces.begin(), plain.pieces.end());
        pieces.emplace_back(plain.tail);
        auto packed = gzipped(pieces);
        if (!packed) {
          work->tag.gzip = false;
          return;
        }
        plain.body = std::move(*packed);
        plain.pieces.clear();
        plain.tail.clear();
      },
      [work, self = shared_from_this()] {
        if (work->tag.gzip) work->reply.add("Content-Encoding", "gzip");
        work->reply.add("ETag", make_etag(work->tag));
        self->respond(std::move(work->reply));
      });
}

void StreamReader::respond(HttpReply reply) {
  Waiter::unlink();
  if (const auto exchange = std::exchange(exchange_, nullptr)) exchange->respond(std::move(reply));
}

void StreamReader::refuse(Errc code) { respond(failed(code)); }

}  // namespace tidemark::broker
