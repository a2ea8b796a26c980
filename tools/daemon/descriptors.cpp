// How many connections the limit of open files leaves room for.
// tools/daemon/: see descriptors.hpp.
#include "tools/daemon/descriptors.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace tidemark::tools {

void raise_descriptor_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &files);
}

std::size_t connections_that_fit(std::size_t wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
  // The store's files come first: without them events are lost, without a connection one client
  // waits.
  const auto all = static_cast<std::size_t>(files.rlim_cur);
  return std::min(wanted, all - std::min<std::size_t>(all / 2, 512));
}

}  // namespace tidemark::tools
