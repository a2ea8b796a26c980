// The members of a JSON object that a file holds, taken with their checks.
// tools/transfer/: what the NDJSON reader takes a line apart with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/types.hpp"

namespace tidemark::tools {

/// What is missing or not as it should be is told by fault(), and reads as nothing. Members nobody
/// asks for are left alone. Lifetime: the text's.
class JsonFields {
 public:
  /// Pre: `json` has passed check_json.
  explicit JsonFields(std::string_view json);

  [[nodiscard]] bool has(std::string_view name) const { return !find(name).empty(); }
  [[nodiscard]] std::string text(std::string_view name);
  /// Empty if it is not there.
  [[nodiscard]] std::string optional_text(std::string_view name);
  [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t most = kMaxInteger);
  [[nodiscard]] bool flag(std::string_view name);
  /// The member as it stands; empty if it is not there.
  [[nodiscard]] std::string_view find(std::string_view name) const;
  /// Its items as they stand. More than `most` are a fault.
  [[nodiscard]] std::vector<std::string_view> list(std::string_view name, std::size_t most);
  /// `headers` and the payload: `data` as the JSON it is, to be settled, or `data_base64`.
  [[nodiscard]] NewEvent event();
  /// Either of the two; Form::json for `data`.
  [[nodiscard]] std::string data(Form& form);

  /// The first thing that is wrong, as a clause.
  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }
  void fail(const std::string& what) {
    if (!fault_) fault_ = what;
  }

 private:
  void fail(std::string_view name, std::string_view what);
  std::vector<Header> headers();

  std::vector<std::pair<std::string_view, std::string_view>> members_;  ///< names without quotes
  std::optional<std::string> fault_;
};

}  // namespace tidemark::tools
