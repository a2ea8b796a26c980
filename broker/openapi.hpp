// The OpenAPI description of the HTTP side, as it is served.
// broker/: openapi.json beside this, put into the binary by the build.
#pragma once

#include <string_view>

namespace tidemark::broker {

/// JSON, with a newline at its end.
[[nodiscard]] std::string_view openapi_document();

}  // namespace tidemark::broker
