// What the daemon says, and how it exits, when it cannot have its directory or its port.
// tests/e2e/: the real program, as an operator meets it. Exit codes: 2 usage, 3 data, 4 network.
#include <cstring>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "tests/e2e/daemon.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kUsage = 2;
constexpr int kData = 3;
constexpr int kNetwork = 4;

class DataDirectory : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path data() const { return directory_.path() / "data"; }
  [[nodiscard]] Ended started_on(const std::filesystem::path& path, std::uint16_t port = 0) const {
    return run_program(daemon_command(path, port));
  }
  static std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // A clear message for the person at the terminal says which directory it is about.
  static auto names(const std::filesystem::path& path) { return HasSubstr(path.string()); }

 private:
  TemporaryDirectory directory_;
};

TEST_F(DataDirectory, InUseByAnotherBrokerIsRefused) {
  Daemon first(data());
  first.start();
  const auto second = started_on(data());
  EXPECT_EQ(second.exit_code, kData);
  EXPECT_THAT(second.errors, names(data()));
  EXPECT_THAT(second.output, Not(HasSubstr("listening")));
  first.terminate();
  EXPECT_EQ(first.wait().exit_code, 0) << "the first one is unharmed";
}

TEST_F(DataDirectory, WithForeignFilesIsRefusedAndLeftAlone) {
  std::filesystem::create_directories(data());
  std::ofstream(data() / "letter.txt") << "Dear Sir or Madam";
  const auto ended = started_on(data());
  EXPECT_EQ(ended.exit_code, kData);
  EXPECT_THAT(ended.errors, names(data()));
  const std::filesystem::directory_iterator files(data());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "nothing was added";
}

TEST_F(DataDirectory, ThatCannotBeWrittenIsRefused) {
  std::filesystem::create_directories(data());
  ASSERT_EQ(::chmod(data().c_str(), 0555), 0);
  if (::access(data().c_str(), W_OK) == 0) {
    // Root may write anywhere; a file where the directory should be is closed to root as well.
    std::filesystem::remove(data());
    std::ofstream(data()) << "a file";
  }
  const auto ended = started_on(data());
  EXPECT_EQ(ended.exit_code, kData);
  EXPECT_THAT(ended.errors, names(data()));
  if (std::filesystem::is_directory(data())) ::chmod(data().c_str(), 0755);
}

TEST_F(DataDirectory, UnderAFileIsRefused) {
  std::ofstream(data()) << "a file";
  const auto ended = started_on(data() / "below");
  EXPECT_EQ(ended.exit_code, kData);
  EXPECT_THAT(ended.errors, names(data() / "below"));
}

TEST_F(DataDirectory, OfANewerFormatIsRefusedAndLeftAlone) {
  Daemon first(data());
  first.start();
  first.terminate();
  ASSERT_EQ(first.wait().exit_code, 0);
  const auto head = data() / "HEAD";
  auto before = bytes_of(head);
  // FORMAT.md, HEAD: slots at 0 and 4096, the version in byte 7, the checksum of 24 bytes at 24.
  for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
    if (before.size() < slot + 32) continue;
    before[slot + 7] = 2;
    const std::uint64_t checksum = XXH3_64bits(before.data() + slot, 24);
    std::memcpy(before.data() + slot + 24, &checksum, sizeof checksum);
  }
  std::ofstream(head, std::ios::binary) << before;
  const auto ended = started_on(data());
  EXPECT_EQ(ended.exit_code, kData);
  EXPECT_THAT(ended.errors, AllOf(names(data()), HasSubstr("later version")));
  EXPECT_EQ(bytes_of(head), before);
}

TEST_F(DataDirectory, PortInUseIsRefusedWithTheAddress) {
  Daemon first(data());
  first.start();
  const auto second = started_on(data().string() + "-other", first.port());
  EXPECT_EQ(second.exit_code, kNetwork);
  EXPECT_THAT(second.errors, HasSubstr(std::to_string(first.port())));
}

TEST_F(DataDirectory, WrongUsageIsToldBeforeItIsTouched) {
  const auto missing = run_program({TIDEMARK_DAEMON});
  EXPECT_EQ(missing.exit_code, kUsage);
  EXPECT_THAT(missing.errors, HasSubstr("--data"));
  auto command = daemon_command(data(), 0);
  command.emplace_back("--no-such-option");
  const auto unknown = run_program(command);
  EXPECT_EQ(unknown.exit_code, kUsage);
  EXPECT_THAT(unknown.errors, HasSubstr("--no-such-option"));
  EXPECT_FALSE(std::filesystem::exists(data()));
}

TEST_F(DataDirectory, AddressThatIsNotLoopbackNeedsInsecureSpelledOut) {
  const auto ended =
      run_program({TIDEMARK_DAEMON, "--data", data().string(), "--listen", "0.0.0.0:0"});
  EXPECT_EQ(ended.exit_code, kUsage);
  EXPECT_THAT(ended.errors, HasSubstr("--insecure"));
}

}  // namespace
}  // namespace tidemark::test
