// Requests and their answers, one connection each; many of them on one loop.
// tools/: see bench_http_peers.hpp.
#include "tools/bench_http_peers.hpp"

#include <algorithm>
#include <vector>

#include "tools/bench_peers.hpp"

namespace tidemark::tools::bench {
namespace {

// The reference server takes minutes to answer ten thousand long-polls, and an append among them.
constexpr std::chrono::seconds kPatience{180};
constexpr std::chrono::seconds kReadPatience{300};

}  // namespace

std::string read_target(const Stream& stream, std::string_view offset, std::string_view live) {
  std::string out = stream.path + "?offset=";
  out.append(offset);
  if (!live.empty()) out.append("&live=").append(live);
  return out;
}

// ---- HttpPeer ----

void HttpPeer::join(const Broker& broker, Loop& loop) {
  if (joined_) return;
  connect(broker.host(), broker.port());
  reader_ = {};
  unanswered_ = 0;
  loop.add(*this);
  joined_ = true;
}

void HttpPeer::leave(Loop& loop) {
  if (joined_) loop.remove(*this);
  joined_ = false;
}

void HttpPeer::ask(const HttpRequest& request) {
  last_target_.assign(request.method).append(" ").append(request.target);
  append_request(request, host_, out());
  ++unanswered_;
}

std::size_t HttpPeer::take(const char* bytes, std::size_t size) {
  return reader_.take({bytes, size}, *this);
}

void HttpPeer::closed() {
  joined_ = false;
  reader_.end_of_input(*this);
  if (unanswered_ == 0) return;
  if (answering_ || !asks_again()) Peer::closed();
}

void HttpPeer::head(const AnswerHead& head) {
  if (unanswered_ == 0) throw BenchError("the server answers where nobody asked");
  answering_ = true;
  answer_begins(head);
}

void HttpPeer::end() {
  --unanswered_;
  answering_ = false;
  answer_ends();
}

void HttpPeer::expect(const AnswerHead& head, std::initializer_list<unsigned> statuses) const {
  if (std::ranges::find(statuses, head.status) != statuses.end()) return;
  throw BenchError("the server answers " + std::to_string(head.status) + " " +
                   std::string(head.reason) + " to " + last_target_);
}

// ---- Asker ----

void Asker::renew() {
  leave(loop_);
  join(broker_, loop_);
}

const Asker::Answer& Asker::ask_now(const HttpRequest& request) {
  answer_ = {};
  join(broker_, loop_);
  ask(request);
  loop_.flush(*this);
  if (!loop_.run_until([this] { return unanswered() == 0; }, kPatience)) {
    throw BenchError("the server takes too long to answer " + std::string(request.method) + " " +
                     std::string(request.target));
  }
  if (answer_.status >= 400) {
    throw BenchError("the server answers " + std::to_string(answer_.status) + " to " +
                     std::string(request.method) + " " + std::string(request.target) + ": " +
                     answer_.body.substr(0, 500));
  }
  return answer_;
}

void Asker::answer_begins(const AnswerHead& head) {
  answer_.status = head.status;
  answer_.next_offset = head.next_offset;
}

Stream create_stream(Broker& broker, StreamType type, std::size_t size) {
  auto name = fresh_topic(broker);
  std::ranges::replace(name, '/', '-');  // a name of every server's grammar
  Stream stream{.path = "/v1/stream/" + name, .type = type, .size = size};
  Loop loop;
  Asker asker(broker, loop);
  asker.ask_now({.method = "PUT", .target = stream.path, .content_type = content_type(type)});
  return stream;
}

// ---- Appender ----

void Appender::append() {
  const auto& stream = shared_.stream;
  if (!shared_.running || next_ >= shared_.most) return;
  const bool array = stream.type == StreamType::json && shared_.per_append > 1;
  body_.clear();
  sending_ = 0;
  while (sending_ < shared_.per_append && next_ < shared_.most) {
    if (array) body_.push_back(sending_ == 0 ? '[' : ',');
    body_.append(shared_.payloads.stamped(static_cast<std::int64_t>(next_)));
    next_ += shared_.lanes;
    ++sending_;
  }
  if (array) body_.push_back(']');
  sent_at_ = now_ns();
  ask({.method = "POST",
       .target = stream.path,
       .content_type = content_type(stream.type),
       .body = body_});
}

void Appender::answer_begins(const AnswerHead& head) {
  expect(head, {200, 204});
  if (head.next_offset <= last_offset_) {
    throw BenchError("an append was answered with the offset " + std::string(head.next_offset) +
                     ", the one before it with " + last_offset_);
  }
  last_offset_ = head.next_offset;
}

void Appender::answer_ends() {
  shared_.latency.record(now_ns() - sent_at_);
  ++shared_.appends;
  shared_.events += sending_;
  append();
}

// ---- CatchupReader ----

CatchupReader::CatchupReader(const Stream& stream, std::size_t lanes, std::uint64_t events,
                             std::size_t& done)
    : stream_(stream), wanted_(events), done_(done), body_(stream.type, stream.size, lanes) {}

void CatchupReader::begin() { ask_next(); }

void CatchupReader::ask_next() { ask({.target = read_target(stream_, offset_)}); }

void CatchupReader::answer_begins(const AnswerHead& head) {
  expect(head, {200});
  if (head.next_offset.empty()) throw BenchError("an answer without Stream-Next-Offset");
  if (!head.up_to_date && head.next_offset == offset_) {
    throw BenchError("an answer that is not up to date and does not go on either");
  }
  up_to_date_ = head.up_to_date;
  offset_ = head.next_offset;
  body_.begin();
}

void CatchupReader::answer_bytes(std::string_view piece) {
  body_.take(piece);
  bytes_ += piece.size();
}

void CatchupReader::answer_ends() {
  body_.end();
  ++answers_;
  if (!up_to_date_) return ask_next();
  if (body_.count() != wanted_) {
    throw BenchError("a reader is told that it is up to date after " +
                     std::to_string(body_.count()) + " of " + std::to_string(wanted_) + " events");
  }
  ++done_;
}

// ---- filling and checking ----

void fill_stream(Broker& broker, const Stream& stream, const Filling& filling,
                 const std::function<void(std::uint64_t)>& progress) {
  Appender::Shared shared{.stream = stream,
                          .lanes = filling.lanes,
                          .per_append = filling.per_append,
                          .most = filling.events,
                          .payloads = Payloads(stream.size, 1)};
  Loop loop;
  std::vector<std::unique_ptr<Appender>> appenders;
  for (std::size_t lane = 0; lane < filling.lanes; ++lane) {
    auto& one = appenders.emplace_back(std::make_unique<Appender>(shared, lane));
    one->join(broker, loop);
    one->append();
    loop.flush(*one);
  }
  while (shared.events < filling.events) {
    const auto before = shared.events;
    if (!loop.run_until([&] { return shared.events != before; }, kPatience)) {
      throw BenchError("the server takes too long to answer an append");
    }
    if (progress) progress(shared.events);
  }
}

void check_stream(Broker& broker, const Stream& stream, std::size_t lanes, std::uint64_t events) {
  Loop loop;
  std::size_t done = 0;
  CatchupReader reader(stream, lanes, events, done);
  reader.join(broker, loop);
  reader.begin();
  loop.flush(reader);
  if (!loop.run_until([&] { return done == 1; }, kReadPatience)) {
    throw BenchError("reading back what was appended takes too long");
  }
}

}  // namespace tidemark::tools::bench
