// What every log does alike: see log.hpp.
// storage/: no engine in here.
#include "storage/log.hpp"

#include <algorithm>

namespace tidemark::storage {

std::vector<OriginPart> origin_parts(std::vector<OriginPart> above, const Origin& origin) {
  const auto cut = std::find_if(above.begin(), above.end(), [&](const OriginPart& part) {
    return part.last >= origin.inherited;
  });
  if (cut != above.end()) {
    cut->last = origin.inherited;
    above.erase(cut + 1, above.end());
  } else {
    above.push_back({.topic = origin.id, .last = origin.inherited});
  }
  if (above.back().last == Offset{0}) above.clear();
  return above;
}

Result<void> Log::erase(const TopicMeta& meta) {
  CommitGroup group;
  group.erased = {meta};
  return commit(group, Durability::synced);
}

}  // namespace tidemark::storage
