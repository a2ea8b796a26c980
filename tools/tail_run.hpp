// One run of `tidemark tail`: the connection, the signals, and how it ends.
// tools/: what following one topic and following a pattern have in common.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

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
  /// Prints what comes until it is done() or over.
  virtual boost::asio::awaitable<void> follow() = 0;
  /// What is to be told to the broker before the connection goes; the interrupted wait for it.
  virtual boost::asio::awaitable<void> depart();

  // ---- for follow() ----

  /// Prints an event; done() if it was the last one asked for.
  void take(const Event& event, Epoch epoch);
  /// Prints a part of a state.
  void take(const State& state);
  /// `goes_on`: what follows it.
  void take(const std::string& topic, const Gap& gap, const std::string& goes_on);
  void take(const EpochNotice& notice);
  /// Why there is no more: says so, unless we wanted it.
  void ended(const client::Refusal& refusal);
  /// Ends with this, whatever follow() comes to.
  void fail(ExitCode code);
  void finish() { done_ = true; }
  [[nodiscard]] bool done() const { return done_ || interrupted_; }

  [[nodiscard]] const TailOptions& options() const { return options_; }
  [[nodiscard]] EventPrinter& printer() { return printer_; }
  [[nodiscard]] client::Client& client() { return client_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
  boost::asio::awaitable<void> whole();
  boost::asio::awaitable<void> leave();
  void interrupt();
  void close();

  TailOptions options_;
  boost::asio::io_context io_{1};
  EventPrinter printer_;
  boost::asio::signal_set signals_;
  client::Client client_;
  std::uint64_t printed_ = 0;
  bool done_ = false;
  bool interrupted_ = false;
  bool closing_ = false;
  bool failed_ = false;
  int code_ = kOk;
};

}  // namespace tidemark::tools
