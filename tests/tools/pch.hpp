// Heavy, stable headers, precompiled once for these tests.
// tests/tools/: included by the build, never by a source.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
