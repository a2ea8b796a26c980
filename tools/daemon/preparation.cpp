// Whether what a configuration names is there and good: see preparation.hpp.
// tools/daemon/: whoever uses a file in the end is who judges it.
#include "tools/daemon/preparation.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "broker/access/access.hpp"
#include "broker/net/tls_context.hpp"
#include "tools/daemon/state_secrets.hpp"

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

/// A fault of access, told of "access.token-keys[1].file", at the line that was given in.
broker::config::Fault located(const Config& config, broker::AccessFault fault) {
  const auto bracket = fault.key.find('[');
  if (bracket == std::string::npos) {
    return {config.given.source_of(fault.key), fault.key, std::move(fault.text)};
  }
  auto key = fault.key.substr(0, bracket);
  const auto entries = config.given.entries.find(key);
  const auto index = std::stoul(fault.key.substr(bracket + 1));
  if (entries == config.given.entries.end() || index >= entries->second.size()) {
    return {{}, fault.key, std::move(fault.text)};
  }
  const auto& entry = entries->second[index];
  const auto dot = fault.key.find('.', fault.key.find(']', bracket));
  if (dot == std::string::npos) return {entry.source, key, std::move(fault.text)};
  const auto name = fault.key.substr(dot + 1);
  const auto field = entry.fields.find(name);
  key += "." + name;
  return {field == entry.fields.end() ? entry.source : field->second.source, key,
          std::move(fault.text)};
}

/// Keys that can't be read, patterns that are none.
void check_access(const Config& config, Faults& faults) {
  for (auto& fault : broker::check_access(config.settings.access)) {
    faults.push_back(located(config, std::move(fault)));
  }
}

/// Secrets of state hooks, and who vouches for those.
void check_states(const Config& config, Faults& faults) {
  auto settings = config.settings;  // what the files hold is not kept
  const auto read = read_state_files(settings);
  const auto entries = config.given.entries.find("state");
  for (const auto& fault : read.faults) {
    broker::config::Source source;
    if (entries != config.given.entries.end() && fault.rule < entries->second.size()) {
      const auto& entry = entries->second[fault.rule];
      const auto field = entry.fields.find(fault.field);
      source = field == entry.fields.end() ? entry.source : field->second.source;
    }
    faults.push_back({source, "state." + fault.field, fault.text});
  }
}

}  // namespace

broker::config::Complaints check_files(const Config& config) {
  Faults faults;
  check_tls(config, faults);
  check_access(config, faults);
  check_states(config, faults);
  return broker::config::told(std::move(faults));
}

}  // namespace tidemark::tools
