// Secrets of state hooks come from files, and a file that will not do is told with its rule.
// tests/tools/: daemon/state_secrets.
#include "tools/daemon/state_secrets.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace tidemark::tools {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class StateSecrets : public testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& text) {
    const auto path = dir.path() / name;
    std::ofstream(path, std::ios::binary) << text;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
  }
  void add_rule(const fs::path& secret, const fs::path& ca = {}) {
    auto& rule = settings.hub.states.rules.emplace_back();
    rule.hook.ca_file = ca;
    settings.state_secrets.push_back(secret);
  }

  const TempDir dir;
  broker::config::Settings settings;
};

TEST_F(StateSecrets, AreWhatTheFilesHoldWithoutTheLineEnd) {
  add_rule("");
  add_rule(file("a", "hush\n"), file("ca", "-----BEGIN CERTIFICATE-----\n"));
  const auto read = read_state_files(settings);
  EXPECT_THAT(read.faults, IsEmpty());
  EXPECT_THAT(read.warnings, IsEmpty());
  EXPECT_EQ(settings.hub.states.rules[0].hook.bearer, "");
  EXPECT_EQ(settings.hub.states.rules[1].hook.bearer, "hush");
}

TEST_F(StateSecrets, ThatWillNotDoAreToldWithoutWhatTheyAre) {
  add_rule(dir.path() / "none");
  add_rule(file("empty", "\n"));
  add_rule(file("words", "hush hush"));
  add_rule(file("lines", "hush\nAuthorization: root\n"));
  add_rule("", file("key", "hush"));
  const auto read = read_state_files(settings);
  ASSERT_EQ(read.faults.size(), 5U);
  for (std::size_t i = 0; i < read.faults.size(); ++i) {
    EXPECT_EQ(read.faults[i].rule, i);
    EXPECT_EQ(read.faults[i].field, i == 4 ? "ca-file" : "secret-file");
    EXPECT_THAT(read.faults[i].text, testing::Not(HasSubstr("hush")));
  }
  EXPECT_THAT(read.faults[0].text, HasSubstr("none cannot be read"));
}

TEST_F(StateSecrets, ThatEverybodyCanReadAreWarnedOf) {
  const auto open = file("open", "hush");
  fs::permissions(open, fs::perms::others_read, fs::perm_options::add);
  add_rule(open);
  const auto read = read_state_files(settings);
  EXPECT_THAT(read.faults, IsEmpty());
  ASSERT_EQ(read.warnings.size(), 1U);
  EXPECT_THAT(read.warnings[0], HasSubstr("readable by everyone"));
}

}  // namespace
}  // namespace tidemark::tools
