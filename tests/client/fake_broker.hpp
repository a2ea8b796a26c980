// A broker in a hundred lines: real sockets, the real wire, a log in memory, and faults on order.
// tests/client/: scripts what a real broker does rarely; nothing here is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "protocol/codec.hpp"

namespace tidemark::test {

/// What becomes of a publish.
struct Fault {
  enum class Kind {
    none,
    drop_before,  ///< the connection goes before it is appended
    drop_after,   ///< … after it is appended, before it is answered
    refuse,       ///< answered with `code`, not appended
    ignore,       ///< neither appended nor answered
    close,        ///< the connection is closed with close code `close_code`
  };
  Kind kind = Kind::none;
  Errc code = Errc::overloaded;
  std::uint16_t close_code = 1009;
};

/// Public functions may be called from any thread; hooks run on the broker's.
class FakeBroker {
 public:
  explicit FakeBroker(WireForm form = WireForm::binary, std::uint16_t port = 0);
  ~FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_); }

  // ---- the log ----
  void create(const std::string& topic, std::string content_type = "text/plain");
  void append(const std::string& topic, const std::string& data, const std::string& key = {});
  /// What is sent to those who want the topic's state, its parts as they are.
  void set_state(const std::string& topic, std::vector<State> parts);
  /// Forgets events below `keep`.
  void trim(const std::string& topic, std::uint64_t keep);
  /// Deletes and tells subscribers.
  void remove(const std::string& topic);
  /// A new history from here on: a new epoch.
  void new_epoch(const std::string& topic);
  [[nodiscard]] std::vector<std::string> log(const std::string& topic);

  // ---- faults ----
  /// Decides about the nth publish received, from 0. Set before clients connect.
  std::function<Fault(const Publish&, std::uint64_t nth)> on_publish;
  /// True: the connection is dropped after the nth event sent, counted over all connections.
  std::function<bool(std::uint64_t nth)> drop_after_event;
  /// True: the connection is dropped after the nth part of a state sent, likewise counted.
  std::function<bool(std::uint64_t nth)> drop_after_part;
  /// Decides about the nth acknowledgement received, from 0.
  std::function<Fault(const Acknowledge&, std::uint64_t nth)> on_acknowledge;
  /// Why a pattern cannot have a topic; nothing: it can.
  std::function<std::optional<Errc>(const std::string& topic)> refuse_topic;
  /// True: the nth connection is dropped when it has shaken hands.
  std::function<bool(std::uint64_t nth)> drop_connection;
  /// Changes what is sent for an event; nothing: it is left out.
  std::function<std::optional<Event>(Event)> change_event;
  /// Pings are answered.
  std::function<bool()> answer_pings;
  /// Why the credential of an upgrade or an auth is refused; nothing: it is taken.
  std::function<std::optional<Errc>(const std::string& credential)> admit;

  /// To every connection.
  void send(const ServerMessage& message);
  void send_bytes(const std::string& bytes);
  void say_goodbye(std::uint32_t reconnect_after_ms);
  void drop_all();
  /// Closes every connection for this reason.
  void close_all(Errc reason);

  // ---- what it saw ----
  [[nodiscard]] std::uint64_t connections();
  [[nodiscard]] std::uint64_t events_sent();
  [[nodiscard]] std::vector<Publish> publishes();
  [[nodiscard]] std::vector<Subscribe> subscribes();
  [[nodiscard]] std::vector<Unsubscribe> unsubscribes();
  [[nodiscard]] std::vector<Acknowledge> acknowledgements();
  [[nodiscard]] std::uint64_t pings();
  /// What was shown, by upgrades and by auths; empty: nothing.
  [[nodiscard]] std::vector<std::string> upgrades();
  [[nodiscard]] std::vector<std::string> auths();

 private:
  struct Topic;
  struct Connection;
  using Socket = boost::asio::ip::tcp::socket;

  template <class F>
  auto on_thread(F f);
  void accept();
  void wake_all();
  ServerMessage publish(const Publish& request, const Fault& fault);
  ServerMessage append_checked(const Publish& request);
  void handle(Connection& connection, const ClientMessage& message);
  void authenticate(Connection& connection, const Authenticate& message);
  void subscribe(Connection& connection, const Subscribe& request);
  struct Reader;
  static void give_state(const Topic& topic, Reader& reader);
  static void begin(const Topic& topic, const std::string& name, const Subscribe& request,
                    bool later, Reader& reader);
  void follow(Connection& connection, const std::string& name, const Subscribe& request,
              bool later);
  void follow_pattern(Connection& connection, const Subscribe& request);
  void unsubscribe(Connection& connection, const Unsubscribe& request);
  void acknowledge(Connection& connection, const Acknowledge& request);
  [[nodiscard]] std::optional<Gap> gap_of(const Topic& topic, const StartAfter& start) const;

  WireForm form_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::map<std::string, Topic> topics_;
  std::set<std::shared_ptr<Connection>> connections_;
  std::uint64_t accepted_ = 0;
  std::uint64_t events_sent_ = 0;
  std::uint64_t parts_sent_ = 0;
  std::uint64_t pings_ = 0;
  std::uint64_t next_epoch_ = 7;
  std::vector<Publish> publishes_;
  std::vector<Subscribe> subscribes_;
  std::vector<Unsubscribe> unsubscribes_;
  std::vector<Acknowledge> acknowledgements_;
  std::map<std::pair<std::string, std::string>, Position> cursors_;  ///< by topic and name
  std::vector<std::string> upgrades_;
  std::vector<std::string> auths_;
  std::thread thread_;
};

}  // namespace tidemark::test
