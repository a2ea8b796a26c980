// Positions as clients give them back: tokens, event ids, places in a listing.
// tests/fuzz/: protocol/position_token, broker/page_token, broker/etag.
#include <string>

#include "broker/etag.hpp"
#include "broker/page_token.hpp"
#include "protocol/position_token.hpp"
#include "tests/fuzz/bytes.hpp"

namespace tidemark::fuzz {
namespace {

std::uint64_t take_number(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8U | take_byte(bytes);
  return value & kMaxInteger;
}

void check_text(std::string_view text) {
  const auto position = parse_token(text);
  if (!position) {
    TIDEMARK_ENSURE(position.errc() == Errc::malformed_message, "a token is refused as such");
    return;
  }
  TIDEMARK_ENSURE(to_token(*position) == text, "there is one way to write a position");
  TIDEMARK_ENSURE(position->epoch.value <= kMaxInteger && position->offset.value <= kMaxInteger,
                  "epochs and offsets have 53 bits");
  TIDEMARK_ENSURE(position->epoch.value != 0 || position->offset.value == 0,
                  "without an epoch there is the beginning alone");
}

/// Tokens sort as positions do, which Durable Streams asks of offsets.
void check_order(std::string_view bytes) {
  const Position one{.epoch = {take_number(bytes)}, .offset = {take_number(bytes)}};
  const Position two{.epoch = {take_number(bytes)}, .offset = {take_number(bytes)}};
  TIDEMARK_ENSURE((one <=> two) == (to_token(one) <=> to_token(two)), "tokens sort as positions");
  check_text(to_token(one));
  const auto tag = broker::make_etag({.topic = {1}, .from = one, .to = two});
  TIDEMARK_ENSURE(broker::names_etag(tag, tag), "a tag names itself");
  TIDEMARK_ENSURE(broker::names_etag("\"x\", W/" + tag, tag), "a weak one in a list, too");
  const auto other = broker::make_etag({.topic = {1}, .from = one, .to = two, .closed = true});
  TIDEMARK_ENSURE(!broker::names_etag(tag, other), "and no other one");
}

/// Nobody but this process can make a place: what it did not seal it does not open.
void check_page(std::string_view text) {
  static const broker::PageTokens tokens;
  TIDEMARK_ENSURE(!tokens.open(text), "a page token that nobody sealed");
  const auto name = text.substr(0, 255);
  auto sealed = tokens.seal(name);
  TIDEMARK_ENSURE(tokens.open(sealed) == name, "what is sealed can be opened");
  const std::size_t at = (text.empty() ? 0 : static_cast<unsigned char>(text[0])) % sealed.size();
  sealed[at] = sealed[at] == 'A' ? 'B' : 'A';
  TIDEMARK_ENSURE(!tokens.open(sealed), "a page token with another letter");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;  // NOLINT(google-build-using-namespace): a program of its own
  const auto text = fuzz::text_of(data, size);
  fuzz::check_text(text);
  fuzz::check_order(text);
  fuzz::check_page(text);
  // Any header can be held against a tag.
  static_cast<void>(broker::names_etag(text, "\"1-1/1-1/1\""));
  return 0;
}
