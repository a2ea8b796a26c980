// What a client can be told: where the broker is, how patient to be, how much to hold.
// protocol/client/: plain structs, used by every unit of the folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/client/credential.hpp"
#include "protocol/client/refusal.hpp"
#include "protocol/client/trust.hpp"
#include "protocol/messages.hpp"

namespace tidemark::client {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// What the connection is doing.
struct Connecting {
  std::uint64_t attempt = 1;  ///< since the last time it was connected
};
struct Connected {};
struct Disconnected {
  Refusal reason;
  milliseconds retry_in{0};
  bool goodbye = false;  ///< the broker announced it, and when to come back
};
/// It tries no more: the broker does not take the credential, and there will be no other.
struct GaveUp {
  Refusal reason;
};
using Status = std::variant<Connecting, Connected, Disconnected, GaveUp>;

struct ClientOptions {
  std::string url = "ws://127.0.0.1:4437";  ///< see parse_endpoint
  TrustOptions trust;                       ///< for wss:// and https://: who vouches for the broker
  /// Who the client is. One that is refused, or has expired, is asked for once more; then the
  /// client keeps trying with backoff, or if it is a text gives up: everything ends with
  /// unauthorized or token_expired.
  Credential credential;
  WireForm form = WireForm::binary;
  milliseconds backoff_min{100};         ///< between tries: at least this,
  milliseconds backoff_max{10'000};      ///< at most this; doubling, with full jitter between
  milliseconds goodbye_max{60'000};      ///< a goodbye's delay is believed up to this
  milliseconds connect_timeout{10'000};  ///< resolving, connecting and the handshake together
  milliseconds ping_interval{
      15'000};  ///< silence after which the broker is asked; twice: it's gone
  /// Who publishes, for retries that do not double. Empty: a random name of this client. A name of
  /// one's own needs an epoch higher than any used with it before (the time in ms will do), since
  /// sequences begin at 0 with every client.
  std::string producer_id;
  std::uint64_t producer_epoch = 0;
  std::size_t publishes_in_flight = 256;  ///< sent and unanswered; more wait their turn
  std::size_t publish_bytes_in_flight = std::size_t{8} << 20;
  std::size_t message_bytes = std::size_t{64} << 20;  ///< largest message taken from a broker
  std::optional<std::uint64_t> seed;  ///< of backoff and producer name; unset: from the system
  /// Called on the client's strand; be short.
  std::function<void(const Status&)> on_status;
};

struct PublishOptions {
  std::string content_type;             ///< see Publish::content_type
  std::optional<Offset> expected_last;  ///< see Publish::expected_last
  /// An identity kept by the application (an outbox); the client then numbers nothing itself.
  std::optional<ProducerStamp> producer;
  milliseconds timeout{30'000};  ///< 0: as long as it takes
};

struct PublishReceipt {
  Epoch epoch;
  OffsetRange offsets;     ///< empty for a duplicate whose offsets are no longer remembered
  bool duplicate = false;  ///< an earlier attempt had been appended already
};

struct SubscribeOptions {
  Start start = StartNow{};
  /// Begin with the topic's state; `start` is then ignored. Only the first time: after a lost
  /// connection it goes on after what has been received, unless that was half a state.
  bool state = false;
  std::optional<OnGap> on_gap;  ///< unset: state if it began with one, else earliest
  /// Begin with the state also if what there is to send is more than this, the first time and
  /// whenever a connection was lost.
  std::optional<StateIfBehind> state_if_behind;
  Filter filter;       ///< other events are passed over, and position() with them
  std::string cursor;  ///< begin after what this named cursor has; if there is none, as said above
  bool wait_for_topic = false;        ///< try again while the topic does not exist
  std::size_t queued_events = 4'096;  ///< beyond these nothing more is read from the broker
  std::size_t queued_bytes = std::size_t{4} << 20;
};

/// As those of one topic, for each that matches.
struct PatternOptions {
  Start start = StartNow{};  ///< in topics there are now; later ones begin with their first event
  bool state = false;        ///< begin with the state of each, later ones too
  std::optional<OnGap> on_gap;
  std::optional<StateIfBehind> state_if_behind;
  Filter filter;
  std::string cursor;
  /// What PatternSubscription::positions() gave: go on there. Topics that are not in it begin with
  /// their earliest event, or their state; `start` and `cursor` are then ignored.
  std::optional<std::vector<TopicPosition>> positions;
  std::size_t queued_events = 4'096;
  std::size_t queued_bytes = std::size_t{4} << 20;
};

}  // namespace tidemark::client
