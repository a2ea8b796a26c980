// One connection that is a stream of events: Server-Sent Events.
// broker/: HttpSession makes one when a read asks for live=sse; it lives on one shard for life.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "broker/connection.hpp"
#include "broker/event_filter.hpp"
#include "broker/exchange.hpp"
#include "broker/piece_sender.hpp"
#include "broker/shard.hpp"
#include "broker/sse_dialect.hpp"
#include "broker/standing.hpp"
#include "broker/state_feed.hpp"

namespace tidemark::broker {

/// A cursor whose events go out in the words of a dialect. One write is in flight at a time, at
/// most limits.bytes_in_flight of events, or one part of a state. It ends when the caller's right
/// does. One that is to end by itself (StreamsUntil) is an answer that may be read whole: it lasts
/// no longer than limits.long_poll_timeout and grows no larger than limits.catch_up_bytes, but for
/// a state. Threads: the shard's.
class SseSession final : public Connection,
                         public Waiter,
                         public Flushable,
                         public PieceSender::Owner,
                         public std::enable_shared_from_this<SseSession> {
 public:
  SseSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport,
             EventStreamStart start);
  ~SseSession() override;

  /// Sends the head, then what there is.
  void start(const HeadContext& context);

 private:
  // Connection, Waiter, Flushable, PieceSender::Owner
  void sweep(SteadyTime now) override;
  void drain() override;
  void abort() override;
  void count_cursors(CursorCensus& census) const override;
  void wake() override { schedule(); }
  void flush() override;
  void prefetch() const override;
  void pieces_sent() override;
  void sending_failed() override { abort(); }
  std::shared_ptr<void> keep_alive() override { return shared_from_this(); }

  void schedule() { group().shard().schedule(*this, shared_from_this()); }
  void watch_client();
  [[nodiscard]] std::optional<SseEnd> end_of_standing();
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] bool placed() const { return !feed_ && !owes_state_; }
  bool serve();
  bool take_events(const storage::Slice& slice);
  bool pass_over(OffsetRange offsets);
  [[nodiscard]] SharedRun frames(const storage::Slice& slice) const;
  void send_events(const storage::Slice& slice);
  void notify(Step&& step);
  void watch_feed();
  void ask_for_state();
  bool serve_state();
  void send_part(const std::shared_ptr<const StatePart>& part);
  void state_failed(Errc code);
  void tell_gap(GapNotice&& notice);
  bool tell_tail();
  void tell_place();
  void load();
  void finish(const SseEnd& end);
  [[nodiscard]] bool say_farewell();
  void end();
  void send();
  void forget_sent();
  void sweep_blocked(SteadyTime now);
  void time_out(TimeLimit limit);

  Transport transport_;
  PieceSender sender_;
  Cursor cursor_;
  const std::unique_ptr<SseDialect> dialect_;
  const OnGap on_gap_;
  const EventFilter filter_;
  Standing standing_;
  const bool bounded_;               ///< ends by itself
  std::unique_ptr<StateFeed> feed_;  ///< of the state that comes next, or is being sent
  std::uint64_t passed_over_ = 0;    ///< events since the client was told where it is
  SseOut out_;                       ///< being sent
  std::size_t sent_ = 0;             ///< bytes behind the head
  std::size_t heard_ = 0;            ///< bytes the client has sent, and nobody wanted
  bool loading_ = false;
  bool owes_state_ = false;  ///< a gap has been told, and the state comes next
  bool ending_ = false;      ///< no more events are to be sent
  bool closing_ = false;     ///< all has been sent, and the client told so
  bool over_ = false;
  std::optional<SseEnd> farewell_;  ///< ending: still to be told
  SteadyTime alive_until_;          ///< then a sign is due that we are here
  SteadyTime end_at_;               ///< of its lifetime, or of the wait for the client to close
  SteadyTime blocked_since_;
  std::uint64_t blocked_at_ = 0;  ///< sender_.sent_bytes() then
};

}  // namespace tidemark::broker
