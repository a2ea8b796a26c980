// A configuration file: TOML taken apart by the option table, with the line of everything.
// broker/config/: see assignments.hpp; the only unit that knows the TOML library.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <toml++/toml.h>

#include "broker/config/assignments.hpp"
#include "broker/config/option_table.hpp"
#include "protocol/suggestion.hpp"

namespace tidemark::broker::config {
namespace {

// Rules for some thousand keys fit; a log file given by mistake does not.
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

class FileReader {
 public:
  FileReader(std::string path, Faults& faults) : path_(std::move(path)), faults_(faults) {}

  Assignments read(const std::string& text) {
    try {
      read_table(toml::parse(std::string_view(text), path_), "");
    } catch (const toml::parse_error& error) {
      complain(error.source().begin.line, "", std::string(error.description()));
      return {};
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] Source at(std::uint32_t line) const {
    return {Source::Kind::file, path_ + ":" + std::to_string(line), line};
  }
  [[nodiscard]] Source at(const toml::node& node) const { return at(node.source().begin.line); }

  void complain(std::uint32_t line, const std::string& key, std::string text) {
    faults_.push_back({at(line), key, std::move(text)});
  }

  void read_table(const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
      const auto key =
          prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
      if (const Option* const option = find_option(key)) {
        read_value(*option, node, out_.values);
      } else if (const Section* const section = find_section(key)) {
        read_section(*section, node, name.source().begin.line);
      } else if (is_table(key)) {
        if (const auto* below = node.as_table()) {
          read_table(*below, key);
        } else {
          complain(name.source().begin.line, key, "is a table, written [" + key + "]");
        }
      } else {
        unknown(name, prefix, names_in(prefix));
      }
    }
  }

  void unknown(const toml::key& name, const std::string& prefix,
               const std::vector<std::string>& names) {
    const std::string text(name.str());
    const bool bare = !text.empty() && std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_';
    });
    const auto shown = bare ? text : in_quotes(text);
    complain(name.source().begin.line, prefix.empty() ? shown : prefix + "." + shown,
             "is no option" + hint(text, names));
  }

  /// The closest in the same table; else one of that very name in another.
  static std::string hint(const std::string& text, const std::vector<std::string>& names) {
    auto near = did_you_mean(text, names);
    if (!near.empty()) return near;
    for (const auto& option : options()) {
      if (option.name() == text) return ", did you mean " + option.shown() + "?";
    }
    return near;
  }

  void read_section(const Section& section, const toml::node& node, std::uint32_t line) {
    const auto* const list = node.as_array();
    if (list == nullptr || (!list->empty() && !list->is_array_of_tables())) {
      return complain(line, section.key, "is a list of tables, written [[" + section.key + "]]");
    }
    auto& entries = out_.entries[section.key];
    for (const auto& element : *list) {
      GivenEntry entry{.source = at(element), .fields = {}};
      for (const auto& [name, value] : *element.as_table()) {
        if (const Option* const field = section.field(name.str())) {
          read_value(*field, value, entry.fields, true);
        } else {
          unknown(name, section.key, names_of(section));
        }
      }
      entries.push_back(std::move(entry));
    }
  }

  template <class Values>
  void read_value(const Option& option, const toml::node& node, Values& into, bool field = false) {
    Given given{.texts = {}, .source = at(node)};
    if (option.kind == Kind::texts && node.is_array()) {
      for (const auto& element : *node.as_array()) {
        auto text = element.value<std::string>();
        if (!text) {
          return complain(element.source().begin.line, option.key,
                          "is a list of texts, each in quotes");
        }
        given.texts.push_back(std::move(*text));
      }
    } else if (auto text = text_of(option, node)) {
      given.texts.push_back(std::move(*text));
    } else {
      return;
    }
    into.emplace(field ? std::string(option.name()) : option.key, std::move(given));
  }

  std::optional<std::string> text_of(const Option& option, const toml::node& node) {
    const bool quoted_kind = option.kind == Kind::text || option.kind == Kind::path ||
                             option.kind == Kind::address || option.kind == Kind::choice ||
                             option.kind == Kind::texts;
    if (const auto text = node.value_exact<std::string>()) return located(option, *text);
    if (quoted_kind && node.is_value()) {
      complain(node.source().begin.line, option.key, "is a text, in quotes");
    } else if (const auto flag = node.value_exact<bool>()) {
      return *flag ? "true" : "false";
    } else if (const auto number = node.value_exact<std::int64_t>()) {
      return std::to_string(*number);
    } else if (const auto fraction = node.value_exact<double>()) {
      std::ostringstream out;
      out << *fraction;
      return out.str();
    } else {
      complain(node.source().begin.line, option.key,
               node.is_table()   ? "is a value, not a table"
               : node.is_array() ? "is one value, not a list"
                                 : "cannot be a date");
    }
    return std::nullopt;
  }

  [[nodiscard]] std::string located(const Option& option, const std::string& text) const {
    const std::filesystem::path given(text);
    if (option.kind != Kind::path || text.empty() || given.is_absolute()) return text;
    return (std::filesystem::path(path_).parent_path() / given).string();
  }

  const std::string path_;
  Faults& faults_;
  Assignments out_;
};

}  // namespace

Assignments read_text(const std::string& text, const std::string& path, Faults& faults) {
  return FileReader(path, faults).read(text);
}

Assignments read_file(const std::string& path, Faults& faults) {
  const Source source{Source::Kind::file, path};
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in) {
    faults.push_back({source, "", "cannot be read" + (error ? ": " + error.message() : "")});
    return {};
  }
  if (bytes > kMaxFileBytes) {
    faults.push_back({source, "", "is larger than a configuration may be (1MiB)"});
    return {};
  }
  return read_text({std::istreambuf_iterator<char>(in), {}}, path, faults);
}

}  // namespace tidemark::broker::config
