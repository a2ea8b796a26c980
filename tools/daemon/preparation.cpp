// Whether what a configuration names is there and good: see preparation.hpp.
// tools/daemon/: whoever uses a file in the end is who judges it.
#include "tools/daemon/preparation.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "broker/access/access.hpp"
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

/// Where "access.token-keys[1].file" was given: its table's line.
broker::config::Source source_of(const Config& config, const std::string& key) {
  const auto& given = config.given;
  const auto bracket = key.find('[');
  if (bracket == std::string::npos) return given.source_of(key);
  const auto entries = given.entries.find(key.substr(0, bracket));
  const auto index = std::stoul(key.substr(bracket + 1));
  if (entries == given.entries.end() || index >= entries->second.size()) return {};
  return entries->second[index].source;
}

/// Keys that can't be read, patterns that are none.
void check_access(const Config& config, Faults& faults) {
  for (auto& fault : broker::check_access(config.settings.access)) {
    faults.push_back({source_of(config, fault.key), fault.key, std::move(fault.text)});
  }
}

}  // namespace

broker::config::Complaints check_files(const Config& config) {
  Faults faults;
  check_tls(config, faults);
  check_access(config, faults);
  return broker::config::told(std::move(faults));
}

}  // namespace tidemark::tools
