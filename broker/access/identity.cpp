// Names for people, and names to count by.
// broker/access/: see identity.hpp.
#include "broker/access/identity.hpp"

#include <utility>

namespace tidemark::broker {
namespace {

using Kind = Provenance::Kind;

std::string name_for(const Provenance& from) {
  switch (from.kind) {
    case Kind::api_key:
      return "key " + from.subject;
    case Kind::token:
      return from.subject.empty() ? "unnamed" : from.subject;
    case Kind::unrestricted:
    case Kind::anonymous:
      break;
  }
  return "anonymous";
}

// Subjects and issuers have no line ends, so no two tuples make the same text.
std::string quota_key_for(const Provenance& from) {
  switch (from.kind) {
    case Kind::api_key:
      return "key\n" + from.subject;
    case Kind::token:
      return "token\n" + from.subject + "\n" + from.issuer;
    case Kind::unrestricted:
    case Kind::anonymous:
      break;
  }
  return "anonymous";
}

}  // namespace

Identity::Identity(Provenance provenance, Rights rights, std::optional<Timestamp> expires)
    : provenance_(std::move(provenance)),
      rights_(std::move(rights)),
      expires_(expires),
      name_(name_for(provenance_)),
      quota_key_(quota_key_for(provenance_)) {}

bool Identity::may(Right right, const TopicName& topic) const {
  return rights_.of(right).contains(topic.str());
}

}  // namespace tidemark::broker
