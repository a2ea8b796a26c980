// Opens the data directory that is imported into.
// tools/transfer/: for the import command.
#pragma once

#include <filesystem>
#include <memory>

#include <boost/system/result.hpp>

#include "storage/log.hpp"
#include "tools/broker_http.hpp"

namespace tidemark::tools {

/// Opens the log in `directory`, or makes one there; a broker that has it open is an error. What is
/// imported goes on elsewhere, where clients may have seen more of it. So the log gets an incident,
/// unless it has had one that concerns all topics: a topic with TopicMeta::incident 0 has not
/// answered it, and opens a new epoch when a broker first publishes to it. Topics that are there
/// already are none of its concern.
[[nodiscard]] boost::system::result<std::unique_ptr<storage::Log>, HttpFailure> open_to_import(
    const std::filesystem::path& directory);

/// Opens it for looking only, also beside a broker; null: there is no log, and one can be made.
[[nodiscard]] boost::system::result<std::unique_ptr<storage::Log>, HttpFailure> open_to_try(
    const std::filesystem::path& directory);

}  // namespace tidemark::tools
