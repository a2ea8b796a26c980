// Every message comes back as it went, in both wire forms.
// tests/protocol/
#include "protocol/codec.hpp"

#include <set>

#include <gmock/gmock.h>

#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

constexpr WireForm kForms[] = {WireForm::json, WireForm::binary};
constexpr Payload kPayloads[] = {Payload::json, Payload::text, Payload::bytes};

// Base64 arrives as raw bytes and needs no settling.
template <class Message>
void settle_as(Message& message, Payload payload) {
  if (payload != Payload::bytes) samples::settle(message, payload);
}

TEST(Codec, ClientMessagesRoundTrip) {
  for (const auto form : kForms) {
    for (const auto payload : kPayloads) {
      for (const auto& message : samples::client()) {
        const auto bytes = samples::encoded(form, message, payload);
        auto decoded = decode_client(form, bytes);
        ASSERT_TRUE(decoded) << bytes << ": " << decoded.error().text;
        settle_as(*decoded, payload);
        EXPECT_TRUE(*decoded == message) << bytes;
      }
    }
  }
}

TEST(Codec, ServerMessagesRoundTrip) {
  for (const auto form : kForms) {
    for (const auto payload : kPayloads) {
      for (const auto& message : samples::server()) {
        const auto bytes = samples::encoded(form, message, payload);
        auto decoded = decode_server(form, bytes);
        ASSERT_TRUE(decoded) << bytes << ": " << decoded.error().text;
        settle_as(*decoded, payload);
        EXPECT_TRUE(*decoded == message) << bytes;
      }
    }
  }
}

TEST(Codec, SamplesHoldEveryMessage) {
  std::set<std::size_t> kinds;
  for (const auto& message : samples::client()) kinds.insert(message.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<ClientMessage>);
  kinds.clear();
  for (const auto& message : samples::server()) kinds.insert(message.index());
  EXPECT_EQ(kinds.size(), std::variant_size_v<ServerMessage>);
}

TEST(Codec, NamesItsSubprotocols) {
  EXPECT_EQ(subprotocol(WireForm::json), "tidemark.v1.json");
  EXPECT_EQ(subprotocol(WireForm::binary), "tidemark.v1.cereal");
}

}  // namespace
}  // namespace tidemark
