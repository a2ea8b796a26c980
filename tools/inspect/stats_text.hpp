// The store's figures for people: tables, bars and histograms.
// tools/inspect/: for stats; pure, but for colours and the width of the terminal.
#pragma once

#include <cstddef>
#include <string>

#include <boost/json/object.hpp>

namespace tidemark::tools {

/// `stats` is as broker/shapes/stats_shape has it; what is not in it is left out. Of files, without
/// a broker, there are sizes and levels only, and that is said.
[[nodiscard]] std::string stats_text(const boost::json::object& stats, int fd, std::size_t width);

/// "128 µs", "4.1 ms", "1.5 s".
[[nodiscard]] std::string time_text(double us);

}  // namespace tidemark::tools
