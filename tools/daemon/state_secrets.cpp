// The secrets that state hooks are asked with.
// tools/daemon/: see state_secrets.hpp.
#include "tools/daemon/state_secrets.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "broker/access/key_file.hpp"

namespace tidemark::tools {
namespace {

constexpr std::size_t kMostSecretBytes = std::size_t{8} << 10;

/// It becomes part of a header; what it holds is never told.
std::string secret_fault(std::string_view secret) {
  if (secret.empty()) return "is empty";
  if (secret.size() > kMostSecretBytes) return "holds more than 8 KiB";
  const bool fits = std::ranges::all_of(secret, [](char c) { return c > ' ' && c < 0x7f; });
  return fits ? "" : "holds more than one word of printable characters";
}

class Reading {
 public:
  explicit Reading(StateFiles& out) : out_(out) {}

  void secret(std::size_t rule, const std::filesystem::path& file, std::string& into) {
    if (file.empty()) return;
    const auto read = broker::read_key_file(file);
    if (const auto* const wrong = std::get_if<broker::KeyFault>(&read)) {
      return fault(rule, "secret-file", file, wrong->text);
    }
    const auto& held = std::get<broker::KeyFile>(read);
    const auto text = broker::secret_of(held.bytes);
    if (const auto wrong = secret_fault(text); !wrong.empty()) {
      return fault(rule, "secret-file", file, wrong);
    }
    if (held.readable_by_all) {
      out_.warnings.push_back(file.string() +
                              " holds a secret and is readable by everyone on this machine");
    }
    into = text;
  }

  void certificates(std::size_t rule, const std::filesystem::path& file) {
    if (file.empty()) return;
    const auto read = broker::read_key_file(file);
    if (const auto* const wrong = std::get_if<broker::KeyFault>(&read)) {
      return fault(rule, "ca-file", file, wrong->text);
    }
    const auto& text = std::get<broker::KeyFile>(read).bytes;
    if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      fault(rule, "ca-file", file, "is no PEM of a certificate");
    }
  }

 private:
  void fault(std::size_t rule, std::string field, const std::filesystem::path& file,
             const std::string& text) {
    out_.faults.push_back({rule, std::move(field), file.string() + " " + text});
  }
  StateFiles& out_;
};

}  // namespace

StateFiles read_state_files(broker::config::Settings& settings) {
  StateFiles out;
  Reading reading(out);
  auto& rules = settings.hub.states.rules;
  for (std::size_t i = 0; i < rules.size() && i < settings.state_secrets.size(); ++i) {
    reading.secret(i, settings.state_secrets[i], rules[i].hook.bearer);
    reading.certificates(i, rules[i].hook.ca_file);
  }
  return out;
}

}  // namespace tidemark::tools
