// Which events a reader wants, by key and headers.
// protocol/: the broker asks it for filtered readers, the command line for what it shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/messages.hpp"

namespace tidemark {

/// Threads: any number of readers.
class EventMatch {
 public:
  EventMatch() = default;
  explicit EventMatch(Filter filter);

  /// Lets everything pass.
  [[nodiscard]] bool passes_all() const {
    return keys_.empty() && prefixes_.empty() && headers_.empty();
  }
  [[nodiscard]] bool passes(const EventView& event) const;

 private:
  [[nodiscard]] bool passes_key(std::string_view key) const;
  [[nodiscard]] bool passes_headers(const HeadersView& headers) const;

  std::vector<std::string> keys_;      ///< whole ones, sorted
  std::vector<std::string> prefixes_;  ///< without their '*'
  std::vector<Filter::Match> headers_;
};

}  // namespace tidemark
