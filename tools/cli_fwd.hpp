// CLI11's application by name, for headers that only hand one on: its own header takes seconds.
// tools/: what every subcommand's header includes.
#pragma once

namespace CLI {
class App;
}  // namespace CLI
