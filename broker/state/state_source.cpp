// What sources of bundles answer, judged.
// broker/state/: see state_source.hpp. What goes on to clients has been looked at here: a bundle of
// broken JSON would break the message it is put in.
#include "broker/state/state_source.hpp"

#include <algorithm>
#include <utility>

#include "broker/access/base64url.hpp"
#include "broker/access/printable.hpp"
#include "broker/state/hook_url.hpp"
#include "broker/topic_defaults.hpp"
#include "protocol/json_slices.hpp"
#include "protocol/position_token.hpp"

namespace tidemark::broker {
namespace {

constexpr std::string_view kUnknownType = "application/octet-stream";
constexpr long kOk = 200;
constexpr long kNoContent = 204;
constexpr long kNotFound = 404;

SourceFailure failure(std::string why) { return {Errc::state_failed, std::move(why)}; }

/// What is wrong with a bundle; nullopt: nothing.
std::optional<SourceFailure> fault_of(const SourceBundle& bundle, std::size_t max_bytes) {
  if (bundle.data.size() > std::min(max_bytes, limits::state_bytes)) {
    return SourceFailure{Errc::state_too_large,
                         "it is of " + std::to_string(bundle.data.size()) + " bytes"};
  }
  if (!valid_content_type(bundle.content_type)) {
    return failure("its content type is none: " + shown(bundle.content_type));
  }
  const auto payload = payload_of(bundle.content_type);
  if (payload == Payload::json) {
    if (auto wrong = check_json(bundle.data, limits::json_depth).fault) {
      return failure("it is no JSON, as its content type says: " + *wrong);
    }
  }
  if (payload == Payload::text && !valid_utf8(bundle.data)) return failure("it is no UTF-8");
  return std::nullopt;
}

SourceOutcome judged(SourceBundle bundle, std::size_t max_bytes) {
  if (auto fault = fault_of(bundle, max_bytes)) return std::move(*fault);
  return bundle;
}

/// A token, or an offset in decimal.
std::optional<Reflects> reflects_of(const std::string& text) {
  if (text.empty()) return Reflects{};
  if (text.size() == kTokenChars) {
    const auto token = parse_token(text);
    if (!token) return std::nullopt;
    return Reflects{*token};
  }
  const auto number = parse_count(text);
  if (!number || *number > kMaxInteger) return std::nullopt;
  return Reflects{Offset{*number}};
}

}  // namespace

std::variant<HookCall, SourceFailure> hook_call(const StateRule& rule, const TopicName& topic,
                                                Position taken, const StateWanted& who,
                                                std::size_t max_bytes) {
  const auto& hook = rule.hook;
  HookCall call{
      .url = hook_url_for(hook.url, topic),
      .headers = {"Tidemark-Topic: " + topic.str(), "Tidemark-Position: " + to_token(taken)},
      .ca_file = hook.ca_file,
      .private_addresses = hook.allow_private,
      .timeout = hook.timeout,
      .tries = hook.tries,
      .max_bytes = std::min(max_bytes, limits::state_bytes)};
  if (!hook.bearer.empty()) call.headers.push_back("Authorization: Bearer " + hook.bearer);
  if (!rule.per_client) return call;
  // Printable: without line ends above all, behind which headers of the client's own would begin.
  if (!is_printable(who.subject)) return failure("the client's name can't stand in a header");
  if (!who.subject.empty()) call.headers.push_back("Tidemark-Subject: " + who.subject);
  if (!who.claims.empty()) {
    call.headers.push_back("Tidemark-Claims: " + to_base64url(who.claims));
  }
  return call;
}

SourceOutcome bundle_of(HookOutcome answered, std::size_t max_bytes) {
  if (auto* const failed = std::get_if<HookFailure>(&answered)) {
    return SourceFailure{failed->code, std::move(failed->text)};
  }
  auto& answer = std::get<HookAnswer>(answered);
  if (answer.status == kNoContent || answer.status == kNotFound) {
    return SourceFailure{Errc::no_state, {}};
  }
  if (answer.status != kOk) return failure("it answers " + std::to_string(answer.status));
  const auto reflects = reflects_of(answer.offset);
  if (!reflects) {
    return failure("its Tidemark-Offset is neither a token nor an offset: " + shown(answer.offset));
  }
  if (answer.content_type.empty()) answer.content_type = kUnknownType;
  return judged({.data = std::move(answer.body),
                 .content_type = std::move(answer.content_type),
                 .reflects = *reflects},
                max_bytes);
}

SourceOutcome call_back(const StateRule& rule, const TopicName& topic, Position taken,
                        std::size_t max_bytes) {
  Result<StateBundle> made = Errc::cancelled;
  try {
    made = rule.callback(topic, taken);
  } catch (...) {  // the application's code; what it threw concerns this state only
    return failure("its callback has thrown");
  }
  if (!made) {
    const auto code = made.errc();
    if (code == Errc::no_state || code == Errc::overloaded) return SourceFailure{code, {}};
    return failure("its callback says " + std::string(info(code).name));
  }
  const auto reflects = made->reflects ? Reflects{*made->reflects} : Reflects{};
  return judged(
      {.data = std::move(made->data), .content_type = rule.content_type, .reflects = reflects},
      max_bytes);
}

SourceOutcome stored_bundle(storage::EventStore& store, const storage::Topic& topic) {
  auto stored = store.stored_state(topic);
  if (!stored) return SourceFailure{stored.errc(), "what is stored can't be read"};
  if (!*stored) return SourceFailure{Errc::no_state, {}};
  auto& state = **stored;
  // Whoever stored it may have been allowed more, or not have been asked whether it is JSON.
  return judged({.data = std::move(state.data),
                 .content_type = std::move(state.content_type),
                 .reflects = state.position},
                limits::state_bytes);
}

Result<Position> settle_position(const storage::Topic& topic, const Reflects& reflects,
                                 Position taken) {
  const Offset head = topic.bounds().head;
  const auto settled = [&](Offset offset) {
    return position_after({.data = {}, .reflects = offset}, taken, head);
  };
  if (const auto* const offset = std::get_if<Offset>(&reflects)) {
    const auto after = settled(*offset);
    if (!after) return after;
    // The topic may have had several epochs on the way there.
    return Position{.epoch = topic.epoch_at(*offset).start.epoch, .offset = *offset};
  }
  if (const auto* const position = std::get_if<Position>(&reflects)) {
    const auto after = settled(position->offset);
    if (!after) return after;
    if (position->epoch.value != 0) return *position;
    return Position{.epoch = topic.epoch_at(position->offset).start.epoch,
                    .offset = position->offset};
  }
  return taken;
}

}  // namespace tidemark::broker
