// A named cursor as JSON.
// broker/shapes/: the same from a running broker and from its files.
#pragma once

#include <boost/json/object.hpp>

#include "storage/cursors.hpp"

namespace tidemark::broker {

/// `{"epoch","offset","token"}`.
[[nodiscard]] boost::json::object describe(Position position);

/// `{"topic","cursor","epoch","offset","token","acknowledged","created","lag","falling",
/// "in_epoch"}`; `lag` is `{"events","bytes","time_ms","lost"}`.
[[nodiscard]] boost::json::object describe(const storage::CursorInfo& cursor);

}  // namespace tidemark::broker
