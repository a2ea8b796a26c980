// The URL of a state hook.
// broker/state/: see hook_url.hpp. A topic's name holds nothing but `/` that a query would escape.
#include "broker/state/hook_url.hpp"

#include <algorithm>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace tidemark::broker {
namespace {

std::string with_slashes_escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '/') {
      out += "%2F";
    } else {
      out += c;
    }
  }
  return out;
}

/// Every mark replaced; `query` is where the query begins, or npos.
std::string filled(std::string_view url, std::string_view in_path, std::string_view in_query) {
  const auto query = url.find('?');
  std::string out;
  std::size_t at = 0;
  for (auto mark = url.find(kTopicMark); mark != std::string_view::npos;
       mark = url.find(kTopicMark, at)) {
    out += url.substr(at, mark - at);
    out += mark > query ? in_query : in_path;
    at = mark + kTopicMark.size();
  }
  return out += url.substr(at);
}

/// Does a mark stand before the path or query begins?
bool mark_in_host(std::string_view url) {
  const auto mark = url.find(kTopicMark);
  const auto scheme = url.find("://");
  if (mark == std::string_view::npos || scheme == std::string_view::npos) return false;
  return mark < std::min(url.find_first_of("/?", scheme + 3), url.size());
}

}  // namespace

std::string hook_url_fault(const std::string& url, bool private_addresses) {
  if (mark_in_host(url)) return "has {topic} before its path";
  const auto sample = filled(url, "t", "t");
  const auto parsed = boost::urls::parse_uri(sample);
  if (!parsed || parsed->encoded_host().empty()) return "is no URL";
  if (parsed->has_userinfo()) return "has a name or password in it";
  if (parsed->has_fragment()) return "has a fragment in it, which is sent nowhere";
  if (parsed->scheme() == "https" || (parsed->scheme() == "http" && private_addresses)) return {};
  return "has to begin with https:// (or with http://, where allow-private is true)";
}

std::string hook_url_for(std::string_view url, const TopicName& topic) {
  const auto escaped = with_slashes_escaped(topic.str());
  if (url.find(kTopicMark) != std::string_view::npos) return filled(url, topic.str(), escaped);
  const bool has_query = url.find('?') != std::string_view::npos;
  return std::string(url) + (has_query ? "&" : "?") + "topic=" + escaped;
}

}  // namespace tidemark::broker
