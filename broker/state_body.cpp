// A state of keys as the body of an answer: a JSON array, page by page.
// broker/: see state_body.hpp.
#include "broker/state_body.hpp"

#include <utility>

#include "broker/state_json.hpp"

namespace tidemark::broker {

std::optional<Result<BodyParts::Part>> StateBody::next(std::function<void()> ready) {
  feed_->set_ready(std::move(ready));
  const auto taken = feed_->take();
  if (!taken) return std::nullopt;
  if (!*taken) return Result<Part>(taken->errc());
  const auto& part = ***taken;
  const auto& message = part.message();
  Part out{.bytes = {}, .last = message.last};
  if (!std::exchange(begun_, true)) out.bytes += '[';
  if (!message.entries.empty() && std::exchange(any_, true)) out.bytes += ',';
  append_entries(out.bytes, message.entries, part.payload());
  if (out.last) out.bytes += "]\n";
  return Result<Part>(std::move(out));
}

}  // namespace tidemark::broker
