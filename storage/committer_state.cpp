// Stored states and named cursors: what may refuse them, and what they become in the group.
// storage/: a part of the committer; see committer.hpp.
#include "storage/committer_group.hpp"
#include "storage/lineage.hpp"

namespace tidemark::storage {

void Committer::stage_store_state(Group& group, StoreStateRequest& request) {
  Staged* const staged = find_staged(group, request);
  if (staged == nullptr) return;
  if (request.state && !admit_state(*staged, request)) return;
  const auto stored = stored_position(*staged);
  const bool damaged = !stored && stored.errc() == Errc::corrupt_record;
  if (!stored && !damaged) return refuse(request, stored.errc());
  request.existed = damaged || stored->has_value();
  if (!request.state) {
    if (!request.existed) return;
    staged->state = StateUpdate{.topic = staged->meta.id, .state = std::nullopt};
  } else {
    StoredState& state = *request.state;
    // What is damaged, or reflects what its epoch has lost since, is nothing to keep.
    if (!damaged && *stored && (*stored)->offset > state.position.offset &&
        check_position(staged->meta.lineage, staged->tail.head, **stored)) {
      request.position = **stored;
      return refuse(request, Errc::state_outdated);
    }
    state.stored = clock_.wall();
    request.position = state.position;
    staged->state = StateUpdate{.topic = staged->meta.id, .state = std::move(state)};
    renew(group, *staged);
  }
  group.durability = Durability::synced;
}

/// Everything that does not depend on what is stored; true if it may be.
bool Committer::admit_state(Staged& staged, StoreStateRequest& request) {
  StoredState& state = *request.state;
  const auto no = [&](Errc code) {
    refuse(request, code);
    return false;
  };
  if (state.data.size() > options_.max_state_bytes) return no(Errc::state_too_large);
  if (state.position.epoch.value == 0) state.position.epoch = staged.meta.lineage.back().epoch;
  const auto checked = check_position(staged.meta.lineage, staged.tail.head, state.position);
  if (!checked) return no(checked.errc());
  if (state.position.offset.next() < staged.meta.earliest) return no(Errc::position_trimmed);
  return has_room(request);
}

/// Of the state that is stored, or will be by this group; nullopt: there is none.
Result<std::optional<Position>> Committer::stored_position(Staged& staged) {
  if (!staged.state) return log_.state_position(staged.meta.id);
  std::optional<Position> position;
  if (staged.state->state) position = staged.state->state->position;
  return position;
}

/// Never refused for want of room: they take hardly any, and would only be asked for again.
void Committer::stage_move_cursors(Group& group, MoveCursorsRequest& request) {
  const Staged* const staged = find_staged(group, request);
  if (staged == nullptr) return;
  if (staged->meta.id != request.id) return refuse(request, Errc::unknown_topic);
  for (CursorUpdate& update : request.cursors) {
    TIDEMARK_ENSURE(update.topic == request.id, "cursors are of the request's topic");
    group.commit.cursors.push_back(std::move(update));
  }
}

}  // namespace tidemark::storage
