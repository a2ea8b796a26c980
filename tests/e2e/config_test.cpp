// The real daemon's configuration: checked, printed, read again while it runs, and its signs of
// life. tests/e2e/: SIGHUP and sd_notify as a service manager uses them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/daemon_config.hpp"
#include "tests/tools/program.hpp"

namespace tidemark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// Set while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST_F(DaemonConfig, IsCheckedWithoutTouchingAnything) {
  write("[max]\nconnections = 7\n");
  const auto good = run({"--check"});
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  EXPECT_EQ(good.output, "ok\n");
  EXPECT_FALSE(std::filesystem::exists(folder() / "data"));
}

TEST_F(DaemonConfig, IsRefusedWithEveryFaultAndItsPlace) {
  write("[max]\nconnections = \"many\"\nconections = 1\n");
  const Variable variable("TIDEMARK_RING_BYTES", "lots");
  for (const bool check : {true, false}) {
    const auto wrong =
        check ? run({"--check", "--max-event", "huge"}) : run({"--max-event", "huge"});
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_EQ(wrong.output, "");
    EXPECT_EQ(wrong.errors, file() + ":4: [max] connections: \"many\" is no number\n" + file() +
                                ":5: [max] conections: is no option, did you mean connections?\n"
                                "TIDEMARK_RING_BYTES: \"lots\" is no size such as 64MiB\n"
                                "--max-event: \"huge\" is no size such as 64MiB\n");
  }
}

TEST_F(DaemonConfig, NamesFilesThatAreNotThere) {
  write("[tls]\ncertificate = \"none.pem\"\nkey = \"none.key\"\n");
  const auto wrong = run({"--check"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.errors, AllOf(StartsWith(file() + ":4: "), HasSubstr("none.pem")));
}

TEST_F(DaemonConfig, NamesTheLineOfAKeyThatCannotBeRead) {
  write("[[access.token-keys]]\nid = \"k\"\nalgorithm = \"ES256\"\nfile = \"none.pem\"\n");
  const auto wrong = run({"--check"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.errors,
              AllOf(StartsWith(file() + ":6: [access.token-keys] file: "), HasSubstr("none.pem")));
}

TEST_F(DaemonConfig, IsPrintedWithTheOriginOfEachValue) {
  write("[max]\nconnections = 7\n");
  const Variable variable("TIDEMARK_MAX_TOPICS", "8");
  const auto printed = run({"--print-config", "--log-level", "debug"});
  EXPECT_EQ(printed.exit_code, 0) << printed.errors;
  EXPECT_THAT(printed.output, HasSubstr("connections = 7  # " + file() + ":4\n"));
  EXPECT_THAT(printed.output, HasSubstr("topics = 8  # TIDEMARK_MAX_TOPICS\n"));
  EXPECT_THAT(printed.output, HasSubstr("level = \"debug\"  # --log-level\n"));
  EXPECT_THAT(printed.output, HasSubstr("idle = \"60s\"  # default\n"));
  // What is printed is a configuration.
  std::ofstream(file()) << printed.output;
  EXPECT_EQ(run({"--check"}).output, "ok\n");
}

TEST_F(DaemonConfig, IsReadAgainOnSighupAndWhatCannotChangeIsTold) {
  write("[log]\nlevel = \"info\"\n");
  Program daemon(command());
  daemon.expect_errors("event=listening");
  write("io-threads = 3\n[log]\nlevel = \"debug\"\n[max]\nconnections = 9\n");
  daemon.signal(SIGHUP);
  daemon.expect_errors(
      "level=warn event=config_reloaded applied=max.connections,log.level "
      "needs_restart=io-threads");
  daemon.signal(SIGHUP);  // nothing new, and the restart is still to come
  daemon.expect_errors("event=config_reloaded applied=\"\" needs_restart=io-threads");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait().exit_code, 0);
}

TEST_F(DaemonConfig, WithFaultsChangesNothingOnSighup) {
  write("[log]\nlevel = \"info\"\n");
  Program daemon(command());
  daemon.expect_errors("event=listening");
  write("[log]\nlevel = \"error\"\n[max]\nconnections = \"many\"\ntopics = \"more\"\n");
  daemon.signal(SIGHUP);
  daemon.expect_errors(R"(level=error event=config_refused fault=")" + file() +
                       R"(:6: [max] connections: \"many\" is no number")");
  daemon.expect_errors(":7: [max] topics:");
  daemon.expect_errors("event=config_kept faults=2");
  // The level is what it was, or this would not be seen.
  write("[log]\nlevel = \"info\"\n");
  daemon.signal(SIGHUP);
  daemon.expect_errors("level=info event=config_reloaded applied=\"\" needs_restart=\"\"");
  std::filesystem::remove(file());
  daemon.signal(SIGHUP);
  daemon.expect_errors("cannot be read");
  daemon.expect_errors("event=config_kept faults=1");
  daemon.signal(SIGTERM);
  EXPECT_EQ(daemon.wait().exit_code, 0);
}

TEST_F(DaemonConfig, LogsMoreAndLessOnSignals) {
  write("[log]\nformat = \"json\"\n");
  Program daemon(command());
  daemon.expect_errors("\"event\":\"listening\"");
  daemon.signal(SIGUSR1);
  daemon.expect_errors("\"event\":\"log_level\",\"now\":\"debug\"");
  daemon.signal(SIGUSR2);
  daemon.expect_errors("\"now\":\"info\"");
  daemon.signal(SIGUSR2);
  daemon.expect_errors("\"now\":\"warn\"");
  daemon.signal(SIGHUP);  // back to what is configured
  daemon.expect_errors("\"event\":\"config_reloaded\"");
  daemon.signal(SIGTERM);
  daemon.expect_errors("\"event\":\"stopped\"");
  EXPECT_EQ(daemon.wait().exit_code, 0);
}

TEST_F(DaemonConfig, NeverLogsWhatIsSecret) {
  const std::string canary = "hunter2hunter2hunter2hunter2hunter2hunter2";
  const auto secret = folder() / "secret";
  std::ofstream(secret) << canary;
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  const std::string rules =
      "[access.anonymous]\nsubscribe = [\"news/**\"]\n[[access.token-keys]]\nalgorithm = "
      "\"HS256\"\nfile = \"secret\"\n[log]\nlevel = \"trace\"\n";
  write(rules);
  const Variable token("TIDEMARK_TOKEN", canary);
  Program daemon(command());
  daemon.expect_errors("event=listening");
  write(rules + "[tls]\nkey = \"tmk_" + canary + "\"\n");  // in the wrong place
  daemon.signal(SIGHUP);
  daemon.expect_errors("event=config_kept");
  write(rules + "[max]\nconnections = 9\n");
  daemon.signal(SIGHUP);
  daemon.expect_errors("event=config_reloaded");
  daemon.signal(SIGTERM);
  const auto ended = daemon.wait();
  EXPECT_THAT(ended.errors, HasSubstr("event=stopped"));
  EXPECT_THAT(ended.errors, Not(HasSubstr("hunter2")));
  EXPECT_THAT(ended.output, Not(HasSubstr("hunter2")));
  const auto printed = run({"--print-config"});
  EXPECT_THAT(printed.output + printed.errors, Not(HasSubstr("hunter2")));
}

/// The socket systemd would listen on.
class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& folder) : path_((folder / "notify").string()) {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    // NOLINTNEXTLINE: bind wants the general type
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + path_);
    }
  }
  ~NotifySocket() { ::close(fd_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  /// Reads messages until one begins with `text`, and gives that one.
  std::string expect(const std::string& text) {
    for (;;) {
      pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
      if (::poll(&wanted, 1, 20'000) <= 0) throw std::runtime_error("no " + text);
      char bytes[4096];
      const auto count = ::recv(fd_, bytes, sizeof bytes, 0);
      std::string message(bytes, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      if (message.starts_with(text)) return message;
    }
  }

 private:
  std::string path_;
  int fd_ = -1;
};

TEST_F(DaemonConfig, TellsTheServiceManagerHowItFares) {
  write("");
  NotifySocket systemd(folder());
  const Variable socket("NOTIFY_SOCKET", systemd.path());
  const Variable watchdog("WATCHDOG_USEC", "200000");
  Program daemon(command());
  EXPECT_THAT(systemd.expect("READY=1"), HasSubstr("STATUS=listening on http://127.0.0.1:"));
  systemd.expect("WATCHDOG=1");
  systemd.expect("WATCHDOG=1");
  daemon.signal(SIGHUP);
  EXPECT_THAT(systemd.expect("RELOADING=1"), HasSubstr("\nMONOTONIC_USEC="));
  systemd.expect("READY=1");
  write("nonsense");
  daemon.signal(SIGHUP);
  systemd.expect("RELOADING=1");
  systemd.expect("READY=1");  // of what it was: a refused configuration does not make it fail
  systemd.expect("WATCHDOG=1");
  daemon.signal(SIGTERM);
  systemd.expect("STOPPING=1");
  EXPECT_EQ(daemon.wait().exit_code, 0);
}

}  // namespace
}  // namespace tidemark::test
