// What values of a configuration have to do with each other.
// broker/config/: see check_rules in config.hpp; what a value has to be by itself is in the table.
#include <algorithm>

#include "broker/config/config.hpp"
#include "broker/state/hook_url.hpp"

namespace tidemark::broker::config {
namespace {

struct Rules {
  const Settings& settings;
  const Assignments& given;
  Faults& faults;

  /// Was all understood that stands below these keys? Of a file that was not read nothing was.
  [[nodiscard]] bool sound(std::initializer_list<std::string_view> keys) const {
    return std::ranges::none_of(faults, [&](const Fault& fault) {
      return fault.key.empty() || std::ranges::any_of(keys, [&](std::string_view key) {
               return fault.key.starts_with(key);
             });
    });
  }

  /// At whichever of the keys was given last in precedence; at the first if none was.
  void complain(std::initializer_list<const char*> keys, std::string text) const {
    Fault fault{given.source_of(*keys.begin()), *keys.begin(), std::move(text)};
    for (const char* const key : keys) {
      const auto source = given.source_of(key);
      if (source.kind > fault.source.kind) {
        fault.source = source;
        fault.key = key;
      }
    }
    faults.push_back(std::move(fault));
  }

  void data() const {
    if (!settings.data.empty() || !sound({"data"})) return;
    complain({"data"},
             "the directory of the log has to be given: --data DIR, TIDEMARK_DATA, or data "
             "= \"DIR\" in the file");
  }

  void sizes() const {
    const auto event = settings.store.committer.max_event_bytes;
    const auto message = settings.server.limits.message_bytes;
    if (!sound({"max."})) return;
    if (event > message) {
      complain(
          {"max.event", "max.message"},
          "an event of this size would fit no message: [max] message has to be as large as [max] "
          "event at least");
    }
    if (message > settings.server.limits.arriving_bytes) {
      complain({"max.message", "max.arriving"},
               "the largest message could never arrive: [max] arriving has to be as large as [max] "
               "message at least");
    }
  }

  void tls() const {
    const auto& tls = settings.server.tls;
    if (!tls || tls->certificate.empty() == tls->key.empty() || !sound({"tls."})) return;
    if (tls->key.empty()) {
      complain({"tls.certificate"}, "needs [tls] key as well");
    } else {
      complain({"tls.key"}, "needs [tls] certificate as well");
    }
  }

  void reachable() const {
    if (!sound({"listen", "insecure", "access."})) return;
    const auto& server = settings.server;
    if (settings.insecure || settings.access.configured() || is_loopback(server.address)) return;
    complain({"listen"},
             in_quotes(server.address) +
                 " can be reached by others, and no access is configured: everyone could read and "
                 "publish. Say who may do what under [access], listen on 127.0.0.1 behind a proxy "
                 "that checks access, or say --insecure if the network is yours");
  }

  void admin() const {
    const auto& admin = settings.server.admin;
    if (!admin || !sound({"admin.", "listen", "insecure"})) return;
    if (!settings.insecure && !is_loopback(admin->address)) {
      complain({"admin.listen"},
               "asks for no token, so it has to be a loopback address, or --insecure");
    }
    if (admin->port != 0 && admin->port == settings.server.port &&
        admin->address == settings.server.address) {
      complain({"admin.listen"}, "is the address of listen");
    }
  }

  /// Whether a hook's URL will do depends on what it may lead to.
  void state_hooks() const {
    const auto entries = given.entries.find("state");
    if (entries == given.entries.end() || !sound({"state.hook", "state.allow-private"})) {
      return;
    }
    for (std::size_t i = 0; i < entries->second.size(); ++i) {
      const auto& entry = entries->second[i];
      const auto& hook = settings.hub.states.rules.at(i).hook;
      const auto url = entry.fields.find("hook");
      if (url == entry.fields.end()) continue;  // told already
      auto fault = hook_url_fault(hook.url, hook.allow_private);
      if (!fault.empty()) faults.push_back({url->second.source, "state.hook", std::move(fault)});
    }
  }

  void state_limits() const {
    const auto& states = settings.hub.states;
    if (states.max_bytes <= states.shared_bytes || !sound({"state-limits."})) return;
    complain({"state-limits.bytes", "state-limits.shared"},
             "the largest state would find no room: [state-limits] shared has to be as large as "
             "[state-limits] bytes at least");
  }

  void key_sets() const {
    const auto entries = given.entries.find("access.key-sets");
    if (entries == given.entries.end() || !sound({"access.key-sets"})) return;
    for (std::size_t i = 0; i < entries->second.size(); ++i) {
      const auto& set = settings.access.key_sets.at(i);
      const auto& source = entries->second[i].source;
      if (set.url.empty() == set.file.empty()) {
        faults.push_back({source, "access.key-sets", "needs either url or file"});
      }
    }
  }
};

}  // namespace

void check_rules(const Settings& settings, const Assignments& given, Faults& faults) {
  const Rules rules{settings, given, faults};
  rules.data();
  rules.sizes();
  rules.tls();
  rules.reachable();
  rules.admin();
  rules.key_sets();
  rules.state_hooks();
  rules.state_limits();
}

}  // namespace tidemark::broker::config
