// A named cursor as JSON.
// broker/shapes/: see cursor_shape.hpp.
#include "broker/shapes/cursor_shape.hpp"

#include <utility>

#include "broker/shapes/rfc3339.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

namespace json = boost::json;

json::object describe(Position position) {
  return {{"epoch", position.epoch.value},
          {"offset", position.offset.value},
          {"token", to_token(position)}};
}

json::object describe(const storage::CursorInfo& cursor) {
  json::object out{{"topic", cursor.topic}, {"cursor", cursor.name}};
  for (auto& member : describe(cursor.position)) out.insert(std::move(member));
  out["acknowledged"] = to_rfc3339(cursor.acknowledged);
  out["created"] = to_rfc3339(cursor.created);
  out["lag"] = {{"events", cursor.lag.events},
                {"bytes", cursor.lag.bytes},
                {"time_ms", cursor.lag.time.count()},
                {"lost", cursor.lag.lost}};
  out["falling"] = cursor.lag.falling;
  out["in_epoch"] = cursor.in_epoch;
  return out;
}

}  // namespace tidemark::broker
