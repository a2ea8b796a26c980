// Coalescing and sending again.
// protocol/client/: see acknowledgements.hpp.
#include "protocol/client/acknowledgements.hpp"

#include <algorithm>
#include <iterator>

namespace tidemark::client {
namespace {

/// The later of two. Epoch 0, "the topic's now", can't be compared: then it is the one asked for
/// later.
Position later(const std::optional<Position>& earlier_asked, Position asked) {
  if (!earlier_asked) return asked;
  const bool comparable = earlier_asked->epoch != Epoch{} && asked.epoch != Epoch{};
  if (!comparable && earlier_asked->epoch != asked.epoch) return asked;
  return std::max(*earlier_asked, asked);
}

}  // namespace

Acknowledgements::Ticket Acknowledgements::add(std::string topic, std::string cursor,
                                               Position position, Done done) {
  Cursor& at = cursors_[{std::move(topic), std::move(cursor)}];
  at.next = later(at.next, position);
  at.waiters.push_back({.ticket = ++last_ticket_, .done = std::move(done)});
  return last_ticket_;
}

void Acknowledgements::abandon(Ticket ticket) {
  for (auto& [name, cursor] : cursors_) {
    std::erase_if(cursor.waiters, [ticket](const Waiter& w) { return w.ticket == ticket; });
  }
}

void Acknowledgements::pump(const NextId& next_id, const Send& send) {
  for (auto& [name, cursor] : cursors_) {
    if (cursor.id != 0 || !cursor.next) continue;
    cursor.id = next_id();
    cursor.sent = *cursor.next;
    cursor.next.reset();
    for (auto& waiter : cursor.waiters) waiter.sent = true;
    send(Acknowledge{
        .id = cursor.id, .topic = name.first, .cursor = name.second, .position = cursor.sent});
  }
}

bool Acknowledgements::answer(RequestId id, const Reply<Position>& reply) {
  if (id == 0) return false;
  const auto at =
      std::ranges::find_if(cursors_, [id](const auto& entry) { return entry.second.id == id; });
  if (at == cursors_.end()) return false;
  Cursor& cursor = at->second;
  cursor.id = 0;
  const auto unsent =
      std::ranges::stable_partition(cursor.waiters, [](const Waiter& w) { return w.sent; });
  std::vector<Waiter> answered(std::make_move_iterator(cursor.waiters.begin()),
                               std::make_move_iterator(unsent.begin()));
  cursor.waiters.erase(cursor.waiters.begin(), unsent.begin());
  if (!cursor.next) cursors_.erase(at);
  for (const auto& waiter : answered) waiter.done(reply);
  return true;
}

void Acknowledgements::acknowledged(const Acknowledged& message) {
  static_cast<void>(answer(message.id, Reply<Position>(message.position)));
}

bool Acknowledgements::failed(const Failure& failure) {
  return answer(failure.id, Reply<Position>(refusal_of(failure)));
}

void Acknowledgements::disconnected() {
  for (auto& [name, cursor] : cursors_) {
    if (std::exchange(cursor.id, 0) == 0) continue;
    cursor.next = cursor.next ? later(cursor.sent, *cursor.next) : cursor.sent;
    for (auto& waiter : cursor.waiters) waiter.sent = false;
  }
}

void Acknowledgements::refuse_all(const Refusal& refusal) {
  for (const auto& [name, cursor] : std::exchange(cursors_, {})) {
    for (const auto& waiter : cursor.waiters) waiter.done(Reply<Position>(refusal));
  }
}

}  // namespace tidemark::client
