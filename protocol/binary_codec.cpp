// Writing by cereal itself, reading by a reader of the same layout that believes no length.
// protocol/: see binary_codec.hpp.
//
// Why an own reader: cereal's input archive resizes a string to whatever length the bytes claim
// before it looks whether they are there, throws on every malformed message, and needs a stream,
// which costs 177 to 361 ns a record (a message here is read in a fraction of that). Tests read
// every message both ways and compare.
#include "protocol/binary_codec.hpp"

#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>

#include "protocol/binary_layout.hpp"
#include "protocol/subscribe_rules.hpp"

namespace tidemark {
namespace {

static_assert(std::endian::native == std::endian::little, "integers are read as memory lies");

// The least bytes an element of a list takes, the most elements a list may have, and what more are.
template <class T>
struct ListLimit;
template <>
struct ListLimit<NewEvent> {
  static constexpr std::size_t least_bytes = 24;
  static constexpr std::size_t most = limits::events_per_publish;
  static constexpr Errc code = Errc::too_many_events;
  static constexpr const char* too_many = "more than 4096 events";
};
template <>
struct ListLimit<Header> {
  static constexpr std::size_t least_bytes = 16;
  static constexpr std::size_t most = limits::headers;
  static constexpr Errc code = Errc::invalid_headers;
  static constexpr const char* too_many = "more than 32 headers";
};
template <>
struct ListLimit<Filter::Match> {
  static constexpr std::size_t least_bytes = 16;
  static constexpr std::size_t most = limits::filter_headers;
  static constexpr Errc code = Errc::invalid_filter;
  static constexpr const char* too_many = "more than 16 headers";
};
template <>
struct ListLimit<TopicPosition> {
  static constexpr std::size_t least_bytes = 24;
  static constexpr std::size_t most = limits::positions;
  static constexpr Errc code = Errc::malformed_message;
  static constexpr const char* too_many = "more than 10000 positions";
};
// A broker sends them to clients, by the page: their bytes are the bound.
template <>
struct ListLimit<StateEntry> {
  static constexpr std::size_t least_bytes = 40;
  static constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  static constexpr Errc code = Errc::malformed_message;
  static constexpr const char* too_many = "more entries than can be counted";
};
// The sentences above and those of the layout have the numbers in words.
static_assert(limits::events_per_publish == 4096 && limits::headers == 32 &&
              limits::filter_headers == 16 && limits::positions == 10'000 &&
              limits::filter_keys == 256 && limits::filter_values == 64);

// Reads what cereal's portable archive writes. The first fault sticks; from then on everything
// reads as zero or empty, so that callers need not look after every field.
class BoundedReader {
 public:
  using is_loading = std::true_type;

  explicit BoundedReader(std::string_view bytes) : rest_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }

  void refuse(const char* why) { refuse(Errc::malformed_message, why); }
  void refuse(Errc code, const char* why) {
    if (!fault_) fault_ = DecodeError{code, why, 0};
    rest_ = {};
  }

  /// A list of strings, whose bounds are not of their type but of what they are for.
  void texts(std::vector<std::string>& list, std::size_t most, Errc code, const char* too_many) {
    read_list(list, sizeof(std::uint64_t), most, code, too_many);
  }

  void finish() {
    if (!rest_.empty()) refuse("bytes follow the message's end");
  }
  [[nodiscard]] const std::optional<DecodeError>& fault() const { return fault_; }

 private:
  template <class T>
  T fixed() {
    T value{};
    if (rest_.size() < sizeof value) {
      refuse("the message ends within a field");
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }

  void read(std::uint8_t& value) { value = fixed<std::uint8_t>(); }
  void read(std::uint32_t& value) { value = fixed<std::uint32_t>(); }
  void read(std::uint64_t& value) {
    value = fixed<std::uint64_t>();
    if (value > kMaxInteger) refuse("an integer is above 2^53 - 1");
  }
  void read(std::int64_t& value) {
    std::uint64_t positive = 0;
    read(positive);
    value = static_cast<std::int64_t>(positive);
  }
  void read(bool& value) {
    const auto byte = fixed<std::uint8_t>();
    if (byte > 1) refuse("a boolean is neither 0 nor 1");
    value = byte == 1;
  }
  void read(std::string& value) {
    const auto size = fixed<std::uint64_t>();
    if (size > rest_.size()) return refuse("a length is beyond the message's end");
    value.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <class T>
  void read(std::optional<T>& value) {
    bool absent = true;
    read(absent);
    if (fault_ || absent) return value.reset();
    read(value.emplace());
  }
  template <class T>
  void read(std::vector<T>& list) {
    using Limit = ListLimit<T>;
    read_list(list, Limit::least_bytes, Limit::most, Limit::code, Limit::too_many);
  }
  template <class T>
  void read_list(std::vector<T>& list, std::size_t least_bytes, std::size_t most, Errc code,
                 const char* too_many) {
    const auto count = fixed<std::uint64_t>();
    if (count > rest_.size() / least_bytes) return refuse("a list is beyond the message's end");
    if (count > most) return refuse(code, too_many);
    list.clear();
    list.reserve(count);
    for (std::uint64_t i = 0; i < count && !fault_; ++i) read(list.emplace_back());
  }
  template <class T>
  requires std::is_class_v<T>
  void read(T& message) { serialize(*this, message); }

  std::string_view rest_;
  std::optional<DecodeError> fault_;
};

// The request's id, which every client message has first; 0 if it isn't there.
RequestId id_in(std::string_view bytes) {
  constexpr std::size_t kBefore = 2;
  RequestId id = 0;
  if (bytes.size() < kBefore + sizeof id) return 0;
  std::memcpy(&id, bytes.data() + kBefore, sizeof id);
  return id <= kMaxInteger ? id : 0;
}

template <class Message, std::size_t... Indices>
std::optional<Message> message_of_kind(int kind, std::index_sequence<Indices...>) {
  std::optional<Message> out;
  (void)((kind - wire::kFirstKind<Message> == static_cast<int>(Indices)
              ? (out.emplace(std::in_place_index<Indices>), true)
              : false) ||
         ...);
  return out;
}

template <class Message>
Decoded<Message> decode(std::string_view bytes) {
  BoundedReader reader(bytes);
  std::uint8_t order = 0;
  std::uint8_t kind = 0;
  reader(order, kind);
  if (!reader.fault() && order != wire::kLittleEndian) {
    reader.refuse("the first byte is not 1, which says little-endian");
  }
  if (reader.fault()) return *reader.fault();
  auto message =
      message_of_kind<Message>(kind, std::make_index_sequence<std::variant_size_v<Message>>());
  if (!message) {
    return DecodeError{Errc::unknown_message, "no message has the kind " + std::to_string(kind), 0};
  }
  std::visit([&](auto& m) { serialize(reader, m); }, *message);
  reader.finish();
  if (reader.fault()) return *reader.fault();
  return std::move(*message);
}

// Appends to a string, so that cereal's stream writes where the bytes belong.
class Appender : public std::streambuf {
 public:
  explicit Appender(std::string& out) : out_(out) {}

 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    out_.append(bytes, static_cast<std::size_t>(count));
    return count;
  }
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) out_.push_back(static_cast<char>(c));
    return traits_type::not_eof(c);
  }

 private:
  std::string& out_;
};

template <class Variant, class Message>
void encode(const Message& message, std::string& out) {
  using Archive = cereal::PortableBinaryOutputArchive;
  Appender buffer(out);
  std::ostream stream(&buffer);
  Archive archive(stream, Archive::Options::LittleEndian());
  archive(wire::kind_of<Variant, Message>());
  archive(message);
}

// What is wrong with a message whose fields could all be read.
struct Faults {
  std::optional<DecodeError> operator()(const Publish& m) const {
    if (!m.producer || check_producer(*m.producer)) return std::nullopt;
    return DecodeError{Errc::invalid_producer, "a producer's id has 1 to 128 bytes", m.id};
  }
  std::optional<DecodeError> operator()(const Subscribe& m) const {
    const bool starts = !std::holds_alternative<StartNow>(m.start);
    return malformed(
        contradiction(m,
                      {.topic = !m.topic.empty(), .pattern = !m.pattern.empty(), .start = starts}),
        m.id);
  }
  std::optional<DecodeError> operator()(const Unsubscribe& m) const {
    return malformed(not_one_target(!m.topic.empty(), !m.pattern.empty()), m.id);
  }
  template <class Other>
  std::optional<DecodeError> operator()(const Other& /*message*/) const {
    return std::nullopt;
  }

 private:
  static std::optional<DecodeError> malformed(std::optional<std::string> wrong, RequestId id) {
    if (!wrong) return std::nullopt;
    return DecodeError{Errc::malformed_message, std::move(*wrong), id};
  }
};

}  // namespace

Decoded<ClientMessage> decode_binary_client(std::string_view bytes) {
  auto decoded = decode<ClientMessage>(bytes);
  if (decoded) {
    if (auto fault = std::visit(Faults{}, *decoded)) return std::move(*fault);
    return decoded;
  }
  DecodeError error = decoded.error();
  if (error.code != Errc::unknown_message) error.id = id_in(bytes);
  return error;
}

Decoded<ServerMessage> decode_binary_server(std::string_view bytes) {
  return decode<ServerMessage>(bytes);
}

void encode_binary(const ClientMessage& message, std::string& out) {
  std::visit([&](const auto& m) { encode<ClientMessage>(m, out); }, message);
}

void encode_binary(const ServerMessage& message, std::string& out) {
  std::visit([&](const auto& m) { encode<ServerMessage>(m, out); }, message);
}

void encode_binary(const State& message, std::string& out) { encode<ServerMessage>(message, out); }

}  // namespace tidemark
