// Lineages side by side.
// tools/transfer/: see import_history.hpp.
#include "tools/transfer/import_history.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace tidemark::tools {
namespace {

using storage::EpochStart;
using Lineage = std::vector<EpochStart>;

constexpr std::size_t kEpochsShown = 4;

Offset common_of(const HistoryView& there, const HistoryView& file) {
  return std::min(there.head, file.head);
}

/// The epochs that begin up to `last`.
std::span<const EpochStart> up_to(const Lineage& lineage, Offset last) {
  const auto end =
      std::ranges::find_if(lineage, [&](const EpochStart& start) { return start.first > last; });
  return {lineage.begin(), end};
}

std::span<const EpochStart> behind(const Lineage& lineage, Offset last) {
  return std::span(lineage).subspan(up_to(lineage, last).size());
}

/// Epochs that have begun there and have no event yet: whoever has seen them must find them again.
bool keeps_what_began(const HistoryView& there, const HistoryView& file) {
  if (there.head >= file.head) return true;
  const auto begun = behind(there.lineage, there.head);
  const auto next = behind(file.lineage, there.head);
  return begun.size() <= next.size() && std::equal(begun.begin(), begun.end(), next.begin());
}

}  // namespace

bool may_be_one(const HistoryView& there, const HistoryView& file) {
  const auto ours = up_to(there.lineage, common_of(there, file));
  auto at = ours.begin();
  for (const auto& start : up_to(file.lineage, common_of(there, file))) {
    at = std::find_if(at, ours.end(),
                      [&](const EpochStart& each) { return each.epoch == start.epoch; });
    if (at == ours.end()) return false;
    ++at;
  }
  return keeps_what_began(there, file);
}

Kinship kinship_of(const HistoryView& there, const HistoryView& file, const Lineage& imported) {
  if (!keeps_what_began(there, file)) return Kinship::none;
  const Offset common = common_of(there, file);
  const auto same = [&](const Lineage& lineage) {
    return std::ranges::equal(up_to(there.lineage, common), up_to(lineage, common));
  };
  if (same(imported)) return Kinship::as_imported;
  return same(file.lineage) ? Kinship::as_written : Kinship::none;
}

std::string text_of(const HistoryView& history) {
  const auto& lineage = history.lineage;
  const std::size_t begin = lineage.size() - std::min(lineage.size(), kEpochsShown);
  std::string out = begin > 0 ? "… " : "";
  for (std::size_t i = begin; i < lineage.size(); ++i) {
    if (i > begin) out += ", ";
    out +=
        std::to_string(lineage[i].epoch.value) + " from " + std::to_string(lineage[i].first.value);
  }
  return out + ", up to " + std::to_string(history.head.value);
}

}  // namespace tidemark::tools
