// Events and states on stdout: as they are, as JSON, or as a table for people.
// tools/: what `tidemark tail` prints with.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/messages.hpp"

namespace tidemark::tools {

enum class Format : std::uint8_t { raw, json, table };
/// Of how many topics events are printed.
enum class Topics : std::uint8_t { one, many };

/// Collects output until flush(). What each format prints:
/// raw: the payload byte for byte and a line feed; a state's bundle, or the data of each of its
/// entries, likewise. json: the wire form, of an event with its epoch, one object a line; states,
/// gaps and epochs too. table: offset, time, key and data, cut to the terminal; a bundle is a row
/// with "state" for its time. Of many topics raw has the topic and a tab in front, the table a
/// column.
class EventPrinter {
 public:
  EventPrinter(Format format, int fd, Topics topics = Topics::one);

  /// Of the topic whose events and states come next.
  void set_content_type(std::string_view content_type) { payload_ = payload_of(content_type); }
  void event(const Event& event, Epoch epoch);
  /// One part of a state.
  void state(const State& state);
  void gap(const std::string& topic, const Gap& gap);
  void epoch(const EpochNotice& notice);

  /// Should be flushed even if more is waiting.
  [[nodiscard]] bool full() const { return out_.size() >= std::size_t{64} << 10; }
  /// False if nobody reads any more.
  [[nodiscard]] bool flush();

 private:
  /// What a row shows.
  struct Shown {
    std::string_view topic;
    Offset offset;
    std::string time;
    std::string_view key;
    std::string_view data;
  };

  void raw_line(std::string_view topic, std::string_view data);
  void table_head();
  void table_row(const Shown& shown);
  void line(const ServerMessage& message, Payload payload);

  Format format_;
  int fd_;
  Topics topics_;
  bool terminal_;
  bool head_printed_ = false;
  Payload payload_ = Payload::bytes;
  std::string out_;
};

}  // namespace tidemark::tools
