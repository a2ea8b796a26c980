// PROTOCOL.md says what the code does: its examples decode, its tables are the code's.
// tests/protocol/
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

std::vector<std::string> lines() {
  std::ifstream file(TIDEMARK_PROTOCOL_MD);
  EXPECT_TRUE(file) << TIDEMARK_PROTOCOL_MD;
  std::vector<std::string> out;
  for (std::string line; std::getline(file, line);) out.push_back(line);
  return out;
}

// The contents of the code blocks that are marked with `mark`.
std::vector<std::string> blocks(const std::string& mark) {
  std::vector<std::string> out;
  bool inside = false;
  for (const auto& line : lines()) {
    if (line == "```" + mark) {
      inside = true;
      out.emplace_back();
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      out.back() += out.back().empty() ? line : '\n' + line;
    }
  }
  return out;
}

bool has_line(const std::string& line) { return std::ranges::count(lines(), line) == 1; }

TEST(ProtocolDocument, ClientExamplesDecodeAndCoverEveryMessage) {
  std::set<std::size_t> kinds;
  for (const auto& text : blocks("json client")) {
    const auto decoded = decode_client(WireForm::json, text);
    ASSERT_TRUE(decoded) << text << ": " << decoded.error().text;
    kinds.insert(decoded->index());
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<ClientMessage>);
}

TEST(ProtocolDocument, ServerExamplesAreWhatTheBrokerWrites) {
  std::set<std::size_t> kinds;
  for (const auto& text : blocks("json server")) {
    const auto decoded = decode_server(WireForm::json, text);
    ASSERT_TRUE(decoded) << text << ": " << decoded.error().text;
    kinds.insert(decoded->index());
    const auto* event = std::get_if<Event>(&*decoded);
    const bool bytes = event != nullptr && event->form == Form::raw;
    EXPECT_EQ(samples::encoded(WireForm::json, *decoded, bytes ? Payload::bytes : Payload::json),
              text);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<ServerMessage>);
}

// Each line: hexadecimal pairs, at least two spaces, what they are.
std::string bytes_of(const std::string& block) {
  std::string bytes;
  std::istringstream in(block);
  for (std::string line; std::getline(in, line);) {
    std::istringstream pairs(line.substr(0, line.find("  ")));
    for (std::string pair; pairs >> pair;) {
      bytes.push_back(static_cast<char>(std::stoi(pair, nullptr, 16)));
    }
  }
  return bytes;
}

TEST(ProtocolDocument, HexExampleIsTheMessageItSays) {
  const auto hex = blocks("hex client");
  ASSERT_EQ(hex.size(), 1U);
  const ClientMessage expected =
      Publish{.id = 2, .topic = "t", .events = {samples::event("hi", "k")}};
  const auto decoded = decode_client(WireForm::binary, bytes_of(hex.front()));
  ASSERT_TRUE(decoded) << decoded.error().text;
  EXPECT_TRUE(*decoded == expected);
  EXPECT_EQ(samples::encoded(WireForm::binary, expected), bytes_of(hex.front()));
}

TEST(ProtocolDocument, ErrorTableIsTheCodes) {
  const auto all = lines();
  auto from = all.begin();
  for (const auto& row : errors()) {
    std::ostringstream line;
    line << "| `" << row.name << "` | " << row.text << " | " << row.http_status << " | "
         << row.close_code << " |";
    const auto at = std::find(from, all.end(), line.str());
    ASSERT_NE(at, all.end()) << "missing or out of order: " << line.str();
    from = at + 1;
  }
}

TEST(ProtocolDocument, LimitsAreTheCodes) {
  const std::pair<const char*, std::size_t> rows[] = {
      {"topic_name_bytes", limits::topic_name_bytes},
      {"key_bytes", limits::key_bytes},
      {"headers", limits::headers},
      {"header_name_bytes", limits::header_name_bytes},
      {"header_value_bytes", limits::header_value_bytes},
      {"event_bytes", limits::event_bytes},
      {"events_per_publish", limits::events_per_publish},
      {"producer_id_bytes", limits::producer_id_bytes},
      {"content_type_bytes", limits::content_type_bytes},
      {"json_depth", limits::json_depth},
      {"cursor_name_bytes", limits::cursor_name_bytes},
      {"filter_keys", limits::filter_keys},
      {"filter_headers", limits::filter_headers},
      {"filter_values", limits::filter_values},
      {"positions", limits::positions},
      {"state_bytes", limits::state_bytes}};
  const auto all = lines();
  for (const auto& [name, value] : rows) {
    const auto start = "| `" + std::string(name) + "` | " + std::to_string(value) + " | `";
    EXPECT_EQ(std::ranges::count_if(all, [&](const auto& l) { return l.starts_with(start); }), 1)
        << start;
  }
}

TEST(ProtocolDocument, NamesTheSubprotocolsAndThePort) {
  EXPECT_TRUE(has_line("1.1 Connect to `ws://HOST:4437/v1/ws`. 4437 is the default port."));
  EXPECT_EQ(kDefaultPort, 4437);
}

}  // namespace
}  // namespace tidemark
