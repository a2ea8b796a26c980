// The configuration as a whole: from file, environment and flags, or everything wrong with it.
// broker/config/: the daemon reads one at its start and again on SIGHUP.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/config/assignments.hpp"
#include "broker/config/settings.hpp"

namespace tidemark::broker::config {

/// Whence a configuration is read, in the order of precedence from below.
struct Inputs {
  std::string file;  ///< empty: none
  Variables environment;
  Flags flags;
};

struct Config {
  Settings settings;
  Assignments given;
};

/// One line each, those of the file first, by line.
using Complaints = std::vector<std::string>;

/// Reads everything anew. Complaints: all there are, each once.
[[nodiscard]] std::variant<Config, Complaints> read_config(const Inputs& inputs);

/// The settings of what was given and the defaults of the rest; with what is wrong with values by
/// themselves and with each other.
[[nodiscard]] Settings resolve(const Assignments& given, Faults& faults);
/// Only the latter: see config_rules.cpp for what has to go together. What `faults` says of a value
/// already is not held against others as well.
void check_rules(const Settings& settings, const Assignments& given, Faults& faults);

[[nodiscard]] Complaints told(Faults faults);

/// All values in force as a file that could be read again, each with where it is from. What is
/// hidden is left out.
[[nodiscard]] std::string listing(const Assignments& given);

/// What reading again has brought.
struct Change {
  std::vector<std::string> applied;  ///< keys
  std::vector<std::string> waiting;  ///< keys that need a restart
  Config config;                     ///< the new one, those that wait as they were
};
/// Complaints: what of `next` does not go with what only a restart would change.
[[nodiscard]] std::variant<Change, Complaints> change(const Config& now, const Config& next);

}  // namespace tidemark::broker::config
