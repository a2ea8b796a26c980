// Reading a JSON object into a struct by a table of its fields.
// protocol/: the decoders hold one table per message; the rules for all of them are here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/codec.hpp"
#include "protocol/json_slices.hpp"

namespace tidemark {

class JsonReading;

/// A field of an object that is read into a T.
template <class T>
struct Field {
  std::string_view name;
  void (*read)(JsonReading&, T&);
  bool required = false;
};

/// What happens to fields that are in no table.
enum class Unknown : std::uint8_t { refuse, skip };

/// The name in `known` most like `name`, if one is within two typing errors.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view name,
                                                      std::span<const std::string_view> known);

/// `text` in quotation marks, cut to a length fit for an error's text.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Reads valid JSON text. The first fault sticks: then values read as zero or empty, loops end, and
/// nothing more is looked at.
class JsonReading {
 public:
  /// `deep`: the text as a whole is deeper than a payload may be, so payloads must be measured.
  JsonReading(std::string_view valid, Unknown unknown, bool deep)
      : cursor_(valid), unknown_(unknown), deep_(deep) {}

  [[nodiscard]] const std::optional<DecodeError>& fault() const { return fault_; }
  [[nodiscard]] bool deep() const { return deep_; }

  void fail(Errc code, std::string text);
  /// "publish: "id" must be …", of the field being read.
  void must_be(std::string_view what);

  /// Does the value at hand begin so? Not after a fault.
  [[nodiscard]] bool at(char open) const { return !fault_ && cursor_.peek() == open; }

  /// The value at hand as it stands.
  std::string_view raw() { return cursor_.take(); }
  std::string text();
  std::uint64_t integer(std::uint64_t most = kMaxInteger);
  bool boolean();

  /// Reads the object at hand. `name` says in error texts what it is.
  template <class T>
  void object(std::string_view name, std::span<const Field<T>> fields, T& into);

  /// Calls each(name) with every member's name of the object at hand; `each` reads its value.
  template <class Each>
  void members(Each each);
  /// Calls each() for every item of the array at hand; `each` reads it. `item` is what error texts
  /// call one of them.
  template <class Each>
  void items(std::string_view item, Each each);

 private:
  std::string_view plain_key(std::string_view key);
  bool begins(char open, std::string_view what);
  void unknown_field(std::string_view key, std::span<const std::string_view> known);
  void missing_field(std::string_view key);
  void repeated_field(std::string_view key);

  JsonCursor cursor_;
  Unknown unknown_;
  bool deep_;
  std::string_view object_ = "message";  // what fail() is about
  std::string_view field_;
  std::string key_;  // of a key with escapes
  std::optional<DecodeError> fault_;
};

template <class T>
void JsonReading::object(std::string_view name, std::span<const Field<T>> fields, T& into) {
  if (!begins('{', "an object")) return;
  const auto outer = object_;
  object_ = name;
  std::uint32_t seen = 0;
  while (!fault_) {
    const auto quoted_key = cursor_.next_member();
    if (!quoted_key) break;
    const auto index_of = [&](std::string_view key) {
      std::size_t i = 0;
      while (i < fields.size() && fields[i].name != key) ++i;
      return i;
    };
    auto key = quoted_key->substr(1, quoted_key->size() - 2);
    std::size_t i = index_of(key);
    if (i == fields.size()) {
      key = plain_key(*quoted_key);  // perhaps a known name with escapes
      i = index_of(key);
    }
    if (i == fields.size()) {
      std::vector<std::string_view> known;
      if (unknown_ == Unknown::refuse) {
        for (const auto& f : fields) known.push_back(f.name);
      }
      unknown_field(key, known);
      continue;
    }
    const std::uint32_t bit = std::uint32_t{1} << i;
    if ((seen & bit) != 0) return repeated_field(fields[i].name);
    seen |= bit;
    field_ = fields[i].name;
    fields[i].read(*this, into);
  }
  for (std::size_t i = 0; i < fields.size() && !fault_; ++i) {
    if (fields[i].required && (seen >> i & 1U) == 0) missing_field(fields[i].name);
  }
  object_ = outer;
}

template <class Each>
void JsonReading::members(Each each) {
  if (!begins('{', "an object")) return;
  while (!fault_) {
    const auto key = cursor_.next_member();
    if (!key) return;
    field_ = plain_key(*key);
    each(field_);
  }
}

template <class Each>
void JsonReading::items(std::string_view item, Each each) {
  if (!begins('[', "an array")) return;
  while (!fault_ && cursor_.next_item()) {
    field_ = item;
    each();
  }
}

}  // namespace tidemark
