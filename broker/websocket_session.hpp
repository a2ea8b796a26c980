// One WebSocket connection: requests in, answers and events out.
// broker/: HttpSession makes one on upgrade; it lives on one shard for life.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/intrusive/list.hpp>

#include "broker/connection.hpp"
#include "broker/cursor.hpp"
#include "broker/fanout_stream.hpp"
#include "broker/message_use.hpp"
#include "broker/session_log.hpp"
#include "broker/shard.hpp"
#include "broker/standing.hpp"
#include "protocol/codec.hpp"

namespace tidemark::broker {

/// The wire form a client asks for with Sec-WebSocket-Protocol; JSON if it asks for none. nullopt:
/// it asks only for what this broker does not speak.
[[nodiscard]] std::optional<WireForm> choose_form(std::string_view offered);

/// Answers go out in the order of their making, events behind the answers made before them. One
/// write is in flight at a time. What waits in memory for a client is bounded: answers by
/// limits.reply_bytes (then reading pauses), events by limits.bytes_in_flight. Of a state it is one
/// part at a time, whose bytes are shared with all who are sent it.
/// Threads: the shard's.
class WebSocketSession final : public Connection,
                               public Flushable,
                               public FanoutStream::Owner,
                               private MessageUse,
                               public std::enable_shared_from_this<WebSocketSession> {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  WebSocketSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport, WireForm form);
  ~WebSocketSession() override;

  /// Its messages are for `use`, which outlives this, instead of topics. Before accept().
  void serve(MessageUse& use) { use_ = &use; }
  /// Answers the upgrade. `behind`: bytes that came after the request.
  /// `tell_form`: the client offered subprotocols, so the choice must be told. `standing`: of who
  /// asked for the upgrade; without any right it has to say who it is within the handshake's time.
  void accept(const Request& request, std::string_view behind, bool tell_form, Standing standing);

 private:
  struct Acknowledgements;
  struct Beginning;
  struct Delivery;
  struct Follower;
  struct Found;
  struct Pattern;
  struct PatternPage;
  struct Publishing;
  using Stream = boost::beast::websocket::stream<FanoutStream, false>;
  /// What a follower with something to do hangs by.
  struct Ready : boost::intrusive::list_base_hook<
                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};

  // Connection, Flushable, FanoutStream::Owner, MessageUse of topics
  void sweep(SteadyTime now) override;
  void drain() override;
  void abort() override;
  void count_cursors(CursorCensus& census) const override;
  void flush() override;
  void prefetch() const override;
  void stream_free() override { schedule(); }
  void stream_failed() override { abort(); }
  std::string_view before_close() override;
  std::shared_ptr<void> keep_alive() override { return shared_from_this(); }
  [[nodiscard]] std::size_t most_bytes(const ServerLimits& limits) const override {
    return limits.message_bytes;
  }
  void take(const WebSocketMessage& message, std::string& out) override;
  void tell(const ServerMessage& message, std::string& out) const override;

  [[nodiscard]] FanoutStream& stream() { return ws_.next_layer(); }
  void schedule() { group().shard().schedule(*this, shared_from_this()); }

  // reading
  void accepted(boost::system::error_code error);
  void read();
  [[nodiscard]] bool may_read() const;
  boost::asio::mutable_buffer space();
  [[nodiscard]] bool make_room();
  void forget_message();
  [[nodiscard]] bool is_arriving_too_slowly(SteadyTime now) const;
  void on_read(boost::system::error_code error, std::size_t bytes);
  void take_message();

  // requests
  void handle(Subscribe&& message);
  void handle(Unsubscribe&& message);
  void handle(Publish&& message);
  void handle(Ping&& message);
  void handle(Authenticate&& message);
  void handle(Acknowledge&& message);
  void published(Publishing& request);
  void acknowledge_waiting();
  void acknowledged(Acknowledgements& batch);

  // subscriptions
  [[nodiscard]] std::optional<Errc> refuse_subscribe(const Subscribe& message) const;
  void add(const std::shared_ptr<Follower>& follower);
  void open(const std::shared_ptr<Follower>& follower, const TopicName& name,
            std::shared_ptr<storage::Topic> topic);
  void begin(Follower& follower, Found found);
  void fail(Follower& follower, Errc code, std::optional<Gap> gap = std::nullopt);
  void start_at(Follower& follower, const std::shared_ptr<storage::Topic>& topic, Position start);
  void remove(const Follower& follower);
  [[nodiscard]] Follower* find(std::string_view topic) const;

  // patterns
  void follow_pattern(Subscribe&& message);
  [[nodiscard]] std::optional<Errc> refuse_pattern(const Subscribe& message) const;
  void unfollow_pattern(const Unsubscribe& message);
  void list_next();
  void take_page(Pattern& pattern, PatternPage& page);
  std::shared_ptr<Follower> follow(Pattern& pattern, const std::shared_ptr<storage::Topic>& topic);
  void follow_created(Pattern& pattern, const std::shared_ptr<storage::Topic>& topic);
  void follow_successor(const Follower& ended);
  [[nodiscard]] bool make_way(const std::shared_ptr<storage::Topic>& topic);
  void drop(const std::shared_ptr<Pattern>& pattern);
  void drop_patterns();
  [[nodiscard]] std::shared_ptr<Pattern> find_pattern(std::string_view text) const;
  [[nodiscard]] std::shared_ptr<Pattern> pattern_for(std::string_view topic) const;

  // access
  [[nodiscard]] const Caller& caller() const { return standing_.caller(); }
  [[nodiscard]] std::optional<std::chrono::milliseconds> wait_to_authenticate();
  void authenticated(RequestId id, const AuthOutcome& outcome);
  void replace_caller(RequestId id, Caller caller);
  void note_auth(AuthEvent event);
  void end_for(AuthEvent event);
  bool look_at_standing(SteadyTime now);
  void end_forbidden();

  // answers
  void answer(const ServerMessage& message);
  void answer_failure(Failure&& failure);
  void refuse(RequestId id, Errc code, std::string_view topic, std::string text = {});
  void say_goodbye();
  void close(Errc reason);
  [[nodiscard]] Speaker speaker() const { return {id(), 0, client(), caller()}; }

  // sending
  void forget_sent();
  void send_replies();
  bool serve(Follower& follower);
  void notify(Follower& follower, Step& step);
  void send_events(Follower& follower, const storage::Slice& slice);
  void send_passing(Follower& follower, const storage::Slice& slice);
  void send_frames(const storage::FrameRun& run, std::shared_ptr<const storage::Segment> segment);
  void tell_advanced(Follower& follower);
  void ask_state(Follower& follower, const std::shared_ptr<storage::Topic>& topic,
                 std::optional<Position> otherwise);
  bool serve_state(Follower& follower);
  void begin_state(Follower& follower);
  void state_failed(Follower& follower, Errc reason);
  bool send_part(Follower& follower);
  void load(Follower& follower);
  void end(Follower& follower, Errc reason);
  void start_close();
  void give_back_memory();
  void sweep_blocked(SteadyTime now);
  void time_out(TimeLimit limit);

  Stream ws_;
  const WireForm form_;
  MessageUse* use_ = this;  ///< what its messages are for: topics, unless said otherwise
  bool open_ = false;       ///< the handshake is over
  bool over_ = false;       ///< nothing more will be read or sent
  bool reading_ = false;
  bool draining_ = false;
  bool said_goodbye_ = false;
  bool close_started_ = false;
  bool pinged_ = false;
  bool authenticating_ = false;  ///< nothing is read until it is known who this is
  std::optional<Errc> closing_;  ///< close once the answers have gone, with this reason
  bool pins_state_ = false;      ///< what pinned_ is of
  bool acknowledging_ = false;
  bool listing_ = false;         ///< for one of the patterns
  std::uint32_t publishes_ = 0;  ///< in flight

  Standing standing_;
  SteadyTime auth_by_;    ///< until then who may nothing may wait; none: it may something
  SteadyTime auth_next_;  ///< when an auth would come at the pace allowed

  std::string replies_;  ///< frames to be sent
  std::string sending_;  ///< frames being sent: answers, or the rest of a stalled run
  std::shared_ptr<const void> pinned_;  ///< keeps what is being sent of a segment or a state
  std::size_t looks_ = 0;               ///< at events that filters may take in this turn

  std::vector<std::shared_ptr<Follower>> followers_;
  std::vector<std::shared_ptr<Pattern>> patterns_;
  std::vector<Acknowledge> acks_;  ///< that wait for the reader thread
  boost::intrusive::list<Ready, boost::intrusive::constant_time_size<false>> ready_;

  SteadyTime last_seen_;  ///< when something was read
  SteadyTime deadline_;   ///< of the handshake, then of the close
  SteadyTime blocked_since_;
  std::uint64_t blocked_at_ = 0;  ///< sent_bytes() then

  std::size_t filled_ = 0;       ///< bytes of the message so far
  std::string large_;            ///< a message that small_ has no room for
  ByteShare arriving_;           ///< of large_
  SteadyTime message_by_;        ///< when a message that has begun has to be whole; none: no such
  std::array<char, 512> small_;  ///< most messages fit; an idle connection needs no heap to read
};

}  // namespace tidemark::broker
