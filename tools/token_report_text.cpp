// A report in words, and as JSON.
// tools/: see token_report.hpp.
#include <array>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tools/terminal.hpp"
#include "tools/times.hpp"
#include "tools/token_report.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

using Signature = TokenReport::Signature;

constexpr std::size_t kLabelColumns = 18;

std::string line(std::string_view label, std::string_view text) {
  return "  " + pad(label, kLabelColumns) + printable(text) + "\n";
}

/// "3 d", "59 min", "12 s": the largest unit, rounded down.
std::string span_of(std::int64_t ms) {
  struct Unit {
    std::int64_t ms;
    std::string_view name;
  };
  constexpr std::array units{Unit{86'400'000, " d"}, Unit{3'600'000, " h"}, Unit{60'000, " min"}};
  for (const auto& unit : units) {
    if (ms >= 2 * unit.ms) return std::to_string(ms / unit.ms) + std::string(unit.name);
  }
  return std::to_string(ms / 1000) + " s";
}

std::string moment(Timestamp time, Timestamp now) {
  const auto text = local_time(time);
  return time > now ? text + " (in " + span_of(time.ms - now.ms) + ")"
                    : text + " (" + span_of(now.ms - time.ms) + " ago)";
}

template <class Texts, class Text>
std::string joined(const Texts& texts, Text text) {
  std::string out;
  for (const auto& one : texts) out += (out.empty() ? "" : ", ") + std::string(text(one));
  return out;
}

std::string topics_of(const broker::TopicPatterns& patterns) {
  const auto text = [](const broker::TopicPattern& pattern) { return pattern.str(); };
  if (patterns.empty()) return "nothing";
  const auto denied = joined(patterns.denied(), text);
  return joined(patterns.allowed(), text) + (denied.empty() ? "" : ", but not " + denied);
}

std::string signature_text(Signature signature) {
  switch (signature) {
    case Signature::good:
      return "good";
    case Signature::bad:
      return "wrong";
    case Signature::unchecked:
      break;
  }
  return "not checked (--key checks it)";
}

std::string claims_lines(const broker::Claims& claims, Timestamp now) {
  const auto same = [](const std::string& text) { return text; };
  std::string out = line("subject", claims.subject.empty() ? "(none)" : claims.subject);
  if (!claims.issuer.empty()) out += line("issuer", claims.issuer);
  if (!claims.audience.empty()) out += line("audience", joined(claims.audience, same));
  if (!claims.token.empty()) out += line("id", claims.token);
  if (claims.issued) out += line("made", moment(*claims.issued, now));
  if (claims.not_before) out += line("valid from", moment(*claims.not_before, now));
  out += line("expires", claims.expires ? moment(*claims.expires, now) : "(never said)");
  const auto rights = claims.rights.value_or(broker::Rights());
  out += line("may publish to", topics_of(rights.publish));
  out += line("may subscribe to", topics_of(rights.subscribe));
  out += line("may manage", topics_of(rights.manage));
  if (rights.manage.contains_all()) out += line("", "and operate the broker as a whole");
  return out;
}

std::string list_of(std::string_view head, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  std::string out = std::string(head) + "\n";
  for (const auto& item : items) out += "  - " + printable(item) + "\n";
  return out;
}

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

}  // namespace

std::string report_text(const TokenReport& report, Timestamp now) {
  std::string out;
  if (report.header) {
    out += line("algorithm", report.header->algorithm);
    if (report.header->key_id) out += line("key id", *report.header->key_id);
    out += line("signature", signature_text(report.signature));
  }
  if (report.claims) {
    out += claims_lines(*report.claims, now);
  } else if (!report.claims_text.empty()) {
    out += line("claims", cut(report.claims_text, 1000));
  }
  out += list_of(paint(STDOUT_FILENO, Colour::red, "A broker refuses it:"), report.faults);
  out += list_of(paint(STDOUT_FILENO, Colour::yellow, "Worth a look:"), report.remarks);
  return out;
}

std::string report_json(const TokenReport& report) {
  json::object out{{"header", nullptr}, {"claims", nullptr}};
  if (report.header) {
    json::object header{{"alg", report.header->algorithm}};
    if (report.header->key_id) header["kid"] = *report.header->key_id;
    out["header"] = std::move(header);
  }
  boost::system::error_code error;
  auto claims = json::parse(report.claims_text, error);
  if (!error) out["claims"] = std::move(claims);
  out["signature"] = report.signature == Signature::unchecked
                         ? json::value(nullptr)
                         : json::value(report.signature == Signature::good);
  out["faults"] = array_of(report.faults);
  out["remarks"] = array_of(report.remarks);
  return json::serialize(out);
}

}  // namespace tidemark::tools
