// Entries of a state as JSON.
// broker/: see state_json.hpp.
#include "broker/state_json.hpp"

#include "protocol/base64.hpp"
#include "protocol/json_text.hpp"

namespace tidemark::broker {

namespace {

void append_headers(std::string& out, std::span<const Header> headers) {
  if (headers.empty()) return;
  out += ",\"headers\":{";
  for (const auto& header : headers) {
    append_json_string(out, header.name);
    out += ':';
    append_json_string(out, header.value);
    out += ',';
  }
  out.back() = '}';
}

void append_data(std::string& out, std::string_view data, Payload payload) {
  switch (payload) {
    case Payload::json:
      out.append(",\"data\":").append(data);
      return;
    case Payload::text:
      out += ",\"data\":";
      append_json_string(out, data);
      return;
    case Payload::bytes:
      break;
  }
  out += ",\"data_base64\":\"";
  const std::size_t at = out.size();
  out.resize(at + base64_size(data.size()));
  write_base64(data, out.data() + at);
  out += '"';
}

}  // namespace

void append_entries(std::string& out, std::span<const StateEntry> entries, Payload payload) {
  bool first = true;
  for (const auto& entry : entries) {
    out += first ? "{\"key\":" : ",{\"key\":";
    first = false;
    append_json_string(out, entry.key);
    out += ",\"offset\":";
    append_number(out, entry.offset.value);
    out += ",\"time\":";
    append_number(out, static_cast<std::uint64_t>(entry.time.ms));
    append_headers(out, entry.headers);
    append_data(out, entry.data, payload);
    out += '}';
  }
}

}  // namespace tidemark::broker
