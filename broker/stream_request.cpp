// What a Durable Streams request asks for, or what is wrong with it before any topic is looked at.
// broker/: see stream_request.hpp.
#include "broker/stream_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/beast/core/string.hpp>

#include "broker/accept_encoding.hpp"
#include "broker/event_filter.hpp"
#include "broker/head_fields.hpp"
#include "broker/shapes/rfc3339.hpp"
#include "broker/url_text.hpp"
#include "protocol/position_token.hpp"
#include "storage/committer.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;
using Head = http::request_header<>;
using std::chrono::seconds;

namespace {

// A proxy in front might go by the other one of two.
constexpr std::array<std::string_view, 12> kOnce{
    "Content-Type",       "Stream-TTL",         "Stream-Expires-At",      "Stream-Closed",
    "Stream-Seq",         "Producer-Id",        "Producer-Epoch",         "Producer-Seq",
    "Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset", "Last-Event-ID"};

constexpr std::string_view kOwnSegment = "__ds";
constexpr std::uint64_t kMostTtlSeconds = kMaxInteger / 1000;  // whose milliseconds fit a Timestamp

boost::beast::string_view beast(std::string_view text) { return {text.data(), text.size()}; }

/// Digits only, at most kMaxInteger.
std::optional<std::uint64_t> parse_integer(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
    if (value > kMaxInteger) return std::nullopt;
  }
  return value;
}

/// The one way to write an integer: without leading zeros too.
std::optional<std::uint64_t> parse_canonical(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return parse_integer(text);
}

/// A head being read. The first fault stays.
class HeadReader {
 public:
  explicit HeadReader(const Head& head) : head_(head) {
    for (const auto name : kOnce) {
      if (head.count(beast(name)) > 1) fail(std::string(name) + " is there twice");
    }
  }

  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const {
    const auto found = head_.find(beast(name));
    if (found == head_.end()) return std::nullopt;
    return view(found->value());
  }
  /// All fields of a name whose values are lists, as one.
  [[nodiscard]] std::string list(std::string_view name) const {
    std::string out;
    const auto [first, last] = head_.equal_range(beast(name));
    for (auto at = first; at != last; ++at) {
      if (at != first) out += ", ";
      out += view(at->value());
    }
    return out;
  }
  [[nodiscard]] std::string_view query() const { return cut_target(view(head_.target())).query; }

  void fail(Errc code, std::string text) {
    if (!fault_) fault_ = RequestFault{.code = code, .text = std::move(text)};
  }
  void fail(std::string text) { fail(Errc::malformed_message, std::move(text)); }
  [[nodiscard]] const std::optional<RequestFault>& fault() const { return fault_; }

 private:
  const Head& head_;
  std::optional<RequestFault> fault_;
};

// ---- names ----

/// Errors: as parse_stream_request, for a path.
Result<TopicName> stream_named(std::string_view path) {
  if (!path.starts_with(kStreamPrefix)) return Errc::not_found;
  const auto name = percent_decoded(path.substr(kStreamPrefix.size()));
  if (!name) return Errc::invalid_topic;
  if (name->substr(0, name->find('/')) == kOwnSegment) return Errc::not_found;
  return TopicName::parse(*name);
}

// ---- fields of more than one method ----

std::string read_content_type(HeadReader& in) {
  const auto type = in.field("Content-Type").value_or("");
  if (!type.empty() && !valid_content_type(type)) in.fail(Errc::invalid_content_type, {});
  return std::string(type);
}

/// Anything but "true" is as if it were not there.
bool read_closed(const HeadReader& in) {
  return boost::beast::iequals(beast(in.field("Stream-Closed").value_or("")), "true");
}

// ---- PUT ----

void read_lifetime(HeadReader& in, CreateStream& out) {
  const auto ttl = in.field("Stream-TTL");
  const auto expires = in.field("Stream-Expires-At");
  if (ttl && expires) in.fail("Stream-TTL and Stream-Expires-At exclude each other");
  if (ttl) {
    const auto value = parse_canonical(*ttl);
    if (value && *value <= kMostTtlSeconds) {
      out.ttl = seconds(*value);
    } else {
      in.fail("Stream-TTL must be a whole number of seconds, without sign or leading zeros");
    }
  }
  if (expires) {
    out.expires_at = parse_rfc3339(*expires);
    if (!out.expires_at) in.fail("Stream-Expires-At must be a date like 2026-12-31T23:59:59Z");
  }
}

void read_fork_place(HeadReader& in, ForkOf& fork) {
  const auto sub_offset = in.field("Stream-Fork-Sub-Offset");
  if (const auto offset = in.field("Stream-Fork-Offset")) {
    if (const auto position = parse_token(*offset)) {
      fork.after = *position;
    } else {
      in.fail("Stream-Fork-Offset must be an offset this broker has given");
    }
  }
  if (!sub_offset) return;
  if (const auto value = parse_canonical(*sub_offset)) {
    fork.sub_offset = *value;
  } else {
    in.fail("Stream-Fork-Sub-Offset must be a whole number, without sign or leading zeros");
  }
  if (fork.sub_offset > 0 && !fork.after) {
    in.fail(Errc::invalid_fork,
            "without a Stream-Fork-Offset the fork begins at the end of its source, and nothing "
            "follows it");
  }
}

std::optional<ForkOf> read_fork(HeadReader& in) {
  const auto from = in.field("Stream-Forked-From");
  if (!from) {
    if (in.field("Stream-Fork-Offset") || in.field("Stream-Fork-Sub-Offset")) {
      in.fail("a fork needs a Stream-Forked-From");
    }
    return std::nullopt;
  }
  const auto source = stream_named(*from);
  if (!source) {
    in.fail(Errc::invalid_fork, "Stream-Forked-From must be the path of a stream: /v1/stream/NAME");
    return std::nullopt;
  }
  ForkOf fork{.source = *source};
  read_fork_place(in, fork);
  return fork;
}

StreamRequest read_create(HeadReader& in, TopicName name) {
  CreateStream out{.name = std::move(name)};
  out.content_type = read_content_type(in);
  out.close = read_closed(in);
  read_lifetime(in, out);
  out.fork = read_fork(in);
  return out;
}

// ---- POST ----

std::optional<ProducerStamp> read_producer(HeadReader& in) {
  const auto id = in.field("Producer-Id");
  const auto epoch = in.field("Producer-Epoch");
  const auto sequence = in.field("Producer-Seq");
  if (!id && !epoch && !sequence) return std::nullopt;
  if (!id || !epoch || !sequence) {
    in.fail(Errc::invalid_producer, "Producer-Id, Producer-Epoch and Producer-Seq go together");
    return std::nullopt;
  }
  const auto in_epoch = parse_integer(*epoch);
  const auto number = parse_integer(*sequence);
  if (!in_epoch || !number) {
    in.fail(Errc::invalid_producer,
            "Producer-Epoch and Producer-Seq must be integers from 0 to 2^53 - 1");
    return std::nullopt;
  }
  ProducerStamp stamp{.id = std::string(*id), .epoch = *in_epoch, .sequence = *number};
  if (!check_producer(stamp)) in.fail(Errc::invalid_producer, {});
  return stamp;
}

std::optional<std::string> read_sequence(HeadReader& in) {
  const auto text = in.field("Stream-Seq");
  if (!text) return std::nullopt;
  const bool visible = std::ranges::all_of(*text, [](char c) { return c > ' ' && c <= '~'; });
  if (text->empty() || text->size() > storage::kMaxSequenceBytes || !visible) {
    in.fail("Stream-Seq must be 1 to " + std::to_string(storage::kMaxSequenceBytes) +
            " visible ASCII characters");
  }
  return std::string(*text);
}

StreamRequest read_append(HeadReader& in, TopicName name) {
  AppendStream out{.name = std::move(name)};
  out.content_type = read_content_type(in);
  out.producer = read_producer(in);
  out.sequence = read_sequence(in);
  out.close = read_closed(in);
  return out;
}

// ---- GET ----

/// The parameters of a read, as text; those that may be there once only.
struct Query {
  std::optional<std::string> offset;
  std::optional<std::string> live;
  std::optional<std::string> on_gap;
  std::optional<std::string> state;
  std::optional<std::string> state_if_behind;
  std::optional<std::string> form;
  std::optional<std::string> once;
  std::optional<std::uint64_t> cursor;
  Filter filter;

  /// nullptr: not one of them.
  std::optional<std::string>* place(std::string_view name) {
    if (name == "offset") return &offset;
    if (name == "live") return &live;
    if (name == "on_gap") return &on_gap;
    if (name == "state") return &state;
    if (name == "form") return &form;
    if (name == "once") return &once;
    return name == "state_if_behind" ? &state_if_behind : nullptr;
  }
};

/// `name:value`: one of the values that the header may have.
void add_match(HeadReader& in, std::string_view text, Filter& filter) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return in.fail(Errc::invalid_filter, "filter_header must be a name and a value: region:eu");
  }
  const auto name = text.substr(0, colon);
  auto match = std::ranges::find(filter.headers, name, &Filter::Match::name);
  if (match == filter.headers.end()) {
    match = filter.headers.insert(match, {.name = std::string(name), .values = {}});
  }
  match->values.emplace_back(text.substr(colon + 1));
}

Query read_query(HeadReader& in) {
  Query out;
  for (auto& [name, value] : parameters(in.query())) {
    if (name == "cursor") {
      // Of several the answer has to be beyond the greatest.
      if (const auto number = parse_integer(value)) {
        out.cursor = std::max(out.cursor.value_or(0), *number);
      }
    } else if (name == "filter_key") {
      out.filter.keys.push_back(std::move(value));
    } else if (name == "filter_header") {
      add_match(in, value, out.filter);
    } else if (auto* const place = out.place(name)) {
      if (*place) in.fail(name + " is there twice");
      *place = std::move(value);
    }
  }
  return out;
}

void read_offset(HeadReader& in, const std::optional<std::string>& offset, ReadStream& out) {
  if (offset == "now") return;
  out.after = Position{};
  if (!offset || offset == "-1") return;
  if (const auto position = parse_token(*offset)) {
    out.after = *position;
  } else {
    in.fail("offset must be -1, now, or an offset this broker has given");
  }
}

void read_live(HeadReader& in, const Query& query, ReadStream& out) {
  using Live = ReadStream::Live;
  if (!query.live) return;
  out.live = query.live == "sse" ? Live::sse : Live::long_poll;
  if (out.live == Live::long_poll && query.live != "long-poll") {
    in.fail("live must be long-poll or sse");
  }
  if (const auto last = in.field("Last-Event-ID"); last && out.live == Live::sse) {
    const auto position = parse_token(*last);
    if (!position) return in.fail("Last-Event-ID must be an id this broker has given");
    out.after = *position;
    out.resumes = true;
    out.on_gap = OnGap::earliest;
  }
  if (!query.offset && !out.resumes && !out.state) in.fail("a live read needs an offset");
}

void read_on_gap(HeadReader& in, const std::optional<std::string>& on_gap, ReadStream& out) {
  if (!on_gap) {
    if (out.state) out.on_gap = OnGap::state;
    return;
  }
  if (out.live == ReadStream::Live::sse && on_gap == "state") {
    out.on_gap = OnGap::state;
    return;
  }
  out.on_gap = on_gap == "earliest" ? OnGap::earliest : OnGap::fail;
  if (out.on_gap == OnGap::fail && on_gap != "fail") in.fail("on_gap must be fail or earliest");
}

/// One that is not there is false.
bool read_flag(HeadReader& in, std::string_view name, const std::optional<std::string>& value) {
  const bool set = value == "true";
  if (value && !set && value != "false") in.fail(std::string(name) + " must be true or false");
  return set;
}

/// Whether it begins with the state; before what it is read as live is.
void read_state(HeadReader& in, const Query& query, ReadStream& out) {
  out.state = read_flag(in, "state", query.state);
  if (out.state && query.offset) in.fail("state and offset exclude each other");
  if (!query.state_if_behind) return;
  if (const auto events = parse_integer(*query.state_if_behind)) {
    out.state_if_behind = StateIfBehind{.events = *events, .bytes = {}};
  } else {
    in.fail("state_if_behind must be a number of events");
  }
}

void read_filter(HeadReader& in, Filter filter, ReadStream& out) {
  if (const auto checked = check_filter(filter); !checked) in.fail(checked.errc(), {});
  out.filter = std::move(filter);
}

/// In which words an event stream speaks, and for how long.
void read_form(HeadReader& in, const Query& query, ReadStream& out) {
  out.messages = query.form == "messages";
  if (query.form && !out.messages) in.fail("form must be messages");
  out.once = read_flag(in, "once", query.once);
  if (out.once && !out.messages) in.fail("once needs form=messages");
}

/// A catch-up that left out events without a word would be taken for the whole.
void check_live_only(HeadReader& in, const ReadStream& out) {
  if (out.live == ReadStream::Live::sse) return;
  if (out.state || out.state_if_behind || !out.filter.empty()) {
    in.fail("state, state_if_behind, filter_key and filter_header need live=sse");
  }
  if (out.messages) in.fail("form=messages needs live=sse");
}

StreamRequest read_read(HeadReader& in, TopicName name) {
  ReadStream out{.name = std::move(name)};
  auto query = read_query(in);
  read_state(in, query, out);
  read_offset(in, query.offset, out);
  read_live(in, query, out);
  read_on_gap(in, query.on_gap, out);
  read_filter(in, std::move(query.filter), out);
  read_form(in, query, out);
  check_live_only(in, out);
  out.cursor = query.cursor;
  out.if_none_match = in.list("If-None-Match");
  out.gzip = accepts_gzip(in.list("Accept-Encoding"));
  return out;
}

std::optional<StreamRequest> read(HeadReader& in, http::verb method, TopicName name) {
  switch (method) {
    case http::verb::put:
      return read_create(in, std::move(name));
    case http::verb::post:
      return read_append(in, std::move(name));
    case http::verb::get:
      return read_read(in, std::move(name));
    case http::verb::head:
      return HeadStream{.name = std::move(name)};
    case http::verb::delete_:
      return DeleteStream{.name = std::move(name)};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<TopicName> fork_source(const Head& head) {
  const auto from = HeadReader(head).field("Stream-Forked-From");
  const auto source = from ? stream_named(*from) : Result<TopicName>(Errc::not_found);
  return source ? std::optional(*source) : std::nullopt;
}

ParsedStreamRequest parse_stream_request(const Head& head) {
  auto name = stream_named(cut_target(view(head.target())).path);
  if (!name) return RequestFault{.code = name.errc(), .text = {}};
  HeadReader in(head);
  auto request = read(in, head.method(), std::move(*name));
  if (!request) return RequestFault{.code = Errc::method_not_allowed, .text = {}};
  if (in.fault()) return *in.fault();
  return std::move(*request);
}

}  // namespace tidemark::broker
