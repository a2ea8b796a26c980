// A producer as JSON.
// broker/shapes/: the same from a running broker and from its files.
#pragma once

#include <string_view>

#include <boost/json/object.hpp>

#include "storage/log.hpp"

namespace tidemark::broker {

/// `{"producer","epoch","sequence","last_used","last_offset"}`: `sequence` is the last that was
/// appended, `last_offset` that of its last event (null if it is no longer remembered), `last_used`
/// RFC 3339.
[[nodiscard]] boost::json::object describe(std::string_view producer,
                                           const storage::ProducerState& state);

}  // namespace tidemark::broker
