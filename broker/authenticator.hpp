// Asks Access on behalf of a shard's connections, and brings the answers back to their thread.
// broker/: each ConnectionGroup has one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "broker/access/access.hpp"
#include "broker/shard.hpp"

namespace tidemark::broker {

/// Who waits is kept here and not by Access, which may answer when the shard has gone: what it
/// keeps of us is a number. Threads: the shard's. Held by shared_ptr.
class Authenticator : public std::enable_shared_from_this<Authenticator> {
 public:
  using Done = std::function<void(AuthOutcome)>;

  /// Pre: `access` is there.
  Authenticator(std::shared_ptr<Access> access, std::shared_ptr<ShardLink> link)
      : access_(std::move(access)), link_(std::move(link)) {}

  /// Whose is it? Calls `done` once: before this returns if that can be told at once, else later on
  /// the shard's thread; after drop_all() never.
  void ask(std::string_view credential, Done done);
  /// Nobody waits any more, now or later.
  void drop_all();

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  void answered(std::uint64_t ticket, AuthOutcome outcome);

  const std::shared_ptr<Access> access_;
  const std::shared_ptr<ShardLink> link_;
  std::map<std::uint64_t, Done> waiting_;
  std::uint64_t last_ticket_ = 0;
  bool closed_ = false;
};

}  // namespace tidemark::broker
