// Positions within a topic's history: see lineage.hpp.
// storage/: a lineage has few entries, so it is searched from its end.
#include "storage/lineage.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tidemark::storage {
namespace {

using Lineage = std::vector<EpochStart>;

std::optional<std::size_t> index_of(const Lineage& lineage, Epoch epoch) {
  if (epoch.value == 0) return lineage.size() - 1;
  for (std::size_t i = lineage.size(); i-- > 0;)
    if (lineage[i].epoch == epoch) return i;
  return std::nullopt;
}

/// The last offset of an epoch; of the newest, that of any position.
Offset last_of(const Lineage& lineage, std::size_t index) {
  if (index + 1 == lineage.size()) return {kMaxInteger};
  return {lineage[index + 1].first.value - 1};
}

}  // namespace

Result<void> check_position(const Lineage& lineage, Offset head, Position position) {
  const auto index = index_of(lineage, position.epoch);
  if (!index || position.offset > last_of(lineage, *index)) return Errc::wrong_epoch;
  return position.offset > head ? Result<void>(Errc::position_ahead) : ok();
}

bool further(const Lineage& lineage, Position from, Position to) {
  const auto index = index_of(lineage, from.epoch);
  if (!index) return true;
  if (from.offset > last_of(lineage, *index)) return index_of(lineage, to.epoch) > index;
  return to.offset > from.offset;
}

Offset common_until(const Lineage& lineage, Offset head, Position position) {
  const auto index = index_of(lineage, position.epoch);
  if (!index) return {};
  return std::min({position.offset, last_of(lineage, *index), head});
}

}  // namespace tidemark::storage
