// One run of `tidemark tail`: the connection, the signals, and how it ends.
// tools/: what following one topic and following a pattern have in common.
#pragma once

#include <cstdint>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "protocol/client/client.hpp"
#include "tools/exit_code.hpp"
#include "tools/tail_options.hpp"

namespace tidemark::tools {

/// All on one thread.
class TailRun {
 public:
  explicit TailRun(TailOptions options);
  virtual ~TailRun() = default;
  TailRun(const TailRun&) = delete;
  TailRun& operator=(const TailRun&) = delete;

  /// To the end; the ExitCode.
  int run();

 protected:
  /// Prints what comes until it is done() or over; then settle()s.
  virtual boost::asio::awaitable<void> follow() = 0;

  // ---- of a named cursor ----

  /// All that was taken has been printed.
  virtual void printed() {}
  /// Has something been printed that is not acknowledged?
  [[nodiscard]] virtual bool owes() const { return false; }
  /// Tells the broker of it. What it refuses goes to refused().
  virtual boost::asio::awaitable<void> acknowledge();
  /// What passes is tried again; anything else is the end.
  void refused(const client::Refusal& refusal);

  // ---- for follow() ----

  /// Prints an event; done() if it was the last one asked for.
  void take(const Event& event, Epoch epoch);
  /// Prints a part of a state.
  void take(const State& state);
  /// `goes_on`: what follows it.
  void take(const std::string& topic, const Gap& gap, const std::string& goes_on);
  void take(const EpochNotice& notice);
  /// Prints what was taken; has it acknowledged soon. False if nobody reads any more.
  [[nodiscard]] bool flush();
  /// Prints the rest and waits a little until it is acknowledged.
  boost::asio::awaitable<void> settle();
  /// Why there is no more: says so, unless we wanted it.
  void ended(const client::Refusal& refusal);
  /// Ends with this, whatever follow() comes to.
  void fail(ExitCode code);
  void finish() { done_ = true; }
  [[nodiscard]] bool done() const { return done_ || interrupted_; }

  [[nodiscard]] const TailOptions& options() const { return options_; }
  [[nodiscard]] EventPrinter& printer() { return printer_; }
  [[nodiscard]] client::Client& client() { return client_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  boost::asio::awaitable<void> whole();
  boost::asio::awaitable<void> leave();
  boost::asio::awaitable<void> last_words();
  void interrupt();
  void close();

  TailOptions options_;
  boost::asio::io_context io_{1};
  EventPrinter printer_;
  boost::asio::signal_set signals_;
  client::Client client_;
  boost::asio::steady_timer acknowledge_at_;
  bool acknowledge_armed_ = false;
  boost::asio::steady_timer patience_;
  std::uint64_t events_ = 0;
  bool done_ = false;
  bool interrupted_ = false;
  bool closing_ = false;
  bool failed_ = false;
  int code_ = kOk;
};

}  // namespace tidemark::tools
