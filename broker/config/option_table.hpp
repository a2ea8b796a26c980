// Everything that can be configured, each with name, kind, default, help and where it is stored.
// broker/config/: flags, environment, file and the example are all held against this one table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/option.hpp"

namespace tidemark::broker::config {

/// In the order of the example file: what stands in no table first.
[[nodiscard]] const std::vector<Option>& options();
[[nodiscard]] const std::vector<Section>& sections();

/// nullptr if there is none.
[[nodiscard]] const Option* find_option(std::string_view key);
[[nodiscard]] const Section* find_section(std::string_view key);
/// Is "max" or "access.anonymous" the beginning of some key?
[[nodiscard]] bool is_table(std::string_view key);
/// Keys of options, sections and tables that may stand in a table ("" is the whole file), for
/// suggestions: the part after the table.
[[nodiscard]] std::vector<std::string> names_in(std::string_view table);

/// The fields of a section.
[[nodiscard]] std::vector<std::string> names_of(const Section& section);

// The parts of the table, by room.
[[nodiscard]] std::vector<Option> store_options();
[[nodiscard]] std::vector<Option> network_options();
[[nodiscard]] std::vector<Option> limit_options();
[[nodiscard]] std::vector<Option> state_options();
[[nodiscard]] std::vector<Option> access_options();
[[nodiscard]] std::vector<Option> log_options();
[[nodiscard]] std::vector<Section> topic_sections();
[[nodiscard]] std::vector<Section> state_sections();
[[nodiscard]] std::vector<Section> access_sections();

/// What is wrong with a pattern of matches_topic; empty: nothing.
[[nodiscard]] std::string check_pattern(const std::string& text);

/// "ADDR:PORT", "[ADDR]:PORT" or "localhost:PORT" taken apart; empty or what is wrong with it.
[[nodiscard]] std::string read_listen(const std::string& text, ListenAddress& into);

}  // namespace tidemark::broker::config
