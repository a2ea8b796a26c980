// The daemon: reads the command line, opens the store, serves, and stops in order.
// tools/: composes the rooms of the house; they do the work.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <variant>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "broker/hub.hpp"
#include "broker/server.hpp"
#include "broker/topic_defaults.hpp"
#include "storage/event_store.hpp"

namespace {

using namespace tidemark;  // NOLINT(google-build-using-namespace): a program of its own

enum Exit : int { kDone = 0, kFailed = 1, kUsage = 2, kData = 3, kNetwork = 4 };

constexpr const char* kFooter = R"(
Topic defaults apply to topics created without settings; the first pattern that fits wins:
  --topic-defaults 'logs/**=durability:buffered,max_age:7d,max_bytes:1GiB,content_type:text/plain'
  * stands for characters of one segment, ** for any number of segments.

Exit codes: 0 stopped as asked, 1 other failure, 2 wrong usage, 3 the data directory cannot be used,
4 the address cannot be listened on.)";

/// The command line as it was given.
struct Given {
  std::string data;
  std::string listen = "127.0.0.1:4437";
  bool insecure = false;
  bool accept_data_loss = false;
  std::vector<std::string> origins;
  unsigned io_threads = std::max(1U, std::thread::hardware_concurrency() / 2);
  std::string durability = "synced";
  std::string max_age = "0";
  std::string max_bytes = "0";
  std::uint64_t max_events = 0;
  std::vector<std::string> topic_defaults;
  std::string max_message = "4MiB";
  std::string max_event = "1MiB";
  std::optional<std::size_t> max_connections;
  std::uint64_t max_topics = 1'000'000;
  std::string ring_bytes = "256MiB";
  std::string cache_bytes = "256MiB";
  std::string flush_interval = "100ms";
  std::string long_poll_timeout = "20s";
  std::string sse_lifetime = "60s";
  bool shared_caching = false;
  std::string log_level = "info";
};

void declare(CLI::App& app, Given& given) {
  app.add_option("--data", given.data, "Directory of the log; created if there is none")
      ->required()
      ->type_name("DIR");
  app.add_option("--listen", given.listen, "Where to listen; port 0: any free one")
      ->capture_default_str()
      ->type_name("ADDR:PORT");
  app.add_flag("--insecure", given.insecure,
               "Allow an address others can reach; there is no access control yet");
  app.add_option("--allow-origin", given.origins,
                 "Web pages that may use the broker besides its own, scheme://host[:port]; "
                 "may be repeated")
      ->type_name("ORIGIN");
  app.add_option("--io-threads", given.io_threads, "Threads that serve connections")
      ->capture_default_str()
      ->check(CLI::Range(1U, 64U));
  app.add_option("--durability", given.durability,
                 "When an event is shown and acknowledged: synced (on disk) or buffered (with the "
                 "operating system, on disk within --flush-interval)")
      ->capture_default_str()
      ->check(CLI::IsMember({"synced", "buffered"}));
  app.add_option("--retention-age", given.max_age, "Keep events this long, as in 7d; 0: for ever")
      ->capture_default_str();
  app.add_option("--retention-bytes", given.max_bytes, "Keep this much of a topic; 0: no limit")
      ->capture_default_str();
  app.add_option("--retention-events", given.max_events,
                 "Keep this many events of a topic; 0: no limit")
      ->capture_default_str();
  app.add_option("--topic-defaults", given.topic_defaults,
                 "Other defaults for topics by name, see below; may be repeated")
      ->type_name("PATTERN=…");
  app.add_option("--max-message", given.max_message, "Largest WebSocket message or HTTP body")
      ->capture_default_str();
  app.add_option("--max-event", given.max_event, "Largest event")->capture_default_str();
  app.add_option("--max-connections", given.max_connections,
                 "Connections at a time [100000, or what the limit of open files allows]");
  app.add_option("--max-topics", given.max_topics, "Topics there may be")->capture_default_str();
  app.add_option("--ring-bytes", given.ring_bytes, "Memory for the newest events of all topics")
      ->capture_default_str();
  app.add_option("--cache-bytes", given.cache_bytes, "Memory for older events being read")
      ->capture_default_str();
  app.add_option("--flush-interval", given.flush_interval,
                 "Buffered events reach the disk within this time")
      ->capture_default_str();
  app.add_option("--long-poll-timeout", given.long_poll_timeout,
                 "A long-poll without news is answered after this time")
      ->capture_default_str();
  app.add_option("--sse-lifetime", given.sse_lifetime,
                 "An event stream ends after about this time, and its client resumes; 0: never")
      ->capture_default_str();
  app.add_flag(
      "--shared-caching", given.shared_caching,
      "Let caches that many clients share keep what was read over HTTP: topics are public");
  app.add_flag("--accept-data-loss", given.accept_data_loss,
               "Start although the log is known to have lost events; every topic gets a new epoch "
               "and its readers are told");
  app.add_option("--log-level", given.log_level, "trace, debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  app.footer(kFooter);
}

struct Setup {
  storage::EventStoreOptions store;
  broker::HubOptions hub;
  broker::ServerOptions server;
};

/// A mistake on the command line, told in one line.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::uint64_t bytes_of(const char* option, const std::string& text) {
  const auto bytes = broker::parse_bytes(text);
  if (!bytes) throw UsageError(std::string(option) + ": \"" + text + "\" is no size such as 64MiB");
  return *bytes;
}

std::chrono::milliseconds time_of(const char* option, const std::string& text) {
  const auto time = broker::parse_duration(text);
  if (!time) throw UsageError(std::string(option) + ": \"" + text + "\" is no time such as 7d");
  return *time;
}

void read_listen(const Given& given, broker::ServerOptions& server) {
  const auto colon = given.listen.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : broker::parse_count(std::string_view(given.listen).substr(colon + 1));
  if (!port || *port > 65535) {
    throw UsageError("--listen: \"" + given.listen + "\" is not ADDR:PORT, as in 127.0.0.1:4437");
  }
  server.address = given.listen.substr(0, colon);
  if (server.address.starts_with('[') && server.address.ends_with(']')) {
    server.address = server.address.substr(1, server.address.size() - 2);
  }
  server.port = static_cast<std::uint16_t>(*port);
  if (given.insecure || broker::is_loopback(server.address)) return;
  throw UsageError("--listen " + given.listen +
                   " can be reached by others, and there is no access control yet: everyone could "
                   "read and publish. Listen on 127.0.0.1 behind a proxy that checks access, or "
                   "say --insecure if the network is yours");
}

storage::DefaultSettings read_defaults(const Given& given) {
  storage::TopicSettings base;
  base.durability =
      given.durability == "synced" ? storage::Durability::synced : storage::Durability::buffered;
  base.retention.max_age = time_of("--retention-age", given.max_age);
  base.retention.max_bytes = bytes_of("--retention-bytes", given.max_bytes);
  base.retention.max_events = given.max_events;
  std::vector<broker::TopicRule> rules;
  for (const auto& text : given.topic_defaults) {
    auto rule = broker::parse_topic_rule(text, base);
    if (const auto* fault = std::get_if<broker::SettingsFault>(&rule)) {
      throw UsageError(fault->text);
    }
    rules.push_back(std::move(std::get<broker::TopicRule>(rule)));
  }
  return broker::topic_defaults(std::move(rules), base);
}

void read_live(const Given& given, broker::ServerLimits& server) {
  server.long_poll_timeout = time_of("--long-poll-timeout", given.long_poll_timeout);
  server.sse_lifetime = time_of("--sse-lifetime", given.sse_lifetime);
  server.shared_caching = given.shared_caching;
  if (server.long_poll_timeout.count() == 0) throw UsageError("--long-poll-timeout: at least 1ms");
}

Setup read_setup(const Given& given) {
  Setup setup;
  read_listen(given, setup.server);
  setup.server.allowed_origins = given.origins;
  setup.server.limits.message_bytes = bytes_of("--max-message", given.max_message);
  read_live(given, setup.server.limits);
  if (given.max_connections) setup.server.limits.connections = *given.max_connections;
  setup.hub.io_threads = given.io_threads;
  auto& committer = setup.store.committer;
  committer.defaults = read_defaults(given);
  committer.max_event_bytes = bytes_of("--max-event", given.max_event);
  committer.max_topics = given.max_topics;
  committer.ring_total_bytes = bytes_of("--ring-bytes", given.ring_bytes);
  committer.flush_interval = time_of("--flush-interval", given.flush_interval);
  setup.store.segment_cache_bytes = bytes_of("--cache-bytes", given.cache_bytes);
  setup.store.store.accept_loss = given.accept_data_loss;
  if (setup.server.limits.message_bytes < 1024) throw UsageError("--max-message: at least 1KiB");
  if (committer.max_event_bytes == 0 || committer.max_event_bytes > limits::event_bytes) {
    throw UsageError("--max-event: from 1 to 16MiB");
  }
  return setup;
}

/// As many descriptors as we may have, and no more connections than fit them.
void fit_descriptors(broker::ServerLimits& limits, bool asked_for) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) getrlimit(RLIMIT_NOFILE, &files);
  // The store's files come first: without them events are lost, without a connection one client
  // waits.
  const auto all = static_cast<std::size_t>(files.rlim_cur);
  const std::size_t most = all - std::min<std::size_t>(all / 2, 512);
  if (limits.connections <= most) return;
  spdlog::log(asked_for ? spdlog::level::warn : spdlog::level::debug,
              "the limit of {} open files leaves room for {} connections, not {}", all, most,
              limits.connections);
  limits.connections = most;
}

/// Blocked everywhere, so that the threads to come leave them to main.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void wait_for_signal(const sigset_t& signals) {
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) {
  }
}

std::string url_of(const broker::ServerOptions& options, std::uint16_t port) {
  const bool v6 = options.address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + options.address + "]" : options.address) + ":" +
         std::to_string(port);
}

void serve(Setup& setup, storage::EventStore& store, const sigset_t& signals) {
  broker::Hub hub(store, setup.hub);
  broker::Server server(hub, setup.server);
  std::printf("listening on %s\n", url_of(setup.server, server.port()).c_str());
  std::fflush(stdout);
  spdlog::info("{} topics, {} I/O threads", store.topic_count(), hub.shard_count());

  wait_for_signal(signals);
  spdlog::info("stopping; a second signal stops at once");
  std::thread([signals] {
    wait_for_signal(signals);
    _exit(kFailed);  // what was acknowledged is on disk
  }).detach();
  server.stop();
  hub.stop();
  store.stop();
}

int run(const Given& given) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("tidemarkd"));
  spdlog::set_level(spdlog::level::from_str(given.log_level));
  Setup setup = read_setup(given);
  fit_descriptors(setup.server.limits, given.max_connections.has_value());
  const sigset_t signals = block_stop_signals();

  auto store = storage::EventStore::open(given.data, setup.store);
  if (!store) {
    std::fprintf(stderr, "tidemarkd: %s\n", store.error().text.c_str());
    return kData;
  }
  serve(setup, **store, signals);
  store->reset();
  spdlog::info("stopped");
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A persistent log broker for broadcast events: topics in, WebSocket and HTTP out.",
               "tidemarkd");
  Given given;
  declare(app, given);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  try {
    return run(given);
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "tidemarkd: %s\n", error.what());
    return kUsage;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "tidemarkd: %s\n", error.what());
    return kUsage;
  } catch (const std::system_error& error) {
    const bool taken = error.code() == std::errc::address_in_use;
    std::fprintf(stderr, "tidemarkd: %s%s\n", error.what(),
                 taken ? "; stop what listens there, or choose another --listen" : "");
    return kNetwork;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tidemarkd: %s\n", error.what());
    return kFailed;
  }
}
