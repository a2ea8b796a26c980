// Small values of the store: metadata, producers, cursors, states, the newest event of a key.
// tests/fuzz/: storage/key_codec, storage/cereal_bytes, storage/checked_value.
//
// An input's first byte says what the rest is; checksums are left out, as in `record`.
#include <string>
#include <vector>

#include "storage/checked_value.hpp"
#include "storage/key_codec.hpp"
#include "tests/fuzz/bytes.hpp"
#include "tests/fuzz/sealed.hpp"

namespace tidemark::fuzz {
namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a program of its own

const std::string& key() {
  static const std::string key = latest_key({7}, "k");
  return key;
}

void check_refusal(Errc code) {
  TIDEMARK_ENSURE(code == Errc::corrupt_record || code == Errc::store_newer_format,
                  "a value is refused as damaged or newer");
}

/// Of the newest version there is one way to write a value; of an older one it comes back the same.
template <class T>
void check_plain(std::string_view bytes) {
  const auto value = decode_value<T>(bytes);
  if (!value) return check_refusal(value.errc());
  const auto out = encode_value(*value);
  if (static_cast<std::uint8_t>(bytes.front()) == kValueVersion<T>) {
    TIDEMARK_ENSURE(out == bytes, "there is one way to write a value");
  }
  const auto again = decode_value<T>(out);
  TIDEMARK_ENSURE(again && encode_value(*again) == out, "what is written reads as it was");
}

void check_meta(std::string_view bytes) {
  check_plain<TopicMeta>(bytes);
  const auto meta = decode_value<TopicMeta>(bytes);
  if (!meta) return;
  TIDEMARK_ENSURE(meta->settings.durability <= Durability::buffered, "a durability is known");
  TIDEMARK_ENSURE(meta->trim_cause <= static_cast<std::uint8_t>(GapCause::corrupt),
                  "why a topic was trimmed is known");
}

template <class T>
using Decode = Result<T> (*)(std::string_view, std::string_view);
template <class T>
using Encode = std::string (*)(std::string_view, const T&);

template <class T>
void check_checked(std::string_view bytes, Decode<T> decode, Encode<T> encode) {
  if (const auto damaged = decode(key(), bytes); !damaged) check_refusal(damaged.errc());
  const auto whole = sealed(bytes, key());
  const auto value = decode(key(), whole);
  if (!value) return check_refusal(value.errc());
  TIDEMARK_ENSURE(encode(key(), *value) == whole, "there is one way to write a value");
  TIDEMARK_ENSURE(!decode(latest_key({7}, "l"), whole), "not under another key");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;        // NOLINT(google-build-using-namespace): a program of its own
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): as above
  auto bytes = text_of(data, size);
  switch (take_byte(bytes) % 8) {
    case 0:
      check_meta(bytes);
      break;
    case 1:
      check_plain<ProducerState>(bytes);
      break;
    case 2:
      check_plain<std::vector<OriginPart>>(bytes);
      break;
    case 3:
      check_plain<RunRecord>(bytes);
      break;
    case 4:
      check_plain<IncidentRecord>(bytes);
      break;
    case 5:
      check_checked<StoredState>(bytes, storage::decode_state, storage::encode_state);
      break;
    case 6:
      check_checked<StoredCursor>(bytes, storage::decode_cursor, storage::encode_cursor);
      break;
    default:
      check_checked<LatestRecord>(bytes, storage::decode_latest, storage::encode_latest);
      break;
  }
  return 0;
}
