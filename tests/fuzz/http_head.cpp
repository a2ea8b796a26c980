// A request's head: what the broker accepts has one reading, and a plain reader has the same.
// tests/fuzz/: broker/request_faults, Beast's parser as http_session uses it,
// broker/stream_request, url_text, query, credential, origin.
#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "broker/credential.hpp"
#include "broker/event_filter.hpp"
#include "broker/head_fields.hpp"
#include "broker/origin.hpp"
#include "broker/query.hpp"
#include "broker/request_faults.hpp"
#include "broker/stream_request.hpp"
#include "broker/url_text.hpp"
#include "storage/requests.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

namespace http = boost::beast::http;
using namespace broker;  // NOLINT(google-build-using-namespace): a program of its own
using Parser = http::request_parser<http::string_body>;
using Head = http::request_header<>;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kMostHead = 16'384;
constexpr std::size_t kMostBody = 4096;

// ---- the plain reader ----

struct PlainField {
  std::string name;
  std::string value;
};

/// A head by RFC 9112 and nothing else: lines end in CRLF, a field is a name, a colon and a value
/// with blanks around it. Fields of one name stand together, in their order, as Beast has them.
struct PlainHead {
  std::string method;
  std::string target;
  std::string version;
  std::vector<PlainField> fields;

  [[nodiscard]] std::vector<std::string> values(std::string_view name) const {
    std::vector<std::string> out;
    for (const auto& each : fields) {
      if (same(each.name, name)) out.push_back(each.value);
    }
    return out;
  }
  void add(PlainField field) {
    const auto of_same_name = [&](const PlainField& each) { return same(each.name, field.name); };
    const auto last = std::find_if(fields.rbegin(), fields.rend(), of_same_name);
    fields.insert(last == fields.rend() ? fields.end() : last.base(), std::move(field));
  }
  static bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
  }
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<PlainHead> read_plainly(std::string_view head) {
  PlainHead out;
  auto end = head.find("\r\n");
  const auto line = head.substr(0, end);
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  out.method = line.substr(0, first);
  out.target = line.substr(first + 1, last - first - 1);
  out.version = line.substr(last + 1);
  for (head.remove_prefix(end + 2); !head.starts_with("\r\n"); head.remove_prefix(end + 2)) {
    end = head.find("\r\n");
    const auto field = head.substr(0, end);
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    out.add({std::string(field.substr(0, colon)), std::string(trimmed(field.substr(colon + 1)))});
  }
  return out;
}

/// Both have read the same head.
void check_same(const Head& head, const PlainHead& plain) {
  TIDEMARK_ENSURE(view(head.method_string()) == plain.method, "one method");
  TIDEMARK_ENSURE(view(head.target()) == plain.target, "one target");
  TIDEMARK_ENSURE(plain.version == (head.version() == 11 ? "HTTP/1.1" : "HTTP/1.0"), "one version");
  auto expected = plain.fields.begin();
  for (const auto& each : head) {
    TIDEMARK_ENSURE(expected != plain.fields.end(), "no field is made up");
    TIDEMARK_ENSURE(view(each.name_string()) == expected->name, "a field has one name");
    TIDEMARK_ENSURE(view(each.value()) == expected->value, "a field has one value");
    ++expected;
  }
  TIDEMARK_ENSURE(expected == plain.fields.end(), "no field is lost");
}

/// Whoever reads it sees the body end in the same place.
void check_framing(const Parser& parser, const PlainHead& plain) {
  const auto encodings = plain.values("Transfer-Encoding");
  const auto lengths = plain.values("Content-Length");
  TIDEMARK_ENSURE(encodings.size() + lengths.size() <= 1, "a body's end is said once");
  TIDEMARK_ENSURE(parser.chunked() == !encodings.empty(), "what is encoded is chunked");
  if (!encodings.empty()) {
    TIDEMARK_ENSURE(PlainHead::same(encodings.front(), "chunked"), "chunked is the only encoding");
    TIDEMARK_ENSURE(plain.version == "HTTP/1.1", "and not of HTTP/1.0");
  }
  const auto length = parser.content_length();
  TIDEMARK_ENSURE(length.has_value() == !lengths.empty(), "a length is read where there is one");
  if (length) {
    auto digits = lengths.front();
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    TIDEMARK_ENSURE(std::to_string(*length) == digits, "a length is the number it says");
  }
  const auto hosts = plain.values("Host");
  TIDEMARK_ENSURE(hosts.size() <= 1 && (plain.version == "HTTP/1.0" || hosts.size() == 1),
                  "a request is for one host");
}

// ---- what is made of it ----

struct CheckStream {
  void operator()(const CreateStream& m) const {
    check_type(m.content_type);
    TIDEMARK_ENSURE(!m.ttl || !m.expires_at, "one end of life");
    if (m.ttl) {
      TIDEMARK_ENSURE(
          m.ttl->count() >= 0 && static_cast<std::uint64_t>(m.ttl->count()) <= kMaxInteger / 1000,
          "a ttl fits a time");
    }
    if (!m.fork) return;
    check_name(m.fork->source);
    TIDEMARK_ENSURE(m.fork->sub_offset == 0 || m.fork->after, "a part of an event has a place");
    if (m.fork->after) check_place(*m.fork->after);
  }
  void operator()(const AppendStream& m) const {
    check_type(m.content_type);
    if (m.producer) {
      TIDEMARK_ENSURE(check_producer(*m.producer), "a producer's id is within its limits");
      TIDEMARK_ENSURE(m.producer->epoch <= kMaxInteger && m.producer->sequence <= kMaxInteger,
                      "integers have 53 bits");
    }
    if (m.sequence) {
      TIDEMARK_ENSURE(!m.sequence->empty() && m.sequence->size() <= storage::kMaxSequenceBytes,
                      "a sequence is within its limits");
    }
  }
  void operator()(const ReadStream& m) const {
    check_name(m.name);
    if (m.after) check_place(*m.after);
    TIDEMARK_ENSURE(broker::check_filter(m.filter), "a filter is within its limits");
    const bool live = m.live == ReadStream::Live::sse;
    TIDEMARK_ENSURE(live || (m.filter.empty() && !m.state && !m.messages && !m.resumes),
                    "an event stream's own are of event streams");
    TIDEMARK_ENSURE(!m.once || m.messages, "once is of messages");
    if (m.cursor) TIDEMARK_ENSURE(*m.cursor <= kMaxInteger, "integers have 53 bits");
  }
  void operator()(const HeadStream& m) const { check_name(m.name); }
  void operator()(const DeleteStream& m) const { check_name(m.name); }

 private:
  static void check_name(const TopicName& name) {
    TIDEMARK_ENSURE(TopicName::parse(name.str()), "a stream's name is a topic's");
    TIDEMARK_ENSURE(name.str().find_first_of("%?# \r\n") == std::string::npos, "and plain");
  }
  static void check_type(std::string_view type) {
    TIDEMARK_ENSURE(type.empty() || valid_content_type(type), "a content type is one");
  }
  static void check_place(const Position& place) {
    TIDEMARK_ENSURE(place.epoch.value <= kMaxInteger && place.offset.value <= kMaxInteger,
                    "epochs and offsets have 53 bits");
  }
};

void check_stream(const Head& head) {
  const auto request = parse_stream_request(head);
  if (request) return std::visit(CheckStream(), *request);
  TIDEMARK_ENSURE(valid_utf8(request.error().text), "a refusal can be sent");
  TIDEMARK_ENSURE(info(request.error().code).http_status >= 400, "a refusal is one");
}

bool is_secret(const Parameter& parameter) { return parameter.name == "access_token"; }

void check_target(std::string_view target) {
  const auto clean = without_access_token(target);
  const auto all = parameters(cut_target(target).query);
  const auto left = parameters(cut_target(clean).query);
  TIDEMARK_ENSURE(cut_target(clean).path == cut_target(target).path, "a path stays as it was");
  TIDEMARK_ENSURE(std::ranges::none_of(left, is_secret), "no secret goes further");
  const auto secrets = static_cast<std::size_t>(std::ranges::count_if(all, is_secret));
  TIDEMARK_ENSURE(left.size() + secrets == all.size(), "and all else does");
  TIDEMARK_ENSURE(without_access_token(clean) == clean, "what is clean stays as it is");
  const Query query(target, {"limit", "after", "offset"});
  if (query.fault().empty()) {
    for (const auto* name : {"limit", "after", "offset"}) {
      TIDEMARK_ENSURE(std::ranges::count(all, name, &Parameter::name) <= 1, "each is there once");
    }
  }
  if (const auto limit = query.limit()) {
    TIDEMARK_ENSURE(*limit > 0 && *limit <= kListMost, "a page has its length");
  }
}

void check_credential(const Head& head, const PlainHead& plain) {
  for (const bool in_query : {false, true}) {
    const auto found = find_credential(head, {.cookie = "session", .query = in_query});
    if (!found || !*found) continue;
    TIDEMARK_ENSURE(!plain.values("Authorization").empty() || !plain.values("Cookie").empty() ||
                        (in_query && plain.target.find('?') != std::string::npos),
                    "a credential stands where one may");
  }
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), PlainHead::lower);
  return text;
}

void check_origin(const PlainHead& plain) {
  static const auto policy = OriginPolicy::make({"https://app.example"}, true);
  TIDEMARK_ENSURE(policy, "the policy is one");
  const auto origins = plain.values("Origin");
  TIDEMARK_ENSURE(origins.size() <= 1, "a request comes from one origin");
  const auto hosts = plain.values("Host");
  const std::string host = hosts.empty() ? std::string() : hosts.front();
  if (origins.empty()) return;
  const auto& origin = origins.front();
  TIDEMARK_ENSURE(!policy->allows("null", host), "null is denied");
  if (!policy->allows(origin, host) || policy->listed(origin) != nullptr) return;
  // Then it is the same origin: it ends as the host begins, but for a port that goes without
  // saying.
  const auto name = in_lower_case(host.substr(0, host.find_last_of(':')));
  TIDEMARK_ENSURE(is_origin(origin), "what is allowed is an origin");
  TIDEMARK_ENSURE(!name.empty() && in_lower_case(origin).find(name) != std::string::npos,
                  "and the host's own");
}

// ---- the body ----

struct BodyRead {
  std::string text;
  bool done = false;
};

/// As HttpSession takes a body, from bytes that come in such pieces.
template <class Next>
BodyRead read_body(std::string_view head, std::string_view body, Next next) {
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(kMostHead));
  parser.body_limit(kMostBody);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  parser.eager(true);
  std::string waiting;
  while (!error && !parser.is_done() && !body.empty()) {
    const auto step = next(body.size());
    waiting += body.substr(0, step);
    body.remove_prefix(step);
    while (!waiting.empty() && !parser.is_done()) {
      if (parser.chunked() && is_short_last_chunk(waiting)) break;
      const auto used = parser.put(boost::asio::buffer(waiting), error);
      waiting.erase(0, used);
      if (error == http::error::need_more) error = {};
      if (error || used == 0) break;
    }
  }
  return {.text = parser.get().body(), .done = parser.is_done()};
}

void check_body(std::string_view head, std::string_view body) {
  const auto whole = read_body(head, body, [](std::size_t left) { return left; });
  TIDEMARK_ENSURE(whole.text.size() <= kMostBody, "a body is within its limit");
  Cuts cuts(body.size() * 31 + head.size());
  const auto cut = read_body(head, body, [&](std::size_t left) { return cuts.next(left); });
  TIDEMARK_ENSURE(whole.done == cut.done, "a body ends in one place, however it comes");
  if (whole.done) TIDEMARK_ENSURE(whole.text == cut.text, "a body is the same however it comes");
}

/// As HttpSession takes a head; nullopt: it is refused.
std::optional<std::size_t> head_end(std::string_view bytes) {
  const auto end = bytes.find(kHeadEnd);
  if (end == std::string_view::npos || end > kMostHead) return std::nullopt;
  if (fault_of_head(bytes.substr(0, end + 2))) return std::nullopt;
  return end + kHeadEnd.size();
}

/// It is asked again with every piece that comes: what is right whole is right so far.
void check_prefixes(std::string_view head) {
  Cuts cuts(head.size());
  for (std::size_t size = 0; size < head.size(); size += cuts.next(head.size())) {
    TIDEMARK_ENSURE(!fault_of_head(head.substr(0, size)), "what is right whole is right so far");
  }
}

void check(std::string_view bytes) {
  while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
  const auto end = head_end(bytes);
  if (!end) return;
  const auto head = bytes.substr(0, *end);
  check_prefixes(head.substr(0, *end - 2));
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(kMostHead + kHeadEnd.size()));
  parser.body_limit(boost::none);
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || !parser.is_header_done()) return;
  const auto& request = parser.get().base();
  if (fault_of_framing(request)) return;
  TIDEMARK_ENSURE(used == head.size(), "a head ends where it ends");
  const auto plain = read_plainly(head);
  TIDEMARK_ENSURE(plain, "a plain reader can read it, too");
  check_same(request, *plain);
  check_framing(parser, *plain);
  check_stream(request);
  static_cast<void>(fork_source(request));
  check_target(plain->target);
  check_credential(request, *plain);
  check_origin(*plain);
  check_body(head, bytes.substr(*end));
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidemark::fuzz::check(tidemark::fuzz::text_of(data, size));
  return 0;
}
