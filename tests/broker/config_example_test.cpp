// The commented example holds every option with its default, and what it says is a configuration.
// tests/: broker/config's table against tools/package/tidemark.toml.
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker/config_fixture.hpp"

namespace tidemark::broker::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// How the example writes what could be read: values behind "#", entries behind "#    ".
constexpr std::string_view kEntry = "#    ";

bool is_value(std::string_view line) {
  return line.size() > 1 && line[0] == '#' && line[1] >= 'a' && line[1] <= 'z';
}

class ConfigExample : public testing::Test {
 protected:
  ConfigExample() {
    std::ifstream in(TIDEMARK_EXAMPLE_CONFIG);
    for (std::string line; std::getline(in, line);) lines_.push_back(line);
    EXPECT_GT(lines_.size(), 100U) << "it was not found";
  }

  [[nodiscard]] std::string uncommented(bool values, bool entries) const {
    std::string out;
    for (const auto& line : lines_) {
      if (values && is_value(line)) {
        out += line.substr(1);
      } else if (entries && line.starts_with(kEntry)) {
        out += line.substr(kEntry.size());
      } else if (line.starts_with("[")) {
        out += line;
      }
      out += "\n";  // so that faults name the example's lines
    }
    return out;
  }

  /// As outcome_of, of a text that names the data directory itself.
  static Assignments given_by(const std::string& text, Faults& faults) {
    return read_text(text, "tidemark.toml", faults);
  }

  std::vector<std::string> lines_;
};

TEST_F(ConfigExample, ChangesNothingAsItIs) {
  Faults faults;
  std::string whole;
  for (const auto& line : lines_) whole += line + "\n";
  const auto given = given_by(whole, faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_THAT(given.values, IsEmpty());
  EXPECT_THAT(given.entries, IsEmpty());
}

TEST_F(ConfigExample, HoldsEveryOptionWithItsDefault) {
  Faults faults;
  const auto given = given_by(uncommented(true, false), faults);
  EXPECT_THAT(told(faults), IsEmpty());
  for (const auto& option : options()) {
    const Given* const value = given.find(option.key);
    ASSERT_NE(value, nullptr) << option.shown() << " is not in the example";
    EXPECT_EQ(literal(option.kind, value->texts), literal(option.kind, option.standard))
        << option.shown();
  }
  EXPECT_EQ(given.values.size(), options().size());
}

TEST_F(ConfigExample, UncommentedIsWhatHoldsWithoutIt) {
  Faults faults;
  const auto with = resolve(given_by(uncommented(true, false), faults), faults);
  Faults same;
  const auto without = resolve({}, same);
  EXPECT_EQ(description_of(with), description_of(without));
  EXPECT_THAT(told(faults), testing::ElementsAre(HasSubstr("the directory of the log")))
      << "nothing else is wrong with it";
}

TEST_F(ConfigExample, ShowsEveryKindOfEntryWithEveryField) {
  const auto out = outcome_of(uncommented(false, true));
  EXPECT_THAT(out.complaints, IsEmpty());
  for (const auto& section : sections()) {
    std::set<std::string> shown;
    const auto entries = out.given.entries.find(section.key);
    ASSERT_NE(entries, out.given.entries.end()) << section.key << " is not in the example";
    for (const auto& entry : entries->second) {
      for (const auto& [name, value] : entry.fields) shown.insert(name);
    }
    for (const auto& field : section.fields) {
      EXPECT_TRUE(shown.contains(std::string(field.name()))) << field.shown();
    }
  }
}

TEST_F(ConfigExample, MarksWhatNeedsARestart) {
  std::string table;
  std::string prose;
  for (const auto& line : lines_) {
    if (line.starts_with("[")) table = line.substr(1, line.find(']') - 1) + ".";
    if (!is_value(line)) {
      prose = line.empty() ? "" : prose + line;
      continue;
    }
    const auto key = table + line.substr(1, line.find(' ') - 1);
    const Option* const option = find_option(key);
    ASSERT_NE(option, nullptr) << key;
    EXPECT_EQ(option->reloadable, prose.find("(restart)") == std::string::npos) << key;
  }
}

}  // namespace
}  // namespace tidemark::broker::config
