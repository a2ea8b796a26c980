// Numbered events in the bodies of answers and in event streams, each checked in nanoseconds.
// tools/: part of `tidemark bench`; pure. The events are those of Payloads, stamped with numbers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::tools::bench {

/// What a stream is made of: JSON values, or bytes.
enum class StreamType : std::uint8_t { json, bytes };
[[nodiscard]] std::string_view content_type(StreamType type);

/// Reads the events of one stream as they come in pieces cut anywhere: in JSON as arrays, of bytes
/// one event after another. Every event has the same size.
///
/// Events are numbered by whoever wrote them. One writer's come in order: 0, 1, 2, … With several
/// writers only each one's own do, so they are dealt out over *lanes*: of three lanes the second
/// has the numbers 1, 4, 7, … A number that is not the next of its lane is a gap or a double.
class EventBody {
 public:
  /// `first`: the number that comes first. Pre: size >= Payloads::least_bytes, and first is 0 if
  /// there are several lanes.
  EventBody(StreamType type, std::size_t size, std::size_t lanes = 1, std::uint64_t first = 0);

  /// Around the pieces of one answer.
  void begin();
  /// Throws BenchError if what comes is not the next event.
  void take(std::string_view piece);
  /// Throws BenchError if an event or the array is not whole.
  void end();

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// The number that comes next. Pre: one lane.
  [[nodiscard]] std::uint64_t next() const { return next_.front(); }

 private:
  // Before each event's data: in JSON "[" or ",", then in both the stamp with what surrounds it.
  static constexpr std::size_t kDigits = 15;
  static constexpr std::size_t kMostHead = 32;

  bool array_ends(char c);
  void check(const char* head);
  void check_lane(const char* head);
  void write_expected();
  [[noreturn]] void wrong(const char* head) const;

  StreamType type_;
  std::size_t head_size_;            ///< of an event: up to and including the number
  std::size_t rest_size_;            ///< of an event: after it
  std::vector<std::uint64_t> next_;  ///< by lane
  std::uint64_t count_ = 0;
  std::array<char, kMostHead> expected_{};  ///< the next head, if there is one lane
  std::array<char, kMostHead> head_{};      ///< one that came in pieces
  std::size_t have_ = 0;                    ///< of it
  std::size_t rest_ = 0;                    ///< of the event that is coming
  bool first_ = true;                       ///< of the array
  bool closed_ = false;                     ///< the array is
};

/// Follows an event stream (text/event-stream) of the Durable Streams protocol with JSON events,
/// cut anywhere: "data" events carry them in arrays, of one line or of several, "control" events
/// the position; "id" lines may say it too. Comments, retry times and unknown fields are passed
/// over. Throws BenchError if an event is not the next one, or the server tells of a gap.
class EventStream {
 public:
  explicit EventStream(std::size_t size, std::uint64_t first)
      : body_(StreamType::json, size, 1, first) {}

  void take(std::string_view piece);

  /// The number of the event that comes next.
  [[nodiscard]] std::uint64_t next() const { return body_.next(); }
  /// A control event has said that this is the end of the stream for now.
  [[nodiscard]] bool up_to_date() const { return up_to_date_; }
  /// Where to go on, as the last control event said it.
  [[nodiscard]] const std::string& position() const { return position_; }
  [[nodiscard]] std::uint64_t controls() const { return controls_; }

 private:
  enum class Kind : std::uint8_t { none, data, control, other };

  void line(std::string_view text);
  void begin(std::string_view kind);
  void control(std::string_view text);
  void dispatch();

  EventBody body_;
  std::string line_;  ///< the beginning of one that was cut
  Kind kind_ = Kind::none;
  bool up_to_date_ = false;
  std::string position_;
  std::uint64_t controls_ = 0;
};

}  // namespace tidemark::tools::bench
