// Header fields that several answers of the stream routes have.
// broker/: Durable Streams names them; Stream-Gap is ours.
#pragma once

#include "broker/http_reply.hpp"
#include "storage/topic.hpp"

namespace tidemark::broker {

/// Stream-Next-Offset: where a reader is who has everything up to there.
void add_next_offset(HttpReply& reply, Position position);
/// The same, in the epoch of the event.
void add_next_offset(HttpReply& reply, const storage::Topic& topic, Offset offset);
/// Stream-Closed: nothing will follow what this answer reaches.
void add_closed(HttpReply& reply);

/// Stream-Gap: `position_trimmed;first=5;end=100;earliest=100;epoch=7;head=200`: why (an error's
/// code), and which events are gone.
void add_gap(HttpReply& reply, const Gap& gap);
/// The answer to a position whose events are gone, or that is not of this history: the error of the
/// gap, with the gap beside it.
[[nodiscard]] HttpReply gap_reply(const Gap& gap);

}  // namespace tidemark::broker
