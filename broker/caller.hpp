// Who asks, as everything that answers sees it.
// broker/: travels with each request and connection; an Identity, or nobody in particular.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/access/identity.hpp"
#include "protocol/result.hpp"

namespace tidemark::broker {

/// Copies share the identity. By default everybody, who may do everything: what a broker without
/// access has. Threads: any.
class Caller {
 public:
  Caller() = default;
  explicit Caller(std::shared_ptr<const Identity> identity) : identity_(std::move(identity)) {}

  [[nodiscard]] bool may(Right right, const TopicName& topic) const {
    return !identity_ || identity_->may(right, topic);
  }
  /// May it know that there is this topic?
  [[nodiscard]] bool may_see(const TopicName& topic) const {
    return may(Right::subscribe, topic) || may(Right::manage, topic);
  }
  [[nodiscard]] bool may_anything() const { return !identity_ || identity_->may_anything(); }
  [[nodiscard]] bool may_operate() const { return !identity_ || identity_->may_operate(); }

  /// Is there nobody it could be told from?
  [[nodiscard]] bool is_everybody() const { return kind() == Provenance::Kind::unrestricted; }
  /// Has it shown a credential?
  [[nodiscard]] bool is_known() const {
    return kind() == Provenance::Kind::api_key || kind() == Provenance::Kind::token;
  }
  /// The error of what it has no right to: who has shown nothing yet may show something.
  [[nodiscard]] Errc refusal() const { return is_known() ? Errc::forbidden : Errc::unauthorized; }

  /// For logs and people; empty: everybody. Valid as long as a copy of this.
  [[nodiscard]] std::string_view name() const {
    return identity_ ? std::string_view(identity_->name()) : std::string_view();
  }
  /// What limits per identity count by; empty: everybody.
  [[nodiscard]] std::string_view quota_key() const {
    return identity_ ? std::string_view(identity_->quota_key()) : std::string_view();
  }
  [[nodiscard]] std::optional<Timestamp> expires() const {
    return identity_ ? identity_->expires() : std::nullopt;
  }
  [[nodiscard]] const std::shared_ptr<const Identity>& identity() const { return identity_; }

 private:
  [[nodiscard]] Provenance::Kind kind() const {
    return identity_ ? identity_->provenance().kind : Provenance::Kind::unrestricted;
  }

  std::shared_ptr<const Identity> identity_;
};

}  // namespace tidemark::broker
