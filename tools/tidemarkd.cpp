// The daemon: reads its configuration, opens the store, serves, and stops in order.
// tools/: the steps are in tools/daemon/.
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "broker/config/config.hpp"
#include "broker/log/log.hpp"
#include "tools/daemon/command_line.hpp"
#include "tools/daemon/exit_codes.hpp"
#include "tools/daemon/preparation.hpp"
#include "tools/daemon/running_broker.hpp"
#include "tools/daemon/service.hpp"
#include "tools/daemon/service_manager.hpp"
#include "tools/daemon/signals.hpp"

namespace {

using namespace tidemark;         // NOLINT(google-build-using-namespace): a program of its own
using namespace tidemark::tools;  // NOLINT(google-build-using-namespace): the same
namespace log = broker::log;
using broker::config::Complaints;
using broker::config::Config;

void complain(const Complaints& complaints) {
  for (const auto& line : complaints) std::fprintf(stderr, "%s\n", line.c_str());
}

/// Whatever is in the environment and looks like a slip, since nobody else would notice.
void warn_of_variables(const broker::config::Variables& environment) {
  for (const auto& text : broker::config::doubtful_variables(environment)) {
    log::event(log::Level::warn, "environment", {{"note", text}});
  }
}

int serve(const CommandLine& asked, Config config) {
  log::set_level(config.settings.log_level);
  log::set_format(config.settings.log_format);
  warn_of_variables(asked.inputs.environment);
  block_signals();
  service_manager::status("opening the log");
  auto settings = config.settings;
  settings.store.store.accept_loss = asked.accept_data_loss;
  settings.server.test_echo = asked.test_echo;
  auto started = RunningBroker::start(std::move(settings));
  if (!started) {
    std::fprintf(stderr, "tidemarkd: %s\n", started.error().text.c_str());
    service_manager::status(started.error().text);
    return daemon_exit::kData;
  }
  auto& broker = **started;
  std::printf("listening on %s\n", broker.url().c_str());
  std::fflush(stdout);
  log::event(log::Level::info, "listening",
             {{"url", broker.url()},
              {"admin", broker.admin_url()},
              {"topics", broker.topic_count()},
              {"io_threads", broker.io_threads()},
              {"config", asked.inputs.file}});
  Service(asked.inputs, std::move(config), broker).run();
  started->reset();
  log::report(log::Level::info, "stopped");
  return daemon_exit::kDone;
}

int run(const CommandLine& asked) {
  auto read = broker::config::read_config(asked.inputs);
  if (const auto* wrong = std::get_if<Complaints>(&read)) {
    complain(*wrong);
    return daemon_exit::kUsage;
  }
  auto& config = std::get<Config>(read);
  if (asked.print_config) {
    std::fputs(broker::config::listing(config.given).c_str(), stdout);
    return daemon_exit::kDone;
  }
  if (const auto wrong = check_files(config); !wrong.empty()) {
    complain(wrong);
    return daemon_exit::kUsage;
  }
  if (asked.check) {
    std::puts("ok");
    return daemon_exit::kDone;
  }
  return serve(asked, std::move(config));
}

int fail(int code, const std::string& text) {
  std::fprintf(stderr, "tidemarkd: %s\n", text.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = parse_command_line(argc, argv);
  if (const int* const code = std::get_if<int>(&parsed)) return *code;
  try {
    return run(std::get<CommandLine>(parsed));
  } catch (const std::invalid_argument& error) {
    return fail(daemon_exit::kUsage, error.what());
  } catch (const std::system_error& error) {
    const bool taken = error.code() == std::errc::address_in_use;
    return fail(daemon_exit::kNetwork,
                error.what() + std::string(taken ? "; stop what listens there, or choose another "
                                                   "--listen"
                                                 : ""));
  } catch (const std::exception& error) {
    return fail(daemon_exit::kFailed, error.what());
  }
}
