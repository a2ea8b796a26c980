// Fields of an HTTP head as the standard library's views.
// broker/: whatever reads requests.
#pragma once

#include <optional>
#include <string_view>

#include <boost/beast/core/string_type.hpp>
#include <boost/beast/http/message.hpp>

namespace tidemark::broker {

/// As long-lived as `text`.
[[nodiscard]] inline std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

/// The first field of this name. As long-lived as `head`.
[[nodiscard]] inline std::optional<std::string_view> field(
    const boost::beast::http::request_header<>& head, boost::beast::http::field name) {
  const auto found = head.find(name);
  if (found == head.end()) return std::nullopt;
  return view(found->value());
}

}  // namespace tidemark::broker
