// Which of the two it is.
// tools/inspect/: see source.hpp.
#include "tools/inspect/source.hpp"

#include <CLI/CLI.hpp>

#include "tools/inspect/files_source.hpp"
#include "tools/inspect/server_source.hpp"

namespace tidemark::tools {

void add_source_options(CLI::App& command, SourceChoice& choice) {
  add_broker_options(command, choice.broker);
  command
      .add_option("--data", choice.data,
                  "Read this data directory instead of asking a broker; one may be running on it")
      ->type_name("DIR")
      ->excludes(command.get_option("--server"));
}

void check_source(const SourceChoice& choice) {
  if (choice.data.empty()) check_broker(choice.broker);
}

boost::system::result<std::unique_ptr<Source>, HttpFailure> Source::open(
    const SourceChoice& choice) {
  if (!choice.data.empty()) return open_files_source(choice.data);
  return make_server_source(choice.broker);
}

}  // namespace tidemark::tools
