// What the page of metrics tells of states and named cursors.
// broker/metrics/: see collect.hpp.
#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

namespace {

double real(std::uint64_t value) { return static_cast<double>(value); }

void collect_made(const StateFigures& now, MetricFamilies& out) {
  out.counter("tidemark_state_asked_total", "Newcomers who have asked for a topic's state",
              real(now.asked));
  out.counter("tidemark_state_shared_total",
              "Of these, those given a state that another one had caused to be made",
              real(now.shared));
  out.counter("tidemark_state_made_total",
              "States made: by hooks, callbacks, of keys and of what is stored", real(now.made));
  out.counter("tidemark_state_failed_total", "Newcomers who were given none", real(now.failed));
  out.counter("tidemark_state_outrun_total",
              "Sources asked again because retention had passed their position", real(now.outrun));
  out.counter("tidemark_state_hook_requests_total", "Requests to state hooks, each try counted",
              real(now.hook_requests));
  out.counter("tidemark_state_hook_failures_total", "Of these, those that failed",
              real(now.hook_failures));
  out.gauge("tidemark_state_running", "States being made", real(now.running));
  out.gauge("tidemark_state_waiting", "Newcomers who wait for one", real(now.waiting));
  out.gauge("tidemark_state_bytes", "Memory of states that are kept for others or being sent",
            real(now.bytes));
}

void collect_named(const storage::Cursors::Figures& now, MetricFamilies& out) {
  out.gauge("tidemark_named_cursors", "Named cursors there are", real(now.cursors));
  out.gauge("tidemark_named_cursors_falling",
            "Of these, those retention will soon have passed; looked at once a minute",
            real(now.falling));
  out.gauge("tidemark_named_cursors_fallen", "Of these, those events after which are gone already",
            real(now.fallen));
  out.gauge("tidemark_named_cursors_max_lag_events",
            "Events between the last of them and the end of its topic", real(now.max_lag_events));
  out.counter("tidemark_named_cursors_expired_total",
              "Named cursors removed because nobody had acknowledged for too long",
              real(now.expired));
}

}  // namespace

void collect_states(Hub& hub, MetricFamilies& out) {
  collect_made(hub.states().figures(), out);
  collect_named(hub.store().cursors().figures(), out);
}

}  // namespace tidemark::broker
