// Which web pages may use the broker: the Origin and Host checks of everything that comes by HTTP.
// broker/: see origin.hpp.
#include "broker/origin.hpp"

#include <algorithm>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace tidemark::broker {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// "host[:port]" of an origin; browsers leave the scheme's default port out, in Host as well.
std::string_view authority(std::string_view origin) {
  return origin.substr(origin.find("://") + 3);
}

std::string_view without_port(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == std::string_view::npos) return host;
  if (bracket != std::string_view::npos && colon < bracket) return host;
  return host.substr(0, colon);
}

}  // namespace

bool is_origin(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return false;
  const auto& url = *parsed;
  return url.has_authority() && !url.encoded_host().empty() && !url.has_userinfo() &&
         url.encoded_path().empty() && !url.has_query() && !url.has_fragment();
}

Result<OriginPolicy> OriginPolicy::make(const std::vector<std::string>& allowed, bool loopback) {
  OriginPolicy policy;
  policy.loopback_ = loopback;
  for (const auto& origin : allowed) {
    if (!is_origin(origin)) return Errc::forbidden_origin;
    policy.allowed_.push_back(lower(origin));
  }
  return policy;
}

const std::string* OriginPolicy::listed(std::string_view origin) const {
  const auto found = std::ranges::find(allowed_, lower(origin));
  return found == allowed_.end() ? nullptr : &*found;
}

// A proxy in front may speak TLS, so the same origin is http or https with the host of the request.
bool OriginPolicy::allows(std::optional<std::string_view> origin, std::string_view host) const {
  if (!origin) return true;
  if (!is_origin(*origin)) return false;
  const std::string given = lower(*origin);
  const bool web = given.starts_with("http://") || given.starts_with("https://");
  if (web && !host.empty() && authority(given) == lower(host)) return true;
  return listed(given) != nullptr;
}

bool OriginPolicy::knows_host(std::string_view host) const {
  if (!loopback_) return true;
  const std::string given = lower(host);
  const auto name = without_port(given);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  return std::ranges::any_of(allowed_, [&](const std::string& o) { return authority(o) == given; });
}

}  // namespace tidemark::broker
