// The URL of a state hook: is it one, and what it is for a topic.
// broker/state/: the configuration judges it, the hook source fills it.
#pragma once

#include <string>
#include <string_view>

#include "protocol/types.hpp"

namespace tidemark::broker {

/// What stands for the topic's name in a hook's URL.
inline constexpr std::string_view kTopicMark = "{topic}";

/// What is wrong with a hook's URL, as a clause; empty: nothing. https, and http if private
/// addresses are allowed (then only those are asked without TLS); with a host and without name,
/// password or fragment; `{topic}` stands behind the host.
[[nodiscard]] std::string hook_url_fault(const std::string& url, bool private_addresses);

/// The URL for a topic. In a path its name is as it is, in a query `/` is %2F; a URL without
/// `{topic}` gets the parameter `topic`. Pre: hook_url_fault finds nothing.
[[nodiscard]] std::string hook_url_for(std::string_view url, const TopicName& topic);

}  // namespace tidemark::broker
