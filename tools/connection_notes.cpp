// Sentences about connections.
// tools/: see connection_notes.hpp.
#include "tools/connection_notes.hpp"

#include <array>
#include <cstdio>

#include "tools/broker_http.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {

std::string duration_text(client::milliseconds time) {
  const auto ms = time.count();
  std::array<char, 32> out{};
  if (ms < 1'000) {
    std::snprintf(out.data(), out.size(), "%lld ms", static_cast<long long>(ms));
  } else {
    const double seconds = static_cast<double>(ms) / 1'000;
    std::snprintf(out.data(), out.size(), seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  }
  return out.data();
}

ExitCode complain_of(const client::Refusal& refusal) {
  if (client::is_of_credential(refusal.code)) {
    complain(refusal.text + kWhoAreYou);
    return kRefused;
  }
  complain(refusal.text + "; is tidemarkd running there? (--server or TIDEMARK_SERVER say where)");
  return kUnreachable;
}

void ConnectionNotes::operator()(const client::Status& status) {
  if (std::holds_alternative<client::Connected>(status)) {
    if (told_ && !quiet_) note("connected again");
    was_connected_ = true;
    told_ = false;
  } else if (const auto* lost = std::get_if<client::Disconnected>(&status)) {
    // Once per outage: ten more refused tries are no news.
    if (!was_connected_ || told_) return;
    told_ = true;
    const std::string what = lost->goodbye ? "the broker is going away" : lost->reason.text;
    if (!quiet_) note(what + "; trying again in " + duration_text(lost->retry_in));
  }
}

}  // namespace tidemark::tools
