// Mutated messages: whatever comes, the decoders answer, and what they accept they can write again.
// tests/protocol/
#include <chrono>
#include <iostream>
#include <random>

#include <gmock/gmock.h>

#include "tests/protocol/samples.hpp"

namespace tidemark {
namespace {

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string mutated(std::string bytes) {
    for (auto n = 1 + random_() % 4; n > 0; --n) mutate(bytes);
    return bytes;
  }

  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  void mutate(std::string& bytes) {
    static constexpr std::string_view kBits[] = {
        "{", "}", "[", "]", "\"", "\\", ",", ":", "\\u", "\xff", "0", "1e9", "-", "null", "\xc3"};
    const std::size_t at = below(bytes.size() + 1);
    switch (below(5)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.erase(at, below(8));
        break;
      case 3:
        bytes.insert(at, kBits[below(std::size(kBits))]);
        break;
      default:
        bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(32)));
        break;
    }
  }

  std::mt19937 random_;
};

// Decoded bytes, settled as raw JSON so that both forms can write them, come back the same.
template <class Decode, class Message>
void expect_stable(WireForm form, Message message, Decode decode) {
  samples::settle(message, Payload::json);
  const auto again = samples::encoded(form, message);
  auto decoded = decode(form, again);
  ASSERT_TRUE(decoded) << again << ": " << decoded.error().text;
  samples::settle(*decoded, Payload::json);
  EXPECT_TRUE(*decoded == message) << again;
}

template <class Message, class Decode>
void torment(const std::vector<Message>& samples, Decode decode, Mutator& mutator,
             std::chrono::milliseconds time) {
  std::size_t tried = 0;
  std::size_t accepted = 0;
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    for (const auto form : {WireForm::json, WireForm::binary}) {
      const auto& sample = samples[mutator.below(samples.size())];
      const auto bytes = mutator.mutated(samples::encoded(form, sample));
      const auto decoded = decode(form, bytes);
      ++tried;
      if (!decoded) {
        ASSERT_FALSE(decoded.error().text.empty());
        ASSERT_TRUE(valid_utf8(decoded.error().text)) << decoded.error().text;
        continue;
      }
      ++accepted;
      // A base64 payload that isn't JSON cannot be written as JSON; nothing else is exempt.
      if (form == WireForm::json && bytes.find("data_base64") != std::string::npos) continue;
      ASSERT_NO_FATAL_FAILURE(expect_stable(form, *decoded, decode));
    }
  }
  std::cout << tried << " messages, " << accepted << " still accepted\n";
  EXPECT_GT(accepted, 0U);
  EXPECT_LT(accepted, tried);
}

TEST(HostileMessages, AreRefusedOrUnderstood) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << '\n';
  SCOPED_TRACE("seed " + std::to_string(seed));
  Mutator mutator(seed);
  using namespace std::chrono_literals;
  torment(
      samples::client(), [](auto form, auto bytes) { return decode_client(form, bytes); }, mutator,
      500ms);
  torment(
      samples::server(), [](auto form, auto bytes) { return decode_server(form, bytes); }, mutator,
      500ms);
}

TEST(HostileMessages, JsonIsRefusedAtEveryTruncation) {
  for (const auto& message : samples::client()) {
    const auto text = samples::encoded(WireForm::json, message);
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto decoded = decode_client(WireForm::json, std::string_view(text).substr(0, size));
      ASSERT_FALSE(decoded) << text.substr(0, size);
      EXPECT_EQ(decoded.error().code, Errc::malformed_message);
    }
  }
}

}  // namespace
}  // namespace tidemark
