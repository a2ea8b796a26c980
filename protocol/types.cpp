// Rules of names, payloads, keys and headers.
// protocol/: see types.hpp.
#include "protocol/types.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "protocol/json_slices.hpp"

namespace tidemark {
namespace {

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_topic_char(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '~' || c == '-'; }

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return is_alnum(c) || kMarks.find(c) != std::string_view::npos;
  });
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool starts_ignoring_case(std::string_view text, std::string_view start) {
  return same_ignoring_case(text.substr(0, start.size()), start);
}

bool ends_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         same_ignoring_case(text.substr(text.size() - end.size()), end);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view media_type(std::string_view content_type) {
  return trimmed(content_type.substr(0, content_type.find(';')));
}

std::size_t read_u16(const char* at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(at[0])) |
         static_cast<std::size_t>(static_cast<unsigned char>(at[1])) << 8;
}

void append_u16(std::string& out, std::size_t value) {
  out.push_back(static_cast<char>(value & 0xffU));
  out.push_back(static_cast<char>(value >> 8 & 0xffU));
}

constexpr std::size_t kHeaderLengths = 4;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; }

bool valid_header_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::header_name_bytes && valid_utf8(name) &&
         std::ranges::none_of(name, is_control);
}

bool valid_headers(const std::vector<Header>& headers) {
  if (headers.size() > limits::headers) return false;
  for (auto h = headers.begin(); h != headers.end(); ++h) {
    if (!valid_header_name(h->name)) return false;
    if (h->value.size() > limits::header_value_bytes || !valid_utf8(h->value)) return false;
    if (std::find_if(headers.begin(), h, [&](const Header& o) { return o.name == h->name; }) != h) {
      return false;
    }
  }
  return true;
}

bool valid_payload(std::string_view data, Payload payload) {
  switch (payload) {
    case Payload::json:
      return !check_json(data, limits::json_depth).fault;
    case Payload::text:
      return valid_utf8(data);
    case Payload::bytes:
      return true;
  }
  return false;
}

// Bytes of the well-formed UTF-8 sequence `text` begins with; 0 if there is none (Unicode 15,
// table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto in = [](unsigned c, unsigned low, unsigned high) { return c >= low && c <= high; };
  const unsigned c = at(0);
  if (c < 0x80) return 1;
  if (in(c, 0xc2, 0xdf)) return in(at(1), 0x80, 0xbf) ? 2 : 0;
  if (in(c, 0xe0, 0xef)) {
    const bool second = in(at(1), c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
    return second && in(at(2), 0x80, 0xbf) ? 3 : 0;
  }
  if (in(c, 0xf0, 0xf4)) {
    const bool second = in(at(1), c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
    return second && in(at(2), 0x80, 0xbf) && in(at(3), 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

bool eight_ascii(std::string_view text) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, text.data(), sizeof eight);
  return (eight & 0x8080808080808080U) == 0;
}

}  // namespace

Result<TopicName> TopicName::parse(std::string_view text) {
  if (text.empty() || text.size() > limits::topic_name_bytes) return Errc::invalid_topic;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('/', start), text.size());
    const auto segment = text.substr(start, end - start);
    if (segment.empty() || segment == "." || segment == "..") return Errc::invalid_topic;
    if (!std::ranges::all_of(segment, is_topic_char)) return Errc::invalid_topic;
    start = end + 1;
  }
  if (text.substr(0, text.find('/')) == "_tidemark") return Errc::reserved_topic;
  return TopicName(std::string(text));
}

HeaderView HeadersView::iterator::operator*() const {
  const std::size_t name = read_u16(at_);
  const std::size_t value = read_u16(at_ + 2);
  return {{at_ + kHeaderLengths, name}, {at_ + kHeaderLengths + name, value}};
}

HeadersView::iterator& HeadersView::iterator::operator++() {
  at_ += kHeaderLengths + read_u16(at_) + read_u16(at_ + 2);
  return *this;
}

HeadersView::iterator HeadersView::iterator::operator++(int) {
  auto before = *this;
  ++*this;
  return before;
}

bool HeadersView::valid(std::string_view packed) {
  for (std::size_t count = 0; !packed.empty(); ++count) {
    if (count == limits::headers || packed.size() < kHeaderLengths) return false;
    const std::size_t name = read_u16(packed.data());
    const std::size_t value = read_u16(packed.data() + 2);
    if (name == 0 || name > limits::header_name_bytes) return false;
    if (value > limits::header_value_bytes) return false;
    if (packed.size() - kHeaderLengths < name + value) return false;
    packed.remove_prefix(kHeaderLengths + name + value);
  }
  return true;
}

void pack_header(std::string& out, const HeaderView& header) {
  TIDEMARK_ENSURE(!header.name.empty() && header.name.size() <= limits::header_name_bytes &&
                      header.value.size() <= limits::header_value_bytes,
                  "headers are checked before they are packed");
  append_u16(out, header.name.size());
  append_u16(out, header.value.size());
  out.append(header.name).append(header.value);
}

Payload payload_of(std::string_view content_type) {
  const auto type = media_type(content_type);
  if (same_ignoring_case(type, "application/json")) return Payload::json;
  if (ends_ignoring_case(type, "+json")) return Payload::json;
  if (starts_ignoring_case(type, "text/")) return Payload::text;
  return Payload::bytes;
}

Payload stream_payload_of(std::string_view content_type) {
  if (same_content_type(content_type, "application/json")) return Payload::json;
  const Payload payload = payload_of(content_type);
  return payload == Payload::text ? payload : Payload::bytes;
}

bool same_content_type(std::string_view a, std::string_view b) {
  return same_ignoring_case(media_type(a), media_type(b));
}

bool valid_content_type(std::string_view text) {
  if (text.size() > limits::content_type_bytes) return false;
  if (!std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; })) return false;
  const auto type = media_type(text);
  const auto slash = type.find('/');
  if (slash == std::string_view::npos) return false;
  return is_token(type.substr(0, slash)) && is_token(type.substr(slash + 1));
}

Result<void> settle_payload(std::string& data, Form& form, Payload payload) {
  if (form == Form::raw) return ok();
  if (payload == Payload::bytes) return Errc::invalid_payload;
  if (payload == Payload::text) {
    if (!data.starts_with('"')) return Errc::invalid_payload;
    std::string content;
    content.reserve(data.size());
    append_unquoted(data, content);
    data = std::move(content);
  }
  form = Form::raw;
  return ok();
}

Result<void> check_event(NewEvent& event, Payload payload, std::size_t max_event_bytes) {
  const std::size_t most = std::min(max_event_bytes, limits::event_bytes);
  const bool was_json = event.form == Form::json;
  // Before the validation, so that a huge event costs nothing.
  if (!was_json && event.data.size() > most) return Errc::event_too_large;
  if (auto settled = settle_payload(event.data, event.form, payload); !settled) return settled;
  if (event.data.size() > most) return Errc::event_too_large;
  // The decoder has validated the message, so what came as JSON is JSON and its strings are UTF-8.
  if (!was_json && !valid_payload(event.data, payload)) return Errc::invalid_payload;
  if (event.key.size() > limits::key_bytes || !valid_utf8(event.key)) return Errc::invalid_key;
  if (!valid_headers(event.headers)) return Errc::invalid_headers;
  return ok();
}

Result<void> check_producer(const ProducerStamp& stamp) {
  if (stamp.id.empty() || stamp.id.size() > limits::producer_id_bytes)
    return Errc::invalid_producer;
  if (!valid_utf8(stamp.id)) return Errc::invalid_producer;
  return ok();
}

Result<void> check_cursor_name(std::string_view name) {
  if (name.empty() || name.size() > limits::cursor_name_bytes) return Errc::invalid_cursor;
  if (!valid_utf8(name) || std::ranges::any_of(name, is_control)) return Errc::invalid_cursor;
  return ok();
}

bool is_tombstone(std::string_view data, Payload payload) {
  if (payload != Payload::json) return data.empty();
  constexpr std::string_view kBlank = " \t\n\r";  // RFC 8259, 2
  const auto first = data.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return false;
  return data.substr(first, data.find_last_not_of(kBlank) - first + 1) == "null";
}

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    if (text.size() >= 8 && eight_ascii(text)) {
      text.remove_prefix(8);
      continue;
    }
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace tidemark
