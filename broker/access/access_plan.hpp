// The rules made sense of: patterns parsed, keys read.
// broker/access/: what Access decides by until other rules come.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "broker/access/access.hpp"
#include "broker/access/api_keys.hpp"
#include "broker/access/verify_key.hpp"

namespace tidemark::broker {

/// A key set, and its keys if it is a file.
struct PlannedSet {
  KeySetRule rule;
  std::vector<VerifyKey> keys;
};

struct AccessPlan {
  std::shared_ptr<const AccessRules> rules;   // shared with who asked for them
  std::shared_ptr<const Identity> anonymous;  // shared with all who are
  ApiKeys api_keys;
  std::vector<VerifyKey> token_keys;
  std::vector<PlannedSet> key_sets;
  std::unordered_set<std::string> revoked_subjects;
  std::unordered_set<std::string> revoked_tokens;
  std::vector<std::string> warnings;  ///< sentences: what is allowed and unwise
};

/// Reads the files the rules name. Faults: all of them.
[[nodiscard]] std::variant<AccessPlan, std::vector<AccessFault>> plan_access(AccessRules rules);

}  // namespace tidemark::broker
