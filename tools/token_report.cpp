// The broker's own checks, asked one after the other instead of stopping at the first.
// tools/: see token_report.hpp.
#include "tools/token_report.hpp"

#include <algorithm>
#include <variant>

#include "broker/access/base64url.hpp"
#include "broker/access/key_file.hpp"
#include "broker/access/printable.hpp"
#include "broker/access/signing_key.hpp"
#include "broker/access/token_verifier.hpp"

namespace tidemark::tools {
namespace {

using broker::AccessRules;

constexpr std::int64_t kLongLifeMs = 366LL * 24 * 3600 * 1000;

/// The keys of a file for an algorithm: the public half of a private one will do.
std::variant<std::vector<broker::VerifyKey>, broker::KeyFault> keys_of(
    const std::string& file, const std::string& algorithm) {
  auto own = broker::SigningKey::read(file, algorithm);
  if (const auto* key = std::get_if<broker::SigningKey>(&own)) {
    return std::vector{key->verify_key({})};
  }
  return broker::verify_keys_of({.id = {}, .algorithm = algorithm, .file = {}}, file);
}

void check_signature(const broker::SignedToken& token, const std::string& file,
                     TokenReport& report) {
  const auto keys = keys_of(file, token.header.algorithm);
  if (const auto* fault = std::get_if<broker::KeyFault>(&keys)) {
    report.faults.push_back("the key given " + fault->text);
    return;
  }
  const bool good = std::ranges::any_of(
      std::get<std::vector<broker::VerifyKey>>(keys),
      [&](const auto& key) { return key.verifies(token.signed_text, token.signature); });
  report.signature = good ? TokenReport::Signature::good : TokenReport::Signature::bad;
  if (!good) report.faults.emplace_back("its signature is not of the key given");
}

void check_claims(const TokenQuestion& question, TokenReport& report) {
  AccessRules rules;
  rules.issuer = question.issuer;
  rules.audience = question.audience;
  rules.leeway = std::chrono::seconds(0);
  broker::AccessPlan plan;
  plan.rules = std::make_shared<const AccessRules>(rules);
  const auto& claims = *report.claims;
  if (const auto refusal = broker::refuse_claims(claims, {}, plan, question.now)) {
    report.faults.push_back(refusal->why);
  }
  if (!claims.rights)
    report.remarks.emplace_back("it has no claim tidemark, so it permits nothing");
  if (claims.rights && claims.rights->empty()) report.remarks.emplace_back("it permits nothing");
  if (claims.subject.empty())
    report.remarks.emplace_back("it has no sub: nobody's name in the logs");
  if (claims.expires && claims.expires->ms - question.now.ms > kLongLifeMs) {
    report.remarks.emplace_back("it lives for more than a year");
  }
  if (claims.issued && claims.issued->ms > question.now.ms + 60'000) {
    report.remarks.emplace_back("it was made in the future: is a clock wrong?");
  }
}

void check_header(const broker::TokenHeader& header, TokenReport& report) {
  if (!broker::algorithm_named(header.algorithm)) {
    report.faults.push_back("its algorithm is not taken: " + broker::shown(header.algorithm));
  }
  for (const auto& name : header.ignored) {
    report.remarks.push_back("its header has " + name + ", which is ignored");
  }
}

}  // namespace

TokenReport examine(const TokenQuestion& question) {
  TokenReport report;
  if (question.token.size() > AccessRules().token_bytes) {
    report.remarks.emplace_back("it is longer than a broker takes that is configured as usual");
  }
  auto read = broker::read_token(question.token);
  if (const auto* fault = std::get_if<broker::TokenFault>(&read)) {
    report.faults.push_back(fault->text);
    return report;
  }
  const auto& token = std::get<broker::SignedToken>(read);
  report.header = token.header;
  check_header(token.header, report);
  if (question.key) check_signature(token, *question.key, report);
  const auto payload = broker::from_base64url(token.payload);
  if (!payload) {
    report.faults.emplace_back("its claims are not base64url");
    return report;
  }
  report.claims_text = *payload;
  auto claims = broker::read_claims(*payload);
  if (const auto* fault = std::get_if<broker::TokenFault>(&claims)) {
    report.faults.push_back(fault->text);
    return report;
  }
  report.claims = std::get<broker::Claims>(std::move(claims));
  check_claims(question, report);
  return report;
}

}  // namespace tidemark::tools
