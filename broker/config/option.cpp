// One thing that can be configured: see option.hpp.
// broker/config/: reading the texts of each kind, and saying what is wrong with them.
#include "broker/config/option.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "broker/log/log_format.hpp"
#include "broker/topic_defaults.hpp"
#include "protocol/suggestion.hpp"

namespace tidemark::broker::config {
namespace {

std::string joined(std::string_view prefix, std::string_view key, char between, bool upper) {
  std::string out(prefix);
  for (const char c : key) {
    if (c == '.' || c == '-') {
      out += between;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return out;
}

std::optional<std::uint64_t> read_number(Kind kind, std::string_view text) {
  if (kind == Kind::bytes) return parse_bytes(text);
  if (kind == Kind::count) return parse_count(text);
  const auto time = parse_duration(text);
  if (!time) return std::nullopt;
  return static_cast<std::uint64_t>(time->count());
}

std::string_view example_of(Kind kind) {
  if (kind == Kind::bytes) return " is no size such as 64MiB";
  if (kind == Kind::time) return " is no time such as 7d";
  return " is no number";
}

/// In the largest unit that divides it, as it would be written.
std::string number_text(Kind kind, std::uint64_t value) {
  struct Unit {
    const char* name;
    std::uint64_t size;
  };
  static constexpr std::array kSizes{Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30},
                                     Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}};
  static constexpr std::array kTimes{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                     Unit{"s", 1'000}, Unit{"ms", 1}};
  const auto in = [&](const auto& units) {
    for (const auto& unit : units) {
      if (value % unit.size == 0) return std::to_string(value / unit.size) + unit.name;
    }
    return std::to_string(value);
  };
  if (value == 0 || kind == Kind::count) return std::to_string(value);
  return kind == Kind::bytes ? in(kSizes) : in(kTimes);
}

/// What somebody may have pasted where a name of a file or a hash belongs.
bool looks_secret(std::string_view text) {
  return text.find("-----BEGIN") != std::string_view::npos ||
         text.find("tmk_") != std::string_view::npos || text.starts_with("eyJ") ||
         text.find("\"kty\"") != std::string_view::npos;
}

}  // namespace

std::string shown_key(std::string_view key) {
  const auto dot = key.rfind('.');
  if (dot == std::string_view::npos) return std::string(key);
  return "[" + std::string(key.substr(0, dot)) + "] " + std::string(key.substr(dot + 1));
}

std::string in_quotes(std::string_view text) {
  if (looks_secret(text)) return "what stands there (not shown, it looks like a secret)";
  std::string out;
  log::append_quoted(text.substr(0, 200), out);
  return out;
}

std::string literal(Kind kind, const Texts& texts) {
  const auto quote = [](const std::string& text) {
    std::string out;
    log::append_quoted(text, out);  // what JSON escapes TOML escapes alike
    return out;
  };
  if (kind == Kind::flag || kind == Kind::count) return texts.front();
  if (kind != Kind::texts) return quote(texts.front());
  std::string out = "[";
  for (const auto& text : texts) out += (out.size() > 1 ? ", " : "") + quote(text);
  return out + "]";
}

std::string_view Option::table() const {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? std::string_view() : std::string_view(key).substr(0, dot);
}

std::string_view Option::name() const {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? std::string_view(key) : std::string_view(key).substr(dot + 1);
}

std::string Option::flag() const { return joined("--", key, '-', false); }
std::string Option::variable() const { return joined("TIDEMARK_", key, '_', true); }
std::string Option::shown() const { return shown_key(key); }

const Option* Section::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &Option::name);
  return found == fields.end() ? nullptr : &*found;
}

std::string Section::flag() const { return joined("--", key, '-', false); }
std::string Section::variable() const { return joined("TIDEMARK_", key, '_', true); }

Option text_option(std::string key, std::string standard, Place<std::string> place,
                   std::string help) {
  return {.key = std::move(key),
          .kind = Kind::text,
          .standard = {std::move(standard)},
          .help = std::move(help),
          .put = [place = std::move(place)](const Texts& texts, Settings& s) {
            place(s) = texts.front();
            return std::string();
          }};
}

Option path_option(std::string key, Place<std::filesystem::path> place, std::string help) {
  return {.key = std::move(key),
          .kind = Kind::path,
          .standard = {""},
          .help = std::move(help),
          .put = [place = std::move(place)](const Texts& texts, Settings& s) {
            if (looks_secret(texts.front())) {
              return std::string("is the name of a file, not what stands in it");
            }
            place(s) = texts.front();
            return std::string();
          }};
}

Option flag_option(std::string key, Place<bool> place, std::string help) {
  return {.key = std::move(key),
          .kind = Kind::flag,
          .standard = {"false"},
          .help = std::move(help),
          .put = [place = std::move(place)](const Texts& texts, Settings& s) {
            const auto& text = texts.front();
            const bool yes = text == "true" || text == "1";
            if (!yes && text != "false" && text != "0") {
              return in_quotes(text) + " is neither true nor false";
            }
            place(s) = yes;
            return std::string();
          }};
}

Option texts_option(std::string key, Place<std::vector<std::string>> place, std::string help) {
  return {.key = std::move(key),
          .kind = Kind::texts,
          .standard = {},
          .help = std::move(help),
          .put = [place = std::move(place)](const Texts& texts, Settings& s) {
            for (auto text = texts.begin(); text != texts.end(); ++text) {
              if (text->empty()) return std::string("one of them is empty");
              if (std::find(texts.begin(), text, *text) != text) {
                return in_quotes(*text) + " stands there twice";
              }
            }
            place(s) = texts;
            return std::string();
          }};
}

Option choice_option(std::string key, std::vector<std::string> choices,
                     std::function<void(const std::string&, Settings&)> put, std::string help) {
  return {.key = std::move(key),
          .kind = Kind::choice,
          .standard = {choices.front()},
          .help = std::move(help),
          .choices = choices,
          .put = [choices, put = std::move(put)](const Texts& texts, Settings& s) {
            const auto& text = texts.front();
            if (std::ranges::find(choices, text) != choices.end()) {
              put(text, s);
              return std::string();
            }
            std::string all;
            for (const auto& choice : choices) all += (all.empty() ? "" : ", ") + choice;
            return in_quotes(text) + " is none of " + all + did_you_mean(text, choices);
          }};
}

Option number_option(Kind kind, std::string key, std::string standard, Bounds bounds,
                     std::function<void(std::uint64_t, Settings&)> put, std::string help) {
  return {.key = std::move(key),
          .kind = kind,
          .standard = {std::move(standard)},
          .help = std::move(help),
          .put = [kind, bounds, put = std::move(put)](const Texts& texts, Settings& s) {
            const auto number = read_number(kind, texts.front());
            if (!number) return in_quotes(texts.front()) + std::string(example_of(kind));
            if (*number < bounds.least) return "at least " + number_text(kind, bounds.least);
            if (*number > bounds.most) return "at most " + number_text(kind, bounds.most);
            put(*number, s);
            return std::string();
          }};
}

Option checked(Option option, std::function<std::string(const std::string&)> check) {
  option.put = [put = std::move(option.put), check = std::move(check)](const Texts& texts,
                                                                       Settings& s) {
    for (const auto& text : texts) {
      if (auto fault = check(text); !fault.empty()) return fault;
    }
    return put(texts, s);
  };
  return option;
}

Option live(Option option) {
  option.reloadable = true;
  return option;
}

Option on(Option option) {
  option.standard = {"true"};
  return option;
}

Option needed(Option option) {
  option.required = true;
  return option;
}

Option unshown(Option option) {
  option.hidden = true;
  return option;
}

}  // namespace tidemark::broker::config
