// One HTTP connection: requests one after another, or the way to a WebSocket.
// broker/: the server makes one for every connection it accepts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "broker/connection.hpp"
#include "broker/exchange.hpp"
#include "broker/piece_sender.hpp"
#include "broker/session_log.hpp"

namespace tidemark::broker {

class WebSocketSession;

/// Reads a request, answers it, then reads the next: what a client sends ahead waits in the buffer.
/// Everything of a request is bounded in bytes and in time. Threads: the shard's.
class HttpSession final : public Connection,
                          public Exchange,
                          public PieceSender::Owner,
                          public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(ConnectionGroup& group, ConnectionSlot slot, Transport transport);
  ~HttpSession() override;

  void start() { start(group().ends_within(group().limits().handshake_timeout)); }
  /// `head_by`: when the head of the first request has to have come.
  void start(SteadyTime head_by);

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Request = Parser::value_type;
  /// What the connection is doing; what its deadline means follows from it.
  enum class State : std::uint8_t { idle, head, judging, body, working, writing, lingering, over };

  // Connection
  void sweep(SteadyTime now) override;
  void drain() override;
  void abort() override;
  void count_cursors(CursorCensus& census) const override;
  // Exchange
  [[nodiscard]] std::string publisher() const override { return Connection::publisher(caller_); }
  [[nodiscard]] const Caller& caller() const override { return caller_; }
  [[nodiscard]] bool is_secure() const override { return transport_.tls() != nullptr; }
  void respond(HttpReply reply) override;
  void respond(HttpReply head, std::unique_ptr<BodyParts> body) override;
  void wait_with(std::shared_ptr<PendingAnswer> answer) override;
  void stream(EventStreamStart start) override;
  // PieceSender::Owner
  void pieces_sent() override { written(); }
  void sending_failed() override { abort(); }
  std::shared_ptr<void> keep_alive() override { return shared_from_this(); }

  void enter(State state, std::chrono::milliseconds time);
  void await(State state);
  void read();
  void on_read(boost::system::error_code error, std::size_t bytes);
  void advance();
  bool take_step();
  bool take_idle();
  bool take_head();
  bool take_body();
  void head_done();
  void identify();
  void identified(const AuthOutcome& outcome);
  void note_auth();
  void begin_body();
  bool invite_body(const Request& request);
  std::optional<HttpReply> refuse(const Request& request) const;
  bool limit_body();
  bool speak_for_client(const Request& request);
  void timed_out(TimeLimit limit);
  void set_answer(std::shared_ptr<PendingAnswer> answer);
  std::shared_ptr<PendingAnswer> drop_answer();
  void note(const HttpReply& reply, Channel channel);
  [[nodiscard]] Speaker speaker() const { return {id(), requests_, client(), caller_}; }
  void dispatch();
  bool asks_for_upgrade(const Request& request);
  void upgrade(const Request& request);
  void upgrade_to_echo(const Request& request);
  std::shared_ptr<WebSocketSession> become_web_socket(WireForm form);
  bool answer_preflight(const Request& request);
  void fail(HttpReply reply);
  void watch_client();
  void written();
  void send_parts();
  bool send_part(BodyParts::Part part);
  void give_back_memory();
  void hold_answer(std::size_t bytes);
  void see_progress(SteadyTime now);
  void linger();
  [[nodiscard]] HeadContext head_context() const;

  [[nodiscard]] std::string_view pending() const;

  Transport transport_;
  boost::beast::flat_buffer in_;
  std::optional<Parser> parser_;  ///< once the head is whole
  PieceSender sender_;
  std::string out_;                   ///< the answer's head, and a short body
  std::unique_ptr<HttpReply> reply_;  ///< being sent, if it has more than fits out_
  std::unique_ptr<BodyParts> parts_;  ///< of the body being sent, those to come
  std::string part_;                  ///< being sent
  std::weak_ptr<std::shared_ptr<HttpSession>> watcher_;  ///< what the wait for the client holds
  std::shared_ptr<PendingAnswer> answer_;                ///< who will answer the request at hand
  std::string asked_for_;        ///< method and path of the request, for the log
  std::string cors_origin_;      ///< the allowed origin of the request; empty: none
  Caller caller_;                ///< who has sent the request at hand
  std::optional<Errc> refused_;  ///< what it is refused for, once it has come
  SteadyTime deadline_;
  std::uint64_t requests_ = 0;  ///< so far, this one included
  std::size_t checked_ = 0;     ///< bytes of the head that have been looked at
  std::size_t body_limit_ = 0;  ///< most bytes of the body
  std::size_t body_bytes_ = 0;  ///< raw, chunk headers included
  ByteShare arriving_;          ///< of the body
  std::size_t lingered_ = 0;
  std::size_t held_ = 0;             ///< bytes of an answer that waits for the client
  std::uint64_t sent_at_sweep_ = 0;  ///< sender_.sent_bytes() when it was last looked at
  State state_ = State::idle;
  bool reading_ = false;
  bool advancing_ = false;
  bool close_ = false;  ///< after the answer
  bool asked_ = false;  ///< there has been a request
  bool late_ = false;   ///< a request has taken too long to arrive
  bool head_only_ = false;
  bool takes_chunks_ = false;  ///< the client does: it is not of HTTP/1.0
  bool is_state_ = false;      ///< the body is one that is to be stored
  bool preflight_ = false;
  bool shown_ = false;    ///< the request shows a credential
  bool cookies_ = false;  ///< credentials may come in cookies
  bool draining_ = false;
};

}  // namespace tidemark::broker
