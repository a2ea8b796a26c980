// A pipe, a shell that runs the pager, and waiting for its reader.
// tools/inspect/: see pager.hpp.
#include "tools/inspect/pager.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tools/exit_code.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace {

std::string pager_command() {
  for (const char* const name : {"TIDEMARK_PAGER", "PAGER"}) {
    if (const char* const value = std::getenv(name)) return value;
  }
  return "less";
}

/// Is there a program of the command's first word?
bool can_run(const std::string& command) {
  std::string program;
  std::istringstream(command) >> program;
  if (program.empty() || program == "cat") return false;
  if (program.find('/') != std::string::npos) return ::access(program.c_str(), X_OK) == 0;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

volatile std::sig_atomic_t running_pager = 0;

/// The reader has left: whatever would still be printed is for nobody, and nothing was changed.
void pager_ended(int /*signal*/) {
  if (::waitpid(running_pager, nullptr, WNOHANG) == running_pager) ::_exit(kOk);
}

void set_action(int signal, void (*handler)(int), struct sigaction& before) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, &before);
}

[[noreturn]] void become_pager(const std::string& command, const int (&pipe)[2]) {
  ::dup2(pipe[0], STDIN_FILENO);
  std::signal(SIGPIPE, SIG_DFL);
  ::setenv("LESS", "FRX", 0);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  ::_exit(127);
}

}  // namespace

void add_pager_option(CLI::App& command, bool& no_pager) {
  command.add_flag("--no-pager", no_pager,
                   "Print to the terminal itself; else TIDEMARK_PAGER, PAGER or less shows it");
}

Pager::Pager(bool wanted) {
  const auto command = pager_command();
  if (!wanted || !is_terminal(STDOUT_FILENO) || !can_run(command)) return;
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return;
  terminal_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  const pid_t child = terminal_ < 0 ? -1 : ::fork();
  if (child == 0) become_pager(command, pipe);
  if (child > 0) {
    keep_terminal(STDOUT_FILENO);
    pager_ = child;
    running_pager = child;
    set_action(SIGCHLD, pager_ended, on_child_);
    set_action(SIGINT, SIG_IGN, on_interrupt_);  // it is the pager's
    set_action(SIGPIPE, SIG_IGN, on_pipe_);
    ::dup2(pipe[1], STDOUT_FILENO);
  }
  ::close(pipe[0]);
  ::close(pipe[1]);
}

Pager::~Pager() {
  if (pager_ != 0) {
    std::signal(SIGCHLD, SIG_DFL);
    ::dup2(terminal_, STDOUT_FILENO);  // closes our end of the pipe
    while (::waitpid(pager_, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::sigaction(SIGCHLD, &on_child_, nullptr);
    ::sigaction(SIGINT, &on_interrupt_, nullptr);
    ::sigaction(SIGPIPE, &on_pipe_, nullptr);
  }
  if (terminal_ >= 0) ::close(terminal_);
}

}  // namespace tidemark::tools
