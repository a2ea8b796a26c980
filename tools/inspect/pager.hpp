// Long output goes through a pager where somebody reads it at a terminal.
// tools/inspect/: for what prints more than a screen.
#pragma once

#include <csignal>
#include <sys/types.h>

#include "tools/cli_fwd.hpp"

namespace tidemark::tools {

/// Adds --no-pager.
void add_pager_option(CLI::App& command, bool& no_pager);

/// While it lives, stdout goes to the pager: TIDEMARK_PAGER, else PAGER, else "less"; "cat", an
/// empty text, a stdout that is no terminal or a pager that can't be started: stdout stays as it
/// is. Without LESS in its environment less gets FRX: short output stays on the screen, colours are
/// shown. Width and colours stay those of the terminal (terminal.hpp). Its destructor waits until
/// the reader has left. One at a time.
class Pager {
 public:
  explicit Pager(bool wanted);
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

 private:
  pid_t pager_ = 0;
  int terminal_ = -1;  ///< stdout as it was
  // what was done on these before
  struct sigaction on_child_ = {};
  struct sigaction on_interrupt_ = {};
  struct sigaction on_pipe_ = {};
};

}  // namespace tidemark::tools
