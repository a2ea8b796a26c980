// The binary form is cereal's, and no length in it is believed.
// tests/protocol/
#include "protocol/binary_codec.hpp"

#include <cstring>
#include <sstream>
#include <string>

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <gmock/gmock.h>

#include "protocol/binary_layout.hpp"
#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

template <class Message>
std::string by_cereal(const Message& message) {
  std::ostringstream out;
  {
    cereal::PortableBinaryOutputArchive archive(
        out, cereal::PortableBinaryOutputArchive::Options::LittleEndian());
    archive(
        static_cast<std::uint8_t>(wire::kFirstKind<Message> + static_cast<int>(message.index())));
    std::visit([&](const auto& m) { archive(m); }, message);
  }
  return out.str();
}

// Reads with cereal alone what is known to be a message like `like`.
template <class Message>
Message read_by_cereal(const std::string& bytes, const Message& like) {
  std::istringstream in(bytes);
  cereal::PortableBinaryInputArchive archive(in);
  std::uint8_t kind = 0;
  archive(kind);
  EXPECT_EQ(kind, wire::kFirstKind<Message> + static_cast<int>(like.index()));
  Message read = like;
  std::visit(
      [&](auto& m) {
        m = {};
        archive(m);
      },
      read);
  EXPECT_EQ(in.peek(), std::char_traits<char>::eof());
  return read;
}

template <class Message>
void expect_cereals(const std::vector<Message>& messages) {
  for (const auto& message : messages) {
    const auto bytes = samples::encoded(WireForm::binary, message);
    EXPECT_EQ(bytes, by_cereal(message));
    EXPECT_TRUE(read_by_cereal(bytes, message) == message);
  }
}

TEST(BinaryCodec, WritesAndReadsAsCerealDoes) {
  expect_cereals(samples::client());
  expect_cereals(samples::server());
}

TEST(BinaryCodec, RefusesEveryTruncation) {
  for (const auto& message : samples::client()) {
    const auto bytes = samples::encoded(WireForm::binary, message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto decoded = decode_binary_client(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(decoded) << size << " of " << bytes.size();
      EXPECT_EQ(decoded.error().code, Errc::malformed_message);
    }
  }
  for (const auto& message : samples::server()) {
    const auto bytes = samples::encoded(WireForm::binary, message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(decode_binary_server(std::string_view(bytes).substr(0, size))) << size;
    }
  }
}

TEST(BinaryCodec, RefusesBytesAfterTheEnd) {
  for (const auto& message : samples::client()) {
    EXPECT_FALSE(decode_binary_client(samples::encoded(WireForm::binary, message) + '\0'));
  }
}

// The bytes of a publish whose parts are known, with a u64 overwritten at `at`.
std::string publish_with(std::size_t at, std::uint64_t value) {
  const ClientMessage message =
      Publish{.id = 9, .topic = "t", .events = {samples::event("data", "k", {{"a", "b"}})}};
  auto bytes = samples::encoded(WireForm::binary, message);
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

TEST(BinaryCodec, BelievesNoLength) {
  // Offsets of the lengths: topic, events, key, headers, header name, header value, data.
  for (const std::size_t at : {10U, 19U, 27U, 36U, 44U, 53U, 62U}) {
    std::uint64_t was = 0;
    std::memcpy(&was, publish_with(2, 9).data() + at, sizeof was);
    ASSERT_LE(was, 4U) << at;  // it is a length
    ASSERT_GE(was, 1U) << at;
    for (const std::uint64_t lie :
         {std::uint64_t{100}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
          std::uint64_t{1} << 40, std::uint64_t{1} << 63, ~std::uint64_t{0},
          ~std::uint64_t{0} - 7}) {
      const auto decoded = decode_binary_client(publish_with(at, lie));
      ASSERT_FALSE(decoded) << at << " " << lie;
      EXPECT_EQ(decoded.error().code, Errc::malformed_message);
      EXPECT_EQ(decoded.error().id, 9U);
    }
  }
}

TEST(BinaryCodec, CountsEventsAndHeaders) {
  Publish many{.id = 1, .topic = "t"};
  many.events.assign(limits::events_per_publish, samples::event("x"));
  EXPECT_TRUE(decode_binary_client(samples::encoded(WireForm::binary, ClientMessage(many))));
  many.events.push_back(samples::event("x"));
  auto decoded = decode_binary_client(samples::encoded(WireForm::binary, ClientMessage(many)));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::too_many_events);
  Publish headers{.id = 1, .topic = "t", .events = {samples::event("x")}};
  headers.events.front().headers.assign(limits::headers + 1, Header{"a", "b"});
  decoded = decode_binary_client(samples::encoded(WireForm::binary, ClientMessage(headers)));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::invalid_headers);
}

std::string ping() { return samples::encoded(WireForm::binary, ClientMessage(Ping{.id = 3})); }

Errc code_of(const std::string& bytes) {
  const auto decoded = decode_binary_client(bytes);
  return decoded ? Errc::cancelled : decoded.error().code;
}

TEST(BinaryCodec, RefusesWrongKindsAndByteOrders) {
  auto bytes = ping();
  EXPECT_EQ(code_of(bytes), Errc::cancelled);  // accepted
  for (const char kind : {'\x00', '\x07', '\x11', '\xff'}) {
    bytes = ping();
    bytes[1] = kind;
    EXPECT_EQ(code_of(bytes), Errc::unknown_message);
  }
  for (const char order : {'\x00', '\x02'}) {
    bytes = ping();
    bytes[0] = order;
    EXPECT_EQ(code_of(bytes), Errc::malformed_message);
  }
}

TEST(BinaryCodec, RefusesIntegersNoJavaScriptNumberHolds) {
  EXPECT_EQ(code_of(publish_with(2, kMaxInteger)), Errc::cancelled);
  EXPECT_EQ(code_of(publish_with(2, kMaxInteger + 1)), Errc::malformed_message);
}

TEST(BinaryCodec, RefusesTextThatIsNotUtf8ButTakesAnyData) {
  const auto with = [](const std::string& topic, NewEvent event) {
    return code_of(samples::encoded(
        WireForm::binary, ClientMessage(Publish{.id = 1, .topic = topic, .events = {event}})));
  };
  EXPECT_EQ(with("t", samples::event("\xff")), Errc::cancelled);
  EXPECT_EQ(with("\xff", samples::event("")), Errc::malformed_message);
  EXPECT_EQ(with("t", samples::event("", "\xff")), Errc::malformed_message);
  EXPECT_EQ(with("t", samples::event("", "", {{"\xff", ""}})), Errc::malformed_message);
  EXPECT_EQ(with("t", samples::event("", "", {{"a", "\xff"}})), Errc::malformed_message);
}

TEST(BinaryCodec, RefusesProducersWithoutAnIdOrWithAHugeOne) {
  for (const std::size_t size : {std::size_t{0}, limits::producer_id_bytes + 1}) {
    const ClientMessage message =
        Publish{.id = 1,
                .topic = "t",
                .events = {samples::event("1")},
                .producer = ProducerStamp{.id = std::string(size, 'p'), .epoch = 0, .sequence = 0}};
    EXPECT_EQ(code_of(samples::encoded(WireForm::binary, message)), Errc::invalid_producer);
    const auto json = decode_client(WireForm::json, samples::encoded(WireForm::json, message));
    ASSERT_FALSE(json);
    EXPECT_EQ(json.error().code, Errc::invalid_producer);
  }
}

TEST(BinaryCodec, RefusesUnknownEnumerators) {
  const ClientMessage message = Subscribe{.id = 1, .topic = "t"};
  const auto bytes = samples::encoded(WireForm::binary, message);
  constexpr std::size_t kOnGap = 2 + 8 + 9 + 1 + 8 + 8;
  auto bad_gap = bytes;
  ASSERT_EQ(bad_gap.at(kOnGap), 0);
  bad_gap[kOnGap] = 2;
  EXPECT_EQ(code_of(bad_gap), Errc::cancelled);  // state
  bad_gap[kOnGap] = 3;
  EXPECT_EQ(code_of(bad_gap), Errc::malformed_message);
  auto bad_start = bytes;
  bad_start[19] = 5;
  EXPECT_EQ(code_of(bad_start), Errc::malformed_message);
  auto failure = samples::encoded(
      WireForm::binary, ServerMessage(Failure{.id = 1, .code = Errc::stalled, .text = {}}));
  failure[18] = 'x';
  EXPECT_FALSE(decode_binary_server(failure));
}

DecodeError error_of(const Subscribe& message) {
  const auto decoded =
      decode_binary_client(samples::encoded(WireForm::binary, ClientMessage(message)));
  return decoded ? DecodeError{Errc::cancelled, {}, 0} : decoded.error();
}

void expect_refused(const Subscribe& message, Errc code, const std::string& says) {
  const auto error = error_of(message);
  EXPECT_EQ(error.code, code) << says;
  EXPECT_THAT(error.text, testing::HasSubstr(says));
  EXPECT_EQ(error.id, message.id);
}

TEST(BinaryCodec, CountsWhatAFilterAndPositionsHold) {
  auto most = samples::full_subscribe();
  most.filter.keys.assign(limits::filter_keys, "k");
  most.filter.headers.assign(limits::filter_headers, {"a", {"b"}});
  most.filter.headers.front().values.assign(limits::filter_values, "v");
  most.positions->clear();
  for (std::size_t i = 0; i < limits::positions; ++i) {
    most.positions->push_back({"t" + std::to_string(i), {}});
  }
  EXPECT_EQ(error_of(most).code, Errc::cancelled);  // accepted
  auto more = most;
  more.filter.keys.emplace_back("k");
  expect_refused(more, Errc::invalid_filter, "more than 256 keys");
  more = most;
  more.filter.headers.push_back({"a", {"b"}});
  expect_refused(more, Errc::invalid_filter, "more than 16 headers");
  more = most;
  more.filter.headers.front().values.emplace_back("v");
  expect_refused(more, Errc::invalid_filter, "more than 64 values of a header");
  more = most;
  more.filter.headers.front().values.clear();
  expect_refused(more, Errc::invalid_filter, "no value to match");
  more = most;
  more.positions->push_back({"one more", {}});
  expect_refused(more, Errc::malformed_message, "more than 10000 positions");
}

TEST(BinaryCodec, RefusesSubscriptionsThatContradictThemselves) {
  constexpr auto kMalformed = Errc::malformed_message;
  auto both = samples::full_subscribe();
  both.topic = "t";
  expect_refused(both, kMalformed, "\"topic\" and \"pattern\" exclude each other");
  expect_refused(samples::subscribe_to(""), kMalformed, "\"topic\" or \"pattern\" is missing");
  auto state = samples::subscribe_to("t");
  state.state = true;
  state.start = StartEarliest{};
  expect_refused(state, kMalformed, "\"state\" and \"after\"");
  auto positions = samples::subscribe_to("t");
  positions.positions.emplace();
  expect_refused(positions, kMalformed, "\"positions\" needs a \"pattern\"");
  positions = samples::full_subscribe();
  positions.state = false;
  positions.start = StartLast{1};
  expect_refused(positions, kMalformed, "\"positions\" and \"after\"");
  positions = samples::full_subscribe();
  positions.positions->push_back(positions.positions->front());
  expect_refused(positions, kMalformed, "has \"rooms/1\" twice");
  auto unbounded = samples::subscribe_to("t");
  unbounded.state_if_behind.emplace();
  expect_refused(unbounded, kMalformed, "needs \"events\" or \"bytes\"");
  const auto unsubscribe = [](const char* topic, const char* pattern) {
    return code_of(samples::encoded(
        WireForm::binary, ClientMessage(Unsubscribe{.id = 1, .topic = topic, .pattern = pattern})));
  };
  EXPECT_EQ(unsubscribe("t", "p"), kMalformed);
  EXPECT_EQ(unsubscribe("", ""), kMalformed);
  EXPECT_EQ(unsubscribe("", "p"), Errc::cancelled);
}

// Wherever a length or a count stands, and in everything else that is eight bytes long.
template <class Message, class Decode>
void expect_no_length_is_believed(const Message& message, Decode decode) {
  const auto good = samples::encoded(WireForm::binary, message);
  for (std::size_t at = 2; at + sizeof(std::uint64_t) <= good.size(); ++at) {
    for (const std::uint64_t lie :
         {std::uint64_t{1} << 31, std::uint64_t{1} << 40, std::uint64_t{1} << 63, ~std::uint64_t{0},
          ~std::uint64_t{0} / 8, ~std::uint64_t{0} / 40}) {
      auto bytes = good;
      std::memcpy(bytes.data() + at, &lie, sizeof lie);
      const auto decoded = decode(bytes);
      // What happens to be a message still is one of these very bytes, not of what they promise.
      if (!decoded) continue;
      EXPECT_EQ(samples::encoded(WireForm::binary, *decoded).size(), bytes.size());
    }
  }
}

TEST(BinaryCodec, BelievesNoLengthOfSubscriptionsAndStates) {
  for (const auto& message : samples::subscriptions()) {
    expect_no_length_is_believed(message, decode_binary_client);
  }
  for (const auto& state : samples::states()) {
    expect_no_length_is_believed(ServerMessage(state), decode_binary_server);
  }
}

// A u64 overwritten in the bytes of a message.
std::string with_u64(std::string bytes, std::size_t at, std::uint64_t was, std::uint64_t lie) {
  std::uint64_t there = 0;
  std::memcpy(&there, bytes.data() + at, sizeof there);
  EXPECT_EQ(there, was) << at;
  std::memcpy(bytes.data() + at, &lie, sizeof lie);
  return bytes;
}

TEST(BinaryCodec, RefusesHugeCountsInSubscriptionsAndStates) {
  const ClientMessage subscribe = samples::full_subscribe();
  const auto bytes = samples::encoded(WireForm::binary, subscribe);
  // order, kind, id, topic, start (three fields), on_gap, state, events?, bytes?: then the keys.
  constexpr std::size_t kKeys = 1 + 1 + 8 + 8 + 17 + 1 + 1 + 1 + 9 + 9;
  // "order-7" and "user-*", then the headers.
  constexpr std::size_t kHeaders = kKeys + 8 + (8 + 7) + (8 + 6);
  constexpr std::size_t kValues = kHeaders + 8 + (8 + 6);
  // From the end: two positions of 7 letters each, before them their count.
  const std::size_t positions = bytes.size() - 2 * (8 + 7 + 16) - 8;
  for (const std::size_t at : {kKeys, kHeaders, kValues, positions}) {
    for (const std::uint64_t lie :
         {std::uint64_t{1000}, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
      EXPECT_EQ(code_of(with_u64(bytes, at, 2, lie)), Errc::malformed_message) << at;
    }
  }
  State page{.topic = "t", .position = {}};
  const auto state = samples::encoded(WireForm::binary, ServerMessage(page));
  EXPECT_FALSE(decode_binary_server(with_u64(state, state.size() - 8, 0, 1)));
  EXPECT_FALSE(decode_binary_server(with_u64(state, state.size() - 8, 0, std::uint64_t{1} << 61)));
}

TEST(BinaryCodec, RefusesAStateThatIsABundleAndEntries) {
  auto state = samples::states().back();
  EXPECT_TRUE(decode_binary_server(samples::encoded(WireForm::binary, ServerMessage(state))));
  state.bundle = "x";
  EXPECT_FALSE(decode_binary_server(samples::encoded(WireForm::binary, ServerMessage(state))));
}

TEST(BinaryCodec, RefusesTextOfFiltersAndPositionsThatIsNotUtf8) {
  const auto with = [](auto change) {
    auto message = samples::full_subscribe();
    change(message);
    return error_of(message).code;
  };
  constexpr auto kMalformed = Errc::malformed_message;
  EXPECT_EQ(with([](Subscribe&) {}), Errc::cancelled);  // accepted
  EXPECT_EQ(with([](Subscribe& m) { m.filter.keys.front() = "\xff"; }), kMalformed);
  EXPECT_EQ(with([](Subscribe& m) { m.filter.headers.front().name = "\xff"; }), kMalformed);
  EXPECT_EQ(with([](Subscribe& m) { m.filter.headers.front().values.back() = "\xff"; }),
            kMalformed);
  EXPECT_EQ(with([](Subscribe& m) { m.cursor = "\xff"; }), kMalformed);
  EXPECT_EQ(with([](Subscribe& m) { m.pattern = "\xff"; }), kMalformed);
  EXPECT_EQ(with([](Subscribe& m) { m.positions->front().topic = "\xff"; }), kMalformed);
}

TEST(BinaryCodec, WritesTheseBytesOfASubscription) {
  Subscribe message;
  message.id = 2;
  message.on_gap = OnGap::state;
  message.state_if_behind = StateIfBehind{.events = 5, .bytes = std::nullopt};
  message.filter.keys = {"k*"};
  message.filter.headers = {{"r", {"eu"}}};
  message.cursor = "c";
  message.pattern = "p";
  message.positions = {{"p", {Epoch{3}, Offset{4}}}};
  const auto eight = [](char value) { return std::string(1, value) + std::string(7, '\0'); };
  const auto text = [&](const std::string& value) {
    return eight(static_cast<char>(value.size())) + value;
  };
  using namespace std::string_literals;
  const std::string expected = "\x01\x01"s + eight(2) + text("")  // order, kind, id, topic
                               + "\x02"s + eight(0) + eight(0)    // start: now
                               + "\x02"s + "\x00"s                // on_gap: state; no state at once
                               + "\x00\x00"s + eight(5) + "\x01"s  // state_if_behind: events alone
                               + eight(1) + text("k*")             // filter: keys
                               + eight(1) + text("r") + eight(1) + text("eu")  // and headers
                               + text("c") + text("p")                         // cursor, pattern
                               + "\x00"s + eight(1) + text("p") + eight(3) + eight(4);  // positions
  EXPECT_EQ(samples::encoded(WireForm::binary, ClientMessage(message)), expected);
  const auto decoded = decode_binary_client(expected);
  ASSERT_TRUE(decoded) << decoded.error().text;
  EXPECT_TRUE(*decoded == ClientMessage(message));
}

TEST(BinaryCodec, NumbersItsKindsForGood) {
  using wire::kind_of;
  EXPECT_EQ((kind_of<ClientMessage, Acknowledge>()), 0x06);
  EXPECT_EQ((kind_of<ServerMessage, TokenExpires>()), 0x1c);
  EXPECT_EQ((kind_of<ServerMessage, Following>()), 0x1d);
  EXPECT_EQ((kind_of<ServerMessage, State>()), 0x1e);
  EXPECT_EQ((kind_of<ServerMessage, Advanced>()), 0x1f);
  EXPECT_EQ((kind_of<ServerMessage, Acknowledged>()), 0x20);
}

}  // namespace
}  // namespace tidemark
