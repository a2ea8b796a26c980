// The subcommands of `tidemark bench` and their options.
// tools/: see bench_command.hpp.
#include "tools/bench_command.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tools/bench_modes.hpp"

namespace tidemark::tools {
namespace {

using namespace bench;

// What the command line fills in; lives as long as `run` may be called.
struct Asked {
  Common common;
  bool json = false;
  double duration_seconds = 5;
  double warm_up_seconds = 0.5;
  FanoutOptions fanout;
  PublishOptions publish;
  CatchupOptions catchup;
  StartOptions start;
  TopicsOptions topics;
  GrowthOptions growth;
  MemoryOptions memory;
  HostileOptions hostile;
  StateOptions state;
  CeilingOptions ceiling;
  PublishCeilingOptions publish_ceiling;
  HttpCatchupOptions http_catchup;
  SseOptions sse;
  LongPollOptions long_polls;
  HttpAppendOptions http_appends;
};

std::chrono::nanoseconds ns_of(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

// With one core there is nothing to pin to, and the figures are those of both together.
void pin(Common& common) {
  const auto cores = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  const auto beyond = [cores](int core) { return core >= cores; };
  if (std::ranges::any_of(common.broker.client_cores, beyond) ||
      std::ranges::any_of(common.broker.server_cores, beyond) ||
      !pin_to(common.broker.client_cores)) {
    std::fputs("not pinned: the cores asked for are not there\n", stderr);
    common.broker.server_cores.clear();
    for (int i = 0; i < cores; ++i) common.broker.server_cores.push_back(i);
    common.broker.client_cores = common.broker.server_cores;
    pin_to(common.broker.client_cores);
  }
}

int carry_out(Asked& asked, const std::function<Report(const Common&)>& measure) {
  auto& common = asked.common;
  common.duration = ns_of(asked.duration_seconds);
  common.warm_up = ns_of(asked.warm_up_seconds);
  common.progress = !asked.json;
  catch_interrupts();
  raise_descriptor_limit();
  try {
    pin(common);
    const auto report = measure(common);
    asked.json ? print_json(report) : print_table(report);
    return report.faults.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tidemark bench: %s\n", error.what());
    return 1;
  }
}

void add_wire(CLI::App& app, const std::shared_ptr<Asked>& asked) {
  app.add_option_function<std::string>(
         "--wire",
         [asked](const std::string& name) {
           asked->common.form = name == "json" ? WireForm::json : WireForm::binary;
         },
         "Wire form")
      ->check(CLI::IsMember({"json", "binary"}))
      ->default_str("json");
}

void add_common(CLI::App& app, const std::shared_ptr<Asked>& asked) {
  auto& common = asked->common;
  app.add_option_function<std::size_t>(
         "--size",
         [&common](std::size_t size) {
           common.size = size;
           common.size_given = true;
         },
         "Bytes of an event's data")
      ->check(CLI::Range(Payloads::least_bytes, std::size_t{1} << 20))
      ->default_str(std::to_string(common.size));
  app.add_option("--duration", asked->duration_seconds, "Seconds measured")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}},
                                        CLI::AsNumberWithUnit::CASE_SENSITIVE))
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--warm-up", asked->warm_up_seconds, "Seconds before, not measured")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  app.add_flag("--json", asked->json, "One JSON object instead of a table");
  auto* spawn = app.add_option("--spawn", common.broker.program,
                               "The tidemarkd to start (default: the one beside this program)");
  common.broker.data_parent = ".";
  app.add_option("--data-parent", common.broker.data_parent,
                 "Where the temporary data directory is made; not a tmpfs")
      ->capture_default_str();
  app.add_option("--server", common.broker.server,
                 "HOST:PORT of a running broker; starts none. Topics bench… are left behind")
      ->excludes(spawn);
  app.add_option("--server-pid", common.broker.server_pid,
                 "Its process, so that its CPU time and memory can be read");
  app.add_option("--server-cores", common.broker.server_cores, "Cores for the broker")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--client-cores", common.broker.client_cores, "Cores for the load generator")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--broker-arg", common.broker.arguments, "One more argument for tidemarkd")
      ->allow_extra_args(false);
}

constexpr auto kMillion = std::size_t{1'000'000};

CLI::Range count_up_to(std::size_t most) { return {std::size_t{1}, most}; }

void add_load(CLI::App& app, FanLoad& load) {
  app.add_option("--subscribers", load.subscribers)
      ->check(count_up_to(100'000))
      ->capture_default_str();
  app.add_option("--window", load.window,
                 "Events published and not yet delivered to every subscriber, at most")
      ->check(count_up_to(65'536))
      ->capture_default_str();
  app.add_option("--rate", load.rate, "Events a second, each due at its time, instead of a window")
      ->check(CLI::Range(0.0, 1e7));
}

void add_fanout(CLI::App& app, FanoutOptions& options) {
  add_load(app, options);
  app.add_option("--topics", options.topics, "Topics the subscribers are dealt out over")
      ->check(count_up_to(1000))
      ->capture_default_str();
}

void add_publish(CLI::App& app, PublishOptions& options) {
  app.add_option("--connections", options.connections)
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--in-flight", options.in_flight, "Unanswered publishes per connection")
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Events a publish")
      ->check(count_up_to(1024))
      ->capture_default_str();
  app.add_option("--topics", options.topics)->check(count_up_to(10'000))->capture_default_str();
  app.add_option("--rate", options.rate, "Publishes a second, each due at its time")
      ->check(CLI::Range(0.0, 1e7));
}

void add_catchup(CLI::App& app, CatchupOptions& options) {
  app.add_option("--readers", options.readers)->check(count_up_to(10'000))->capture_default_str();
  app.add_option("--events", options.events)
      ->check(count_up_to(100 * kMillion))
      ->capture_default_str();
  app.add_flag("--cold", options.cold,
               "Restart the broker and drop its files from the page cache before each pass");
  app.add_option("--passes", options.passes)->check(count_up_to(100))->capture_default_str();
}

void add_start(CLI::App& app, StartOptions& options) {
  app.add_option("--events", options.events)
      ->check(count_up_to(1000 * kMillion))
      ->capture_default_str();
  app.add_option("--topics", options.topics)->check(count_up_to(10'000))->capture_default_str();
  app.add_option("--fresh", options.fresh, "Events published before each kill")
      ->check(count_up_to(100 * kMillion))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(count_up_to(100))->capture_default_str();
}

void add_topics(CLI::App& app, TopicsOptions& options) {
  app.add_option("--topics", options.topics, "Ends with so many: 1, 10, 100 …")
      ->check(count_up_to(kMillion))
      ->capture_default_str();
  app.add_option("--active", options.active,
                 "Topics published to in turn, the others lie idle; 0: all")
      ->check(CLI::Range(std::size_t{0}, kMillion))
      ->capture_default_str();
  app.add_option("--in-flight", options.in_flight)
      ->check(count_up_to(10'000))
      ->capture_default_str();
}

void add_growth(CLI::App& app, GrowthOptions& options) {
  app.add_option("--from", options.from, "Events of the first step, then five times as many")
      ->check(count_up_to(1000 * kMillion))
      ->capture_default_str();
  app.add_option("--to", options.to)->check(count_up_to(1000 * kMillion))->capture_default_str();
  app.add_option("--subscribers", options.subscribers)
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--window", options.window)->check(count_up_to(65'536))->capture_default_str();
}

void add_memory(CLI::App& app, MemoryOptions& options) {
  app.add_option("--connections", options.connections)
      ->check(CLI::Range(std::size_t{2}, std::size_t{100'000}))
      ->capture_default_str();
  app.add_option("--events", options.events, "Events published under load")
      ->check(count_up_to(100 * kMillion))
      ->capture_default_str();
  app.add_option("--window", options.window)->check(count_up_to(65'536))->capture_default_str();
}

void add_hostile(CLI::App& app, HostileOptions& options) {
  app.add_option("--subscribers", options.subscribers, "Healthy ones, whose latency is measured")
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Events a second for them, each due at its time")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  app.add_option("--idle", options.idle, "Connections that only follow a quiet topic")
      ->check(CLI::Range(std::size_t{0}, std::size_t{100'000}))
      ->capture_default_str();
  app.add_option("--hostile", options.hostile, "Connections of all kinds of attack together")
      ->check(CLI::Range(std::size_t{13}, std::size_t{10'000}))
      ->capture_default_str();
  app.add_option("--flood", options.flood, "Bytes a second of each that sends without end")
      ->check(CLI::Range(1024.0, 1e9))
      ->capture_default_str();
  app.add_option("--attack", options.attack_seconds, "Seconds of it that are measured")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
}

void add_state(CLI::App& app, StateOptions& options) {
  app.add_option("--joiners", options.joiners, "Newcomers, a connection each")
      ->check(count_up_to(50'000))
      ->capture_default_str();
  app.add_option("--within", options.within_seconds, "Seconds over which they ask for the state")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  app.add_option("--hook-delay", options.delay_ms, "Milliseconds the state hook takes")
      ->check(CLI::Range(0.0, 4000.0))
      ->capture_default_str();
  app.add_option("--bundle", options.bundle_bytes, "Bytes of a state")
      ->check(CLI::Range(Payloads::least_bytes, std::size_t{8} << 20))
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Events a second meanwhile, each due at its time")
      ->check(CLI::Range(1.0, 1e5))
      ->capture_default_str();
}

void add_ceiling(CLI::App& app, CeilingOptions& options) {
  app.add_option("--connections", options.connections)
      ->check(count_up_to(100'000))
      ->capture_default_str();
  app.add_option("--per-write", options.per_write, "Events a write, one run each")
      ->delimiter(',')
      ->check(count_up_to(4096))
      ->capture_default_str();
  app.add_flag("--lockstep", options.lockstep,
               "Write again only when all have read: what one event at a time costs");
}

void add_publish_ceiling(CLI::App& app, PublishCeilingOptions& options) {
  app.add_option("--connections", options.connections, "One run each")
      ->delimiter(',')
      ->check(count_up_to(1000))
      ->capture_default_str();
}

void add_type(CLI::App& app, StreamType& type) {
  app.add_option_function<std::string>(
         "--type",
         [&type](const std::string& name) {
           type = name == "json" ? StreamType::json : StreamType::bytes;
         },
         "What the stream is made of: JSON values or bytes")
      ->check(CLI::IsMember({"json", "bytes"}))
      ->default_str(type == StreamType::json ? "json" : "bytes");
}

void add_http_catchup(CLI::App& app, HttpCatchupOptions& options) {
  using From = HttpCatchupOptions::From;
  add_type(app, options.type);
  app.get_option("--size")->default_str("128, of bytes 1024");
  app.add_option("--readers", options.readers, "One keep-alive connection each")
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--events", options.events)
      ->check(count_up_to(100 * kMillion))
      ->capture_default_str();
  app.add_option("--per-append", options.per_append,
                 "Events an append while filling (default: 500 of JSON; of bytes 1)")
      ->check(count_up_to(1024));
  app.add_option_function<std::string>(
         "--from",
         [&options](const std::string& name) {
           options.from = name == "memory"  ? From::memory
                          : name == "cache" ? From::cache
                                            : From::disk;
         },
         "memory: as it was filled; cache: restarted before each pass, the files in the page "
         "cache; disk: restarted, the files dropped from it")
      ->check(CLI::IsMember({"memory", "cache", "disk"}))
      ->default_str("memory");
  app.add_option("--passes", options.passes)->check(count_up_to(100))->capture_default_str();
}

void add_sse(CLI::App& app, SseOptions& options) {
  add_load(app, options);
  app.add_flag("--appends", options.appends,
               "Publish by HTTP appends, as any server understands, not over a WebSocket");
}

void add_long_polls(CLI::App& app, LongPollOptions& options) {
  app.add_option("--polls", options.polls, "Long-polls that wait, a connection each")
      ->check(count_up_to(100'000))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Events, each of which answers all of them")
      ->check(count_up_to(1000))
      ->capture_default_str();
}

void add_http_appends(CLI::App& app, HttpAppendOptions& options) {
  add_type(app, options.type);
  app.add_option("--connections", options.connections, "One request in flight on each")
      ->check(count_up_to(10'000))
      ->capture_default_str();
  app.add_option("--per-append", options.per_append, "Events an append; in JSON an array of them")
      ->check(count_up_to(1024))
      ->capture_default_str();
}

}  // namespace

void add_bench(CLI::App& app, std::function<int()>& run) {
  const auto asked = std::make_shared<Asked>();
  auto* const bench = app.add_subcommand(
      "bench", "Measures a broker: its own, on a temporary directory, or a running one");
  bench->require_subcommand(1);
  bench->footer(
      "Every delivery is checked: offsets contiguous, nothing doubled, complete at the end.\n"
      "Broker and generator run on a core each; CPU time is read from the operating system.\n"
      "Exit codes: 0 measured, 1 failed or a wrong delivery, 2 usage.\n"
      "Example: tidemark bench fanout --subscribers 1000 --size 128 --window 256");
  const auto add_http =
      [&](const char* name, const char* about, auto options, auto add_options,
          Report (*measure)(const Common&, const std::decay_t<decltype(asked.get()->*options)>&)) {
        auto* const mode = bench->add_subcommand(name, about);
        add_common(*mode, asked);
        add_options(*mode, asked.get()->*options);
        mode->callback([asked, options, measure, &run] {
          run = [asked, options, measure] {
            return carry_out(*asked, [&](const Common& common) {
              return measure(common, asked.get()->*options);
            });
          };
        });
        return mode;
      };
  const auto add = [&](auto&&... arguments) { add_wire(*add_http(arguments...), asked); };
  add("fanout", "One publisher, many subscribers", &Asked::fanout, add_fanout, fanout);
  add("publish", "Durable publishes and their answers", &Asked::publish, add_publish, publish);
  add("catchup", "Reading a whole topic", &Asked::catchup, add_catchup, catchup);
  add("start", "Starting on a full log", &Asked::start, add_start, start);
  add("topics", "Cost as topics become many", &Asked::topics, add_topics, topics);
  add("growth", "Cost as a log grows", &Asked::growth, add_growth, growth);
  add("memory", "Memory per connection", &Asked::memory, add_memory, memory);
  add("hostile", "Healthy clients' latency beside idle and hostile ones", &Asked::hostile,
      add_hostile, hostile);
  add("state", "Newcomers who all ask for a topic's state while events come", &Asked::state,
      add_state, state);
  add("ceiling", "What a bare loop of sends reaches", &Asked::ceiling, add_ceiling, ceiling);
  add("publish-ceiling", "What a bare loop of receive, fdatasync and answer reaches",
      &Asked::publish_ceiling, add_publish_ceiling, publish_ceiling);
  add_http("http-catchup", "Reading a whole stream by GETs that follow its offsets",
           &Asked::http_catchup, add_http_catchup, http_catchup);
  add("sse", "Fan-out over event streams", &Asked::sse, add_sse, sse);
  add_http("long-polls", "Waiting long-polls: their memory, and one event that answers all",
           &Asked::long_polls, add_long_polls, long_polls);
  add_http("http-appends", "Durable appends over keep-alive connections", &Asked::http_appends,
           add_http_appends, http_appends);
}

}  // namespace tidemark::tools
