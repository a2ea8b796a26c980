// What `tidemark tail` can be asked for, and what it is to the client library.
// tools/: tail and tail_pattern follow what these say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/client/options.hpp"
#include "tools/broker_http.hpp"
#include "tools/cli_fwd.hpp"
#include "tools/event_printer.hpp"

namespace tidemark::tools {

struct TailOptions {
  BrokerChoice broker;
  std::string topic;
  std::optional<std::uint64_t> after;
  std::uint64_t epoch = 0;
  std::string from;
  std::optional<std::uint64_t> last;
  bool state = false;
  std::string cursor;
  std::vector<std::string> keys;
  std::vector<std::string> headers;
  std::uint64_t limit = 0;
  bool no_follow = false;
  std::string format;
  std::string on_gap;  ///< empty: as the start suggests, see gap_answer()
  bool wait = false;
  bool quiet = false;

  /// Follows all topics that match, rather than one.
  [[nodiscard]] bool is_pattern() const { return topic.find('*') != std::string::npos; }
};

/// Adds --key and --header, for filter_of.
void add_filter_options(CLI::App& command, std::vector<std::string>& keys,
                        std::vector<std::string>& headers);
/// Adds the options to the subcommand.
void declare_tail(CLI::App& command, TailOptions& options);
/// What can only be judged once all is parsed. Throws CLI::ValidationError.
void check_tail(const TailOptions& options);

/// Where to begin. Throws CLI::ValidationError for a --from that is none.
[[nodiscard]] Start start_of(const TailOptions& options);
/// As asked for; else who wanted a state is given one again, and others go on with the earliest.
[[nodiscard]] OnGap gap_answer(const TailOptions& options);
/// Throws CLI::ValidationError for a --header that is none.
[[nodiscard]] Filter filter_of(const TailOptions& options);
/// The same of the words themselves.
[[nodiscard]] Filter filter_of(const std::vector<std::string>& keys,
                               const std::vector<std::string>& headers);
[[nodiscard]] Format format_of(const TailOptions& options);
[[nodiscard]] client::ClientOptions client_of(const TailOptions& options);

/// "events 43–90 are gone: retention by age"
[[nodiscard]] std::string gap_text(const Gap& gap);

}  // namespace tidemark::tools
