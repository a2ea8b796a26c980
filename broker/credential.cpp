// Where a request shows its credential, and how the one in a URL is kept from going further.
// broker/: see credential.hpp.
#include "broker/credential.hpp"

#include <boost/beast/core/string.hpp>

#include "broker/head_fields.hpp"
#include "broker/url_text.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;
using Head = http::request_header<>;

namespace {

constexpr std::string_view kParameter = "access_token";
constexpr std::string_view kScheme = "Bearer";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes what stands before `mark`, and the mark, off `text`.
std::string_view cut(std::string_view& text, char mark) {
  const auto end = text.find(mark);
  const auto piece = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return piece;
}

/// The first one stays; another one that differs is a fault.
class Gathered {
 public:
  void add(std::string_view credential) {
    if (found_ && *found_ != credential) differ_ = true;
    if (!found_) found_ = credential;
  }
  [[nodiscard]] CredentialFound result() const {
    if (differ_) return CredentialFault{"the request shows two different credentials"};
    return found_;
  }

 private:
  std::optional<std::string> found_;
  bool differ_ = false;
};

void gather_bearer(const Head& head, Gathered& out) {
  const auto found = head.find(http::field::authorization);
  if (found == head.end()) return;
  auto value = trimmed(view(found->value()));
  const auto scheme = cut(value, ' ');
  if (!boost::beast::iequals({scheme.data(), scheme.size()}, {kScheme.data(), kScheme.size()})) {
    return;
  }
  out.add(trimmed(value));
}

void gather_cookies(const Head& head, std::string_view name, Gathered& out) {
  const auto [first, last] = head.equal_range(http::field::cookie);
  for (auto at = first; at != last; ++at) {
    auto rest = view(at->value());
    while (!rest.empty()) {
      auto value = cut(rest, ';');
      if (trimmed(cut(value, '=')) != name) continue;
      if (!trimmed(value).empty()) out.add(trimmed(value));
    }
  }
}

/// False if it is there more than once.
bool gather_parameter(const Head& head, Gathered& out) {
  int count = 0;
  for (const auto& [name, value] : parameters(cut_target(view(head.target())).query)) {
    if (name != kParameter) continue;
    if (++count > 1) return false;
    out.add(value);
  }
  return true;
}

bool is_access_token(std::string_view parameter) {
  const auto name = cut(parameter, '=');
  return percent_decoded(name).value_or("") == kParameter;
}

}  // namespace

CredentialFound find_credential(const Head& head, const CredentialPlaces& places) {
  if (head.count(http::field::authorization) > 1) {
    return CredentialFault{"Authorization is there twice"};
  }
  Gathered out;
  gather_bearer(head, out);
  if (!places.cookie.empty()) gather_cookies(head, places.cookie, out);
  if (places.query && !gather_parameter(head, out)) {
    return CredentialFault{"access_token is there twice"};
  }
  return out.result();
}

std::string without_access_token(std::string_view target) {
  const auto [path, query] = cut_target(target);
  std::string out(path);
  char mark = '?';
  for (std::string_view rest = query; !rest.empty();) {
    const auto parameter = cut(rest, '&');
    if (parameter.empty() || is_access_token(parameter)) continue;
    out += mark;
    out += parameter;
    mark = '&';
  }
  return out;
}

}  // namespace tidemark::broker
