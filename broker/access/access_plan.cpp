// Each part of the rules checked by itself, so that all faults are told at once.
// broker/access/: see access_plan.hpp.
#include "broker/access/access_plan.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "broker/access/key_file.hpp"
#include "broker/access/printable.hpp"

namespace tidemark::broker {
namespace {

using Kind = Provenance::Kind;

constexpr std::size_t kMostApiKeys = 10'000;
constexpr std::size_t kMostTokenKeys = 64;
constexpr std::size_t kMostKeySets = 16;
constexpr std::size_t kMostRevoked = 100'000;
constexpr std::size_t kMostApiKeyNameBytes = 128;
constexpr std::size_t kLeastTokenBytes = 256;
constexpr std::size_t kMostTokenBytes = std::size_t{64} << 10;
constexpr std::chrono::seconds kMostLeeway{60};
constexpr std::chrono::seconds kLeastRefresh{10};

class Planning {
 public:
  explicit Planning(AccessRules rules)
      : rules_(std::make_shared<const AccessRules>(std::move(rules))) {}

  std::variant<AccessPlan, std::vector<AccessFault>> done() {
    plan_.rules = rules_;
    bounds();
    anonymous();
    for (std::size_t i = 0; i < rules_->api_keys.size(); ++i) api_key(i);
    for (std::size_t i = 0; i < rules_->token_keys.size(); ++i) token_key(i);
    for (std::size_t i = 0; i < rules_->key_sets.size(); ++i) key_set(i);
    revoked();
    if (!faults_.empty()) return std::move(faults_);
    return std::move(plan_);
  }

 private:
  void fault(std::string key, std::string text) {
    faults_.push_back({"access." + std::move(key), std::move(text)});
  }
  static std::string item(std::string_view list, std::size_t i, std::string_view member) {
    return std::string(list) + "[" + std::to_string(i) + "]." + std::string(member);
  }
  void at_most(std::string_view key, std::size_t count, std::size_t most) {
    if (count > most) fault(std::string(key), "has more than " + std::to_string(most) + " entries");
  }

  void bounds();
  void anonymous();
  void api_key(std::size_t i);
  void token_key(std::size_t i);
  void key_set(std::size_t i);
  void key_set_file(std::size_t i);
  void revoked();
  std::optional<Rights> rights_of(const std::string& key, const Grants& grants);

  std::shared_ptr<const AccessRules> rules_;  // shared with the plan
  AccessPlan plan_;
  std::set<std::string> names_;
  std::vector<AccessFault> faults_;
};

void Planning::bounds() {
  at_most("api-keys", rules_->api_keys.size(), kMostApiKeys);
  at_most("token-keys", rules_->token_keys.size(), kMostTokenKeys);
  at_most("key-sets", rules_->key_sets.size(), kMostKeySets);
  if (rules_->leeway < std::chrono::seconds{0} || rules_->leeway > kMostLeeway) {
    fault("leeway", "has to be from 0s to 60s");
  }
  if (rules_->token_bytes < kLeastTokenBytes || rules_->token_bytes > kMostTokenBytes) {
    fault("token-bytes", "has to be from 256 to 64KiB");
  }
  if (rules_->expiry_notice < std::chrono::seconds{0}) fault("expiry-notice", "is negative");
}

std::optional<Rights> Planning::rights_of(const std::string& key, const Grants& grants) {
  auto parsed = Rights::parse(grants);
  if (auto* wrong = std::get_if<PatternFault>(&parsed)) {
    fault(key, wrong->text);
    return std::nullopt;
  }
  return std::get<Rights>(std::move(parsed));
}

void Planning::anonymous() {
  const bool open = !rules_->configured();
  auto rights = open ? Rights::all() : rights_of("anonymous", rules_->anonymous);
  if (!rights) return;
  Provenance from;
  from.kind = open ? Kind::unrestricted : Kind::anonymous;
  plan_.anonymous =
      std::make_shared<const Identity>(std::move(from), std::move(*rights), std::nullopt);
}

void Planning::api_key(std::size_t i) {
  const auto& rule = rules_->api_keys[i];
  const auto digest = read_api_key_hash(rule.hash);
  if (!digest) {
    // Never the text itself: somebody may have put the key there.
    fault(item("api-keys", i, "hash"),
          "has to be sha256: and 64 hexadecimal digits, as `tidemark token key` prints them");
  }
  if (rule.name.empty() || rule.name.size() > kMostApiKeyNameBytes || !is_printable(rule.name)) {
    fault(item("api-keys", i, "name"), "has to be printable, of 1 to 128 bytes");
  } else if (!names_.insert(rule.name).second) {
    fault(item("api-keys", i, "name"), "is the name of another key as well");
  }
  auto rights = rights_of("api-keys[" + std::to_string(i) + "]", rule.grants);
  if (!digest || !rights) return;
  Provenance from;
  from.kind = Kind::api_key;
  from.subject = rule.name;
  from.key = *digest;
  auto identity =
      std::make_shared<const Identity>(std::move(from), std::move(*rights), std::nullopt);
  if (!plan_.api_keys.add(*digest, std::move(identity))) {
    fault(item("api-keys", i, "hash"), "is that of another key as well");
  }
}

void Planning::token_key(std::size_t i) {
  const auto& rule = rules_->token_keys[i];
  if (!algorithm_named(rule.algorithm)) {
    fault(item("token-keys", i, "algorithm"), "has to be HS256, RS256, ES256 or EdDSA");
    return;
  }
  if (rule.id.size() > 255 || !is_printable(rule.id)) {
    fault(item("token-keys", i, "id"), "has to be printable, of at most 255 bytes");
  }
  const auto file = read_key_file(rule.file);
  if (const auto* wrong = std::get_if<KeyFault>(&file)) {
    fault(item("token-keys", i, "file"), rule.file.string() + " " + wrong->text);
    return;
  }
  const auto& read = std::get<KeyFile>(file);
  auto keys = verify_keys_of(rule, read.bytes);
  if (const auto* wrong = std::get_if<KeyFault>(&keys)) {
    fault(item("token-keys", i, "file"), rule.file.string() + " " + wrong->text);
    return;
  }
  if (rule.algorithm == "HS256" && read.readable_by_all) {
    plan_.warnings.push_back(rule.file.string() +
                             " holds a secret and is readable by everyone on this machine");
  }
  for (auto& key : std::get<std::vector<VerifyKey>>(keys)) {
    plan_.token_keys.push_back(std::move(key));
  }
}

std::string url_fault(const std::string& text, bool plain_allowed) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || url->encoded_host().empty()) return "is no URL";
  if (url->has_userinfo()) return "has a name or password in it";
  if (url->scheme() == "https" || (url->scheme() == "http" && plain_allowed)) return {};
  return "has to begin with https:// (or with http://, where private-key-urls allows it)";
}

void Planning::key_set(std::size_t i) {
  const auto& rule = rules_->key_sets[i];
  if (rule.url.empty() == rule.file.empty()) {
    fault("key-sets[" + std::to_string(i) + "]", "has to have either a url or a file");
    return;
  }
  if (rule.refresh < kLeastRefresh) fault(item("key-sets", i, "refresh"), "is less than 10s");
  if (rule.issuer.size() > 255 || !is_printable(rule.issuer)) {
    fault(item("key-sets", i, "issuer"), "has to be printable, of at most 255 bytes");
  }
  if (!rule.file.empty()) return key_set_file(i);
  if (auto wrong = url_fault(rule.url, rules_->private_key_urls); !wrong.empty()) {
    fault(item("key-sets", i, "url"), std::move(wrong));
  }
  plan_.key_sets.push_back({rule, {}});
}

void Planning::key_set_file(std::size_t i) {
  const auto& rule = rules_->key_sets[i];
  const auto wrong = [&](const std::string& text) {
    fault(item("key-sets", i, "file"), rule.file.string() + " " + text);
  };
  const auto file = read_key_file(rule.file);
  if (const auto* unread = std::get_if<KeyFault>(&file)) return wrong(unread->text);
  auto keys = verify_keys_of_set(std::get<KeyFile>(file).bytes, true, plan_.warnings);
  if (const auto* unfit = std::get_if<KeyFault>(&keys)) return wrong(unfit->text);
  plan_.key_sets.push_back({rule, std::get<std::vector<VerifyKey>>(std::move(keys))});
}

void Planning::revoked() {
  at_most("revoked-subjects", rules_->revoked_subjects.size(), kMostRevoked);
  at_most("revoked-tokens", rules_->revoked_tokens.size(), kMostRevoked);
  plan_.revoked_subjects = {rules_->revoked_subjects.begin(), rules_->revoked_subjects.end()};
  plan_.revoked_tokens = {rules_->revoked_tokens.begin(), rules_->revoked_tokens.end()};
}

}  // namespace

std::variant<AccessPlan, std::vector<AccessFault>> plan_access(AccessRules rules) {
  return Planning(std::move(rules)).done();
}

}  // namespace tidemark::broker
