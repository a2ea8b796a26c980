// Whether what a configuration names is there and good: see preparation.hpp.
// tools/daemon/: whoever uses a file in the end is who judges it.
#include "tools/daemon/preparation.hpp"

#include <stdexcept>

#include "broker/net/tls_context.hpp"

namespace tidemark::tools {

using broker::config::Config;
using broker::config::Faults;

namespace {

void check_tls(const Config& config, Faults& faults) {
  const auto& tls = config.settings.server.tls;
  if (!tls) return;
  try {
    const broker::TlsContext loaded(*tls);
  } catch (const std::runtime_error& error) {
    faults.push_back({config.given.source_of("tls.certificate"), "tls", error.what()});
  }
}

}  // namespace

broker::config::Complaints check_files(const Config& config) {
  Faults faults;
  check_tls(config, faults);
  return broker::config::told(std::move(faults));
}

}  // namespace tidemark::tools
