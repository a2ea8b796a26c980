// Header fields that several answers of the stream routes have.
// broker/: see stream_fields.hpp.
#include "broker/stream_fields.hpp"

#include "broker/cursor.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {

void add_next_offset(HttpReply& reply, Position position) {
  reply.add("Stream-Next-Offset", to_token(position));
}

void add_next_offset(HttpReply& reply, const storage::Topic& topic, Offset offset) {
  add_next_offset(reply, {.epoch = topic.epoch_at(offset).start.epoch, .offset = offset});
}

void add_closed(HttpReply& reply) { reply.add("Stream-Closed", "true"); }

void add_gap(HttpReply& reply, const Gap& gap) {
  std::string text(info(errc_of(gap.cause)).name);
  const auto add = [&](std::string_view name, std::uint64_t value) {
    text.append(";").append(name).append("=").append(std::to_string(value));
  };
  add("first", gap.lost.first.value);
  add("end", gap.lost.end.value);
  add("earliest", gap.earliest.value);
  add("epoch", gap.epoch.value);
  add("head", gap.head.value);
  reply.add("Stream-Gap", text);
}

HttpReply gap_reply(const Gap& gap) {
  auto reply = to_reply(error_reply(Problem{.code = errc_of(gap.cause), .gap = gap}));
  add_gap(reply, gap);
  return reply;
}

}  // namespace tidemark::broker
