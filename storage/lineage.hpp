// Positions within a topic's history: whether one is of it, and which of two is further.
// storage/: pure; cursors and stored states are judged by it.
#pragma once

#include <vector>

#include "storage/settings.hpp"

namespace tidemark::storage {

/// Whether everything a position claims is in the log, or was before retention dropped it. Epoch 0:
/// not compared. Errors: wrong_epoch: another history, or one that ended before; position_ahead.
[[nodiscard]] Result<void> check_position(const std::vector<EpochStart>& lineage, Offset head,
                                          Position position);

/// Whether `to` has more of the log than `from`. What `from` claims beyond the end of its epoch is
/// lost, so every position that names a later epoch is further. Pre: `to` passed check_position.
/// Example, for epochs that begin with 1 and 41: (E1, 38) to (E2, 39) is further, and so are
/// (E1, 50) to (E2, 41) and to (E2, 40); (E1, 50) to (E1, 40) is not.
[[nodiscard]] bool further(const std::vector<EpochStart>& lineage, Position from, Position to);

/// The last event of a position that the log has in common with it; at most `head`. 0 for an epoch
/// that is not in the lineage.
[[nodiscard]] Offset common_until(const std::vector<EpochStart>& lineage, Offset head,
                                  Position position);

}  // namespace tidemark::storage
