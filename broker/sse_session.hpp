// One connection that is a stream of events: Server-Sent Events.
// broker/: HttpSession makes one when a read asks for live=sse; it lives on one shard for life.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broker/connection.hpp"
#include "broker/event_filter.hpp"
#include "broker/exchange.hpp"
#include "broker/piece_sender.hpp"
#include "broker/shard.hpp"
#include "broker/standing.hpp"
#include "broker/state_feed.hpp"

namespace tidemark::broker {

/// A cursor whose events go out as `data` events, a run of them in one, each followed by a
/// `control` event that tells where the reader is then. Durable Streams, "Server-Sent Events", and
/// beyond it: every event has an `id`, the token of the position it leads to, so that a browser's
/// EventSource resumes there by itself; a `gap` event tells of what is lost. One write is in flight
/// at a time, at most limits.bytes_in_flight of events, or one part of a state. It ends when the
/// caller's right does.
/// A state comes as `state` events, of which only the last has an `id`: who loses the connection in
/// between is not to resume behind a state it has half of. If it can't be had a `failed` event says
/// why, and the stream ends.
/// Threads: the shard's.
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
  [[nodiscard]] bool may_go_on();
  bool serve();
  bool take_events(const storage::Slice& slice);
  bool pass_over(OffsetRange offsets);
  [[nodiscard]] SharedRun frames(const storage::Slice& slice) const;
  void watch_feed();
  void ask_for_state();
  bool serve_state();
  void send_part(const std::shared_ptr<const StatePart>& part);
  [[nodiscard]] std::string_view put_bundle(const std::shared_ptr<const StatePart>& part);
  void put_entries(const StatePart& part);
  void state_failed(Errc code);
  void send_events(const storage::Slice& slice);
  void send_bytes(const storage::Slice& slice);
  void send_gap(const Gap& gap);
  bool tell_tail();
  void load();
  void finish(std::chrono::milliseconds come_back_after);
  [[nodiscard]] bool tell_return();
  void end();
  void send(std::string_view run = {});
  void forget_sent();
  void sweep_blocked(SteadyTime now);
  void time_out(TimeLimit limit);
  void note_events();

  void append_id(std::string& out) const;
  void append_control(std::string& out);
  [[nodiscard]] std::optional<storage::Topic::End> end_if_reached() const;
  [[nodiscard]] Position position() const;

  Transport transport_;
  PieceSender sender_;
  Cursor cursor_;
  const Payload payload_;
  const std::optional<std::uint64_t> client_cursor_;
  const OnGap on_gap_;
  const EventFilter filter_;
  Standing standing_;
  std::unique_ptr<StateFeed> feed_;        ///< of the state that comes next, or is being sent
  std::shared_ptr<const StatePart> part_;  ///< being sent
  std::uint64_t passed_over_ = 0;          ///< events since the client was told where it is
  SharedRun run_;                          ///< events being sent
  std::string front_;                      ///< before them
  std::string back_;                       ///< behind them
  std::optional<Offset> told_tail_;  ///< where a control event has said that there is no more yet
  std::size_t heard_ = 0;            ///< bytes the client has sent, and nobody wanted
  bool loading_ = false;
  bool owes_state_ = false;  ///< a gap has been told, and the state comes next
  bool ending_ = false;      ///< no more events are to be sent
  bool closing_ = false;     ///< all has been sent, and the client told so
  bool over_ = false;
  std::optional<std::chrono::milliseconds> come_back_after_;  ///< ending: still to be told
  SteadyTime alive_until_;  ///< then a control event is due, to show that we are here
  SteadyTime end_at_;       ///< of its lifetime, or of the wait for the client to close
  SteadyTime blocked_since_;
  std::uint64_t blocked_at_ = 0;  ///< sender_.sent_bytes() then
};

}  // namespace tidemark::broker
