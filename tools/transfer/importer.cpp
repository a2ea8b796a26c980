// From topic to topic.
// tools/transfer/: see importer.hpp.
#include "tools/transfer/importer.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <variant>

#include "tools/inspect/store_failure.hpp"

namespace tidemark::tools {
namespace {

// What a crash may cost, to be imported again: a sync for each of a million small topics would cost
// more.
constexpr std::uint64_t kMostUnsynced = std::uint64_t{64} << 20;
constexpr std::size_t kMostNames = 4096;

}  // namespace

Importer::Importer(ImportWishes wishes, Open open, Told told)
    : wishes_(std::move(wishes)), open_(std::move(open)), told_(std::move(told)) {}

Importer::~Importer() = default;

Failure Importer::take(ExportItem item) {
  return std::visit([this](auto& each) { return take_item(std::move(each)); }, item);
}

Failure Importer::take_item(ExportTopic topic) {
  if (auto failure = finish_topic()) return failure;
  topic_ = topic.name;
  if (names_.size() < kMostNames) names_.push_back(topic.name);
  if (!wishes_.topics.empty()) {
    if (std::ranges::find(wishes_.topics, topic.name) == wishes_.topics.end()) return std::nullopt;
    come_.push_back(topic.name);
  }
  if (!place_) {
    const auto opened = open_();
    if (!opened) return opened.error();
    place_ = *opened;
  }
  std::string name = wishes_.as.empty() ? topic.name : wishes_.as;
  import_ =
      std::make_unique<TopicImport>(*place_, std::move(topic), std::move(name), wishes_.new_epoch);
  return import_->begin();
}

template <class Item>
Failure Importer::take_item(Item item) {
  return import_ ? import_->take(std::move(item)) : std::nullopt;
}

Failure Importer::take_item(const ExportEnd& /*end*/) {
  if (auto failure = finish_topic()) return failure;
  complete_ = true;
  topic_.clear();
  return sync();
}

Failure Importer::finish_topic() {
  if (!import_) return std::nullopt;
  if (auto failure = import_->finish()) return failure;
  told_(import_->outcome());
  import_.reset();
  const bool much = place_->writer != nullptr && place_->writer->unsynced_bytes() >= kMostUnsynced;
  return much ? sync() : std::nullopt;
}

Failure Importer::sync() {
  if (!place_ || place_->writer == nullptr) return std::nullopt;
  const auto synced = place_->writer->sync();
  return synced ? std::nullopt : Failure(failure_of(synced.errc(), "writing"));
}

Failure Importer::stop() {
  if (import_) told_(import_->outcome());
  import_.reset();
  return sync();
}

std::vector<std::string> Importer::missing() const {
  std::vector<std::string> out;
  for (const auto& name : wishes_.topics)
    if (std::ranges::find(come_, name) == come_.end()) out.push_back(name);
  return out;
}

}  // namespace tidemark::tools
