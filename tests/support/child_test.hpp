// The process of a test that has to hold a store, or be killed at it: this program with one test.
// tests/: for what can't be shown within one process.
#pragma once

#include <cstdlib>
#include <string>
#include <unistd.h>

namespace tidemark::test {

/// In the child of fork(): becomes this program with the disabled test that `filter` names, which
/// finds `store` in TIDEMARK_TEST_STORE. The part of the tests that the parent was started for is
/// not the child's.
[[noreturn]] inline void become_test(const std::string& filter, const std::string& store) {
  ::setenv("TIDEMARK_TEST_STORE", store.c_str(), 1);
  ::unsetenv("GTEST_TOTAL_SHARDS");
  ::unsetenv("GTEST_SHARD_INDEX");
  ::execl("/proc/self/exe", "child", ("--gtest_filter=" + filter).c_str(),
          "--gtest_also_run_disabled_tests", "--gtest_brief=1", nullptr);
  ::_exit(127);
}

}  // namespace tidemark::test
