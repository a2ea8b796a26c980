// Exports in memory: a small one with something of everything, read and written in pieces.
// tests/tools/: what the tests of both forms are tried on.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/transfer/export_reader.hpp"
#include "tools/transfer/export_writer.hpp"

namespace tidemark::test {

inline NewEvent event_with(std::string data, std::string key = {},
                           std::vector<Header> headers = {}) {
  return {.data = std::move(data), .key = std::move(key), .headers = std::move(headers)};
}

/// Topics "bytes", "orders" (with a gap), "prices" (with keys) and "text".
inline std::vector<tools::ExportItem> sample_items() {
  using namespace tools;  // NOLINT(google-build-using-namespace): a list of its items
  constexpr Timestamp kTime{1'764'000'000'000};
  std::vector<ExportItem> out;
  out.emplace_back(ExportHead{.time = kTime});

  ExportTopic bytes{.name = "bytes", .settings = {}, .created = kTime, .lineage = {{{7}, {1}}}};
  bytes.settings.content_type = "application/octet-stream";
  bytes.settings.durability = storage::Durability::buffered;
  bytes.head = {1};
  bytes.closed = true;
  bytes.last_sequence = "a-1";
  out.emplace_back(bytes);
  std::string all(256, '\0');
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  out.emplace_back(
      ExportEvents{.epoch = {7}, .first = {1}, .time = kTime, .events = {event_with(all)}});

  ExportTopic orders{.name = "orders", .settings = {}, .created = {1}, .lineage = {}};
  orders.settings.retention = {
      .max_events = 100, .max_bytes = UINT64_MAX, .max_age = std::chrono::hours(1)};
  orders.settings.ttl = std::chrono::seconds(3600);
  orders.settings.expires_at = Timestamp{1'900'000'000'000};
  orders.lineage = {{{1001}, {1}}, {{1500}, {4}}, {{2002}, {4}}};
  orders.earliest = {2};
  orders.head = {7};
  out.emplace_back(orders);
  out.emplace_back(
      ExportEvents{.epoch = {1001},
                   .first = {2},
                   .time = {1000},
                   .events = {event_with(R"({"n":2})", "k\"1", {{"kind", "big"}, {"no", "\n"}})}});
  out.emplace_back(ExportGap{.offsets = {{3}, {5}}, .why = "lost \"here\""});
  out.emplace_back(ExportEvents{
      .epoch = {2002},
      .first = {5},
      .time = {2000},
      .events = {event_with("{\n\"n\":5}"), event_with(" 6"), event_with("\"\\u00e9\"")}});
  out.emplace_back(
      ExportProducer{.id = "p1",
                     .state = {.epoch = 3,
                               .last_sequence = 9,
                               .runs = {{.sequence = 8, .requests = 2, .first = {5}, .events = 1}},
                               .last_used = {2000}}});
  out.emplace_back(ExportProducer{.id = "p2", .state = {.epoch = UINT64_MAX, .last_used = {1}}});
  out.emplace_back(
      ExportCursor{.name = "device 1",
                   .cursor = {.position = {{1001}, {3}}, .created = {10}, .acknowledged = {20}}});
  out.emplace_back(ExportState{.state = {.position = {{2002}, {5}},
                                         .stored = {30},
                                         .content_type = "application/json",
                                         .data = R"({"sum":5})"}});

  ExportTopic prices{.name = "prices", .settings = {}, .created = {1}, .lineage = {{{9}, {1}}}};
  prices.settings.keep_latest = true;
  prices.earliest = {4};
  prices.head = {3};
  out.emplace_back(prices);
  for (const std::string key : {"EUR", "USD"}) {
    out.emplace_back(
        ExportKey{.key = key, .offset = {2}, .time = {5}, .event = event_with("1", key)});
  }

  ExportTopic text{.name = "text", .settings = {}, .created = {1}, .lineage = {{{9}, {1}}}};
  text.settings.content_type = "text/plain; charset=utf-8";
  text.head = {3};
  out.emplace_back(text);
  out.emplace_back(ExportEvents{
      .epoch = {9},
      .first = {1},
      .time = {5},
      .events = {event_with("line\nbreak"), event_with(""), event_with("\xc3\xa9 \"\\")}});
  out.emplace_back(ExportState{
      .state = {
          .position = {{9}, {0}}, .stored = {30}, .content_type = "text/csv", .data = "a,b\n"}});
  out.emplace_back(ExportEnd{.topics = 4, .events = 8});
  return out;
}

inline std::string written(tools::ExportForm form, const std::vector<tools::ExportItem>& items) {
  const auto writer = tools::ExportWriter::make(form);
  for (const auto& item : items) writer->write(item);
  return writer->buffer();
}

/// What comparing items comes to: the binary form of each, without its place.
inline std::vector<std::string> plain(const std::vector<tools::ExportItem>& items) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(written(tools::ExportForm::binary, {item}));
  return out;
}

/// Bytes as a file gives them, `piece` at a time.
inline tools::ExportReader::Input input_of(const std::string& bytes, std::size_t piece = 4096) {
  return [bytes, piece, at = std::size_t{0}]() mutable -> std::optional<std::string> {
    auto out = bytes.substr(at, piece);
    at += out.size();
    return out;
  };
}

/// Everything that comes out of an export, up to its end or to what is wrong with it.
struct ReadBack {
  std::vector<tools::ExportItem> items;
  std::optional<tools::ExportFault> fault;
  std::uint64_t whole_bytes = 0;
  [[nodiscard]] bool is(tools::ExportFault::Kind kind) const {
    return fault && fault->kind == kind;
  }
};

inline ReadBack read_back(tools::ExportReader::Input input) {
  ReadBack out;
  auto reader = tools::ExportReader::open(std::move(input));
  if (!reader) {
    out.fault = reader.error();
    return out;
  }
  for (;;) {
    auto item = (*reader)->next();
    if (!item) {
      out.fault = item.error();
      return out;
    }
    if (!*item) return out;
    out.items.push_back(std::move(**item));
    out.whole_bytes = (*reader)->whole_bytes();
  }
}
inline ReadBack read_back(const std::string& bytes, std::size_t piece = 4096) {
  return read_back(input_of(bytes, piece));
}

}  // namespace tidemark::test
