// From the command line to batches, and from their outcome to a summary and an exit code.
// tools/: see pub.hpp.
#include "tools/pub.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/json_slices.hpp"
#include "tools/broker_http.hpp"
#include "tools/connection_notes.hpp"
#include "tools/exit_code.hpp"
#include "tools/interrupt.hpp"
#include "tools/line_batches.hpp"
#include "tools/publisher.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {
namespace {

using Clock = std::chrono::steady_clock;

// How long answers are still waited for after Ctrl-C.
constexpr std::chrono::seconds kLastPatience{2};

constexpr const char* kFooter = R"(
Without DATA all of stdin is one event. With --lines every line is one, published as it comes, many
in flight; lines are taken byte for byte without their line feed. Empty lines are empty events unless
--skip-empty is given (a JSON topic refuses them).

A topic that does not exist yet is created with --content-type; without it lines make a text/plain
topic, other data application/json if it is JSON, else text/plain or application/octet-stream. If the
topic exists, the data need only fit the content type it has.

A lost connection and a broker that restarts are waited for; nothing is published twice.

Examples:
  tidemark pub orders '{"order": 7}' --key order-7
  tidemark pub syslog --lines < /var/log/syslog
  tail -F app.log | tidemark pub app/log --lines
  tidemark pub photos --content-type image/jpeg < cat.jpg)";

struct PubOptions {
  BrokerChoice broker;
  std::string topic;
  std::optional<std::string> data;
  bool lines = false;
  bool skip_empty = false;
  std::string content_type;
  std::string key;
  std::vector<std::string> headers;
  std::string producer;
  std::uint64_t producer_epoch = 0;
  std::uint64_t sequence = 0;
  std::optional<std::uint64_t> expect_last;
  std::size_t batch = 0;
  std::string timeout = "30s";
  bool progress = false;
  bool quiet = false;
  bool json = false;
};

std::vector<Header> parse_headers(const std::vector<std::string>& given) {
  std::vector<Header> out;
  for (const auto& text : given) {
    const auto at = text.find('=');
    if (at == 0 || at == std::string::npos) {
      throw CLI::ValidationError("--header", "must be NAME=VALUE: " + text);
    }
    out.push_back({text.substr(0, at), text.substr(at + 1)});
  }
  return out;
}

std::string guess_content_type(const std::string& data) {
  if (!check_json(data, limits::json_depth).fault) return "application/json";
  return valid_utf8(data) ? "text/plain" : "application/octet-stream";
}

/// One run of the subcommand.
class Pub {
 public:
  Pub(PubOptions options, std::vector<Header> headers)
      : options_(std::move(options)),
        headers_(std::move(headers)),
        timeout_(parse_duration_ms(options_.timeout).value_or(0)),
        publisher_(client_options(options_), options_.topic, client::milliseconds(timeout_)),
        sequence_(options_.sequence) {}

  int run() {
    const auto connected = publisher_.connect();
    if (!connected && interrupted()) return kIncomplete;
    if (!connected) {
      return complain_of(connected.error());
    }
    const int code = options_.lines ? publish_lines() : publish_whole();
    publisher_.close();
    return code;
  }

 private:
  static client::ClientOptions client_options(const PubOptions& options) {
    client::ClientOptions out;
    out.url = options.broker.server;
    out.credential = credential_of(options.broker);
    out.trust = trust_of(options.broker);
    out.on_status = ConnectionNotes(options.quiet);
    return out;
  }

  // ---- one event ----

  int publish_whole() {
    std::string data;
    if (options_.data) {
      data = *options_.data;
    } else if (const int code = read_all(data); code != kOk) {
      return code;
    }
    Batch batch = batch_of({});
    batch.events.push_back(event_of(std::move(data)));
    const auto code = publish_first(batch, guess_content_type(batch.events.front().data));
    return code == kOk ? summarise() : code;
  }

  int read_all(std::string& data) {
    if (is_terminal(STDIN_FILENO) && !options_.quiet) note("reading the event; Ctrl-D ends it");
    std::vector<char> bytes(std::size_t{64} << 10);
    for (;;) {
      const auto got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
      if (got == 0) return kOk;
      if (got < 0 && errno == EINTR && interrupted()) return kIncomplete;
      if (got < 0 && errno != EINTR) return cannot_read();
      if (got > 0) data.append(bytes.data(), static_cast<std::size_t>(got));
      if (data.size() <= limits::event_bytes) continue;
      complain("stdin is larger than an event may be (16 MiB); --lines makes each line an event");
      return kFailed;
    }
  }

  // ---- lines ----

  int publish_lines() {
    const bool own = !options_.producer.empty();
    BatchLimits batch_limits;
    batch_limits.skip_empty = options_.skip_empty;
    // With an identity of one's own a line must come under the same sequence every time.
    batch_limits.exact = own || options_.batch > 0;
    if (batch_limits.exact) batch_limits.lines = std::max<std::size_t>(options_.batch, 1);
    LineBatches input(STDIN_FILENO, batch_limits, interrupted);
    std::vector<std::string> lines;
    bool first = true;
    for (;;) {
      const auto outcome = input.next(lines);
      if (outcome == LineBatches::Outcome::end) break;
      if (outcome != LineBatches::Outcome::batch) return stop(outcome);
      Batch batch = batch_of(lines);
      batch.first_line = input.first_line();
      if (first) {
        first = false;
        if (const int code = publish_first(batch, "text/plain"); code != kOk) return code;
      } else if (!publisher_.send(std::move(batch))) {
        break;
      }
      show_progress(input.bytes_read(), false);
    }
    return finish(input.bytes_read());
  }

  int stop(LineBatches::Outcome outcome) {
    if (outcome == LineBatches::Outcome::interrupted) return finish(0);
    if (outcome == LineBatches::Outcome::failed) return cannot_read();
    complain("a line is longer than an event may be (16 MiB)");
    static_cast<void>(finish(0));
    return kFailed;
  }

  int finish(std::uint64_t bytes_read) {
    std::optional<Clock::time_point> give_up;
    const bool all = publisher_.wait([&] {
      show_progress(bytes_read, false);
      if (interrupted() && !give_up) give_up = Clock::now() + kLastPatience;
      return !give_up || Clock::now() < *give_up;
    });
    show_progress(bytes_read, true);
    if (const auto rejected = publisher_.rejected()) return explain(*rejected);
    if (!all || interrupted()) {
      static_cast<void>(summarise());
      warn(all ? "interrupted; everything read so far is published"
               : "interrupted; the last batches may be published or not");
      return kIncomplete;
    }
    return summarise();
  }

  // ---- batches ----

  NewEvent event_of(std::string data) const {
    NewEvent out;
    out.data = std::move(data);
    out.key = options_.key;
    out.headers = headers_;
    return out;
  }

  Batch batch_of(const std::vector<std::string>& lines) {
    Batch out;
    for (const auto& line : lines) out.events.push_back(event_of(line));
    if (!options_.producer.empty()) {
      out.producer = ProducerStamp{options_.producer, options_.producer_epoch, sequence_++};
    }
    if (options_.expect_last) {
      out.expected_last = Offset{*std::exchange(options_.expect_last, std::nullopt)};
    }
    return out;
  }

  /// The first batch settles the content type: ours if the topic is new, else the topic's.
  int publish_first(const Batch& batch, const std::string& guess) {
    const bool given = !options_.content_type.empty();
    publisher_.set_content_type(given ? options_.content_type : guess);
    auto reply = publisher_.publish(batch);
    if (reply && !*reply && !given && reply->error().code == Errc::content_type_mismatch) {
      publisher_.set_content_type({});
      reply = publisher_.publish(batch);
    }
    if (!reply) {
      warn("interrupted; the event may be published or not");
      return kIncomplete;
    }
    if (!*reply) return explain({reply->error(), batch.first_line, batch.events.size()});
    publisher_.count(**reply, batch.events.size());
    return kOk;
  }

  // ---- for people and machines ----

  int cannot_read() {
    complain("cannot read stdin: " + std::string(std::strerror(errno)));
    return kFailed;
  }

  int explain(const Rejected& rejected) {
    const auto& refusal = rejected.refusal;
    std::string text = refusal.text;
    if (refusal.code == Errc::unknown_topic) {
      text = unknown_topic_text(options_.broker, options_.topic);
    }
    if (rejected.first_line > 0) {
      const auto last = rejected.first_line + rejected.events - 1;
      text = (rejected.events == 1 ? "line " : "lines ") + grouped(rejected.first_line) +
             (rejected.events == 1 ? "" : "–" + grouped(last)) + ": " + text;
    }
    if (refusal.head) text += " but " + std::to_string(refusal.head->value);
    complain(client::is_of_credential(refusal.code) ? text + kWhoAreYou : text);
    hint(refusal.code);
    const auto tally = publisher_.tally();
    if (tally.events > 0) warn(grouped(tally.events) + " other events were published");
    return client::passes(refusal.code) || refusal.code == Errc::timed_out ? kIncomplete : kRefused;
  }

  void hint(Errc code) const {
    if (options_.quiet) return;
    if (code == Errc::invalid_payload) {
      note("the topic's content type decides what data it takes: tidemark topics " +
           options_.topic);
    } else if (code == Errc::content_type_mismatch) {
      note("without --content-type the data need only fit the one the topic has");
    }
  }

  void show_progress(std::uint64_t bytes_read, bool done) {
    if (!options_.progress || !is_terminal(STDERR_FILENO)) return;
    const auto now = Clock::now();
    if (!done && now < next_progress_) return;
    next_progress_ = now + std::chrono::milliseconds(100);
    std::string line = "\r\x1b[K";
    if (!done) {
      line += grouped(publisher_.tally().events) + " events";
      struct stat file = {};
      if (::fstat(STDIN_FILENO, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0) {
        const auto percent = bytes_read * 100 / static_cast<std::uint64_t>(file.st_size);
        const auto filled = static_cast<std::size_t>(percent) / 4;
        line += "  [" + std::string(std::min<std::size_t>(filled, 25), '#') +
                std::string(25 - std::min<std::size_t>(filled, 25), '.') + "] " +
                std::to_string(percent) + " %";
      }
    }
    static_cast<void>(write_all(STDERR_FILENO, line));
  }

  int summarise() {
    const auto tally = publisher_.tally();
    if (options_.json) {
      boost::json::object out{{"topic", options_.topic}, {"epoch", tally.epoch.value},
                              {"first", nullptr},        {"last", nullptr},
                              {"events", tally.events},  {"duplicates", tally.duplicates}};
      if (tally.first != Offset{}) {
        out["first"] = tally.first.value;
        out["last"] = tally.last.value;
      }
      static_cast<void>(write_all(STDOUT_FILENO, boost::json::serialize(out) + "\n"));
    }
    if (options_.quiet || options_.json) return kOk;
    const std::chrono::duration<double> took = Clock::now() - started_;
    std::string text = grouped(tally.events) + (tally.events == 1 ? " event" : " events");
    if (tally.first != Offset{}) {
      text += tally.first == tally.last ? ", offset " + std::to_string(tally.first.value)
                                        : ", offsets " + std::to_string(tally.first.value) + "–" +
                                              std::to_string(tally.last.value);
    }
    if (tally.duplicates > 0) text += ", " + grouped(tally.duplicates) + " there already";
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, ", %.2f s", took.count());
    static_cast<void>(write_all(STDERR_FILENO, text + seconds + "\n"));
    return kOk;
  }

  PubOptions options_;
  std::vector<Header> headers_;
  std::int64_t timeout_;
  Publisher publisher_;
  std::uint64_t sequence_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point next_progress_;
};

void declare(CLI::App& command, PubOptions& options) {
  command.add_option("TOPIC", options.topic, "Where to publish")->required();
  auto* data = command.add_option("DATA", options.data, "One event; without it stdin is read");
  command.add_flag("--lines", options.lines, "Each line of stdin is an event")->excludes(data);
  command.add_flag("--skip-empty", options.skip_empty, "Leave out empty lines");
  command
      .add_option("--content-type", options.content_type,
                  "Create the topic with it, or insist on it")
      ->type_name("TYPE");
  command.add_option("--key", options.key, "What the event is about")->type_name("KEY");
  command.add_option("--header", options.headers, "A header; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  auto* producer = command
                       .add_option("--producer", options.producer,
                                   "An identity of your own: the same sequence is published once")
                       ->type_name("ID");
  command.add_option("--producer-epoch", options.producer_epoch, "Fences lower ones")
      ->needs(producer);
  command.add_option("--sequence", options.sequence, "Of the first publish; each is one more")
      ->needs(producer)
      ->capture_default_str();
  command.add_option("--expect-last", options.expect_last,
                     "Refuse unless this is the topic's last offset (0: it is empty)");
  command
      .add_option("--batch", options.batch,
                  "Exactly so many lines per publish (1 with --producer; else as they come)")
      ->check(CLI::Range(1, 1'000));
  command.add_option("--timeout", options.timeout, "Wait this long for an answer; 0s: for ever")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return parse_duration_ms(text) ? "" : "not a time like 30s or 1m30s: " + text;
      });
  command.add_flag("--progress", options.progress, "Show progress on a terminal");
  command.add_flag("-q,--quiet", options.quiet, "Say nothing but errors");
  command.add_flag("--json", options.json, "Print the outcome as JSON");
  add_broker_options(command, options.broker);
  command.footer(std::string(kFooter) + "\n\n" + kExitCodes);
}

}  // namespace

void add_pub(CLI::App& app, std::function<int()>& run) {
  auto* command = app.add_subcommand("pub", "Publish an event, or each line of stdin as one");
  const auto options = std::make_shared<PubOptions>();
  declare(*command, *options);
  command->callback([options, &run] {
    check_broker(options->broker);
    const auto name = TopicName::parse(options->topic);
    if (!name) throw CLI::ValidationError("TOPIC", name.error().message());
    auto headers = parse_headers(options->headers);
    run = [options, headers = std::move(headers)] {
      catch_interrupts();
      return Pub(*options, headers).run();
    };
  });
}

}  // namespace tidemark::tools
