// A store's errors as the command line tells them.
// tools/inspect/: for whoever opens a data directory.
#pragma once

#include <filesystem>

#include "storage/rocks_store.hpp"
#include "tools/broker_http.hpp"

namespace tidemark::tools {

/// With the exit code: kDamaged of corrupt_record and store_lost_data, kIncomplete of cancelled,
/// kRefused of unknown_topic, kFailed of disk_full and storage_failed, else kUnreachable.
[[nodiscard]] HttpFailure failure_of(const storage::OpenError& error);
/// Of a log that is open; `doing` is a clause: "reading orders".
[[nodiscard]] HttpFailure failure_of(Errc code, std::string_view doing);

}  // namespace tidemark::tools
