// What the body of a PUT may set of a topic.
// broker/: shapes only; api_routes asks the store.
#pragma once

#include <string>
#include <string_view>

#include "storage/requests.hpp"

namespace tidemark::broker {

/// Fills in what the body of a PUT sets: `content_type`, `durability`, `retention` (as a whole),
/// `keep_latest`. An empty body sets nothing. Returns a sentence about what is wrong, or nothing.
[[nodiscard]] std::string read_settings(std::string_view body, storage::ConfigureRequest& request);

}  // namespace tidemark::broker
