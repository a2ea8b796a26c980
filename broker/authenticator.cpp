// Asks Access on behalf of a shard's connections, and brings the answers back to their thread.
// broker/: see authenticator.hpp.
#include "broker/authenticator.hpp"

#include <thread>
#include <utility>

namespace tidemark::broker {

void Authenticator::ask(std::string_view credential, Done done) {
  if (closed_) return;
  const auto ticket = ++last_ticket_;
  waiting_.emplace(ticket, std::move(done));
  access_->authenticate(credential, [self = weak_from_this(), link = link_, ticket,
                                     asker = std::this_thread::get_id()](AuthOutcome outcome) {
    if (std::this_thread::get_id() == asker) {
      if (const auto here = self.lock()) here->answered(ticket, std::move(outcome));
      return;
    }
    link->post([self, ticket, outcome = std::move(outcome)]() mutable {
      if (const auto here = self.lock()) here->answered(ticket, std::move(outcome));
    });
  });
}

void Authenticator::answered(std::uint64_t ticket, AuthOutcome outcome) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return;
  const auto done = std::move(found->second);
  waiting_.erase(found);
  done(std::move(outcome));
}

void Authenticator::drop_all() {
  closed_ = true;
  // What they hold may end with them, and must not find us in the middle of it.
  const auto dropped = std::exchange(waiting_, {});
}

}  // namespace tidemark::broker
