// A log read from its files.
// tools/inspect/: one of the two sources; never writes.
#pragma once

#include <filesystem>
#include <memory>

#include "tools/inspect/source.hpp"

namespace tidemark::tools {

/// Opens the directory as it is now; what a broker writes to it later is not seen.
boost::system::result<std::unique_ptr<Source>, HttpFailure> open_files_source(
    const std::filesystem::path& directory);

}  // namespace tidemark::tools
