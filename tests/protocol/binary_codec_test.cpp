// The binary form is cereal's, and no length in it is believed.
// tests/protocol/
#include "protocol/binary_codec.hpp"

#include <cstring>
#include <sstream>

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
  for (const char kind : {'\x00', '\x06', '\x11', '\xff'}) {
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
  auto bad_gap = bytes;
  bad_gap.back() = 2;
  EXPECT_EQ(code_of(bad_gap), Errc::malformed_message);
  auto bad_start = bytes;
  bad_start[19] = 5;
  EXPECT_EQ(code_of(bad_start), Errc::malformed_message);
  auto failure = samples::encoded(
      WireForm::binary, ServerMessage(Failure{.id = 1, .code = Errc::stalled, .text = {}}));
  failure[18] = 'x';
  EXPECT_FALSE(decode_binary_server(failure));
}

}  // namespace
}  // namespace tidemark
