// Findings, progress and words of a verification: see verify_run.hpp.
// storage/: what is common to its steps.
#include "storage/verify_run.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>
#include <utility>

#include "storage/key_codec.hpp"

namespace tidemark::storage {
namespace {

// Often enough for a bar, rare enough to cost nothing.
constexpr std::uint64_t kProgressBytes = std::uint64_t{1} << 20;
constexpr std::size_t kQuotedBytes = 48;

bool continues(const Finding& before, const Finding& next) {
  return !before.offsets.empty() && !next.offsets.empty() && before.weight == next.weight &&
         before.topic == next.topic && before.what == next.what && before.where == next.where &&
         next.offsets.first >= before.offsets.first && next.offsets.first <= before.offsets.end;
}

}  // namespace

void Findings::add(Finding finding) {
  if (last_ && continues(*last_, finding)) {
    last_->offsets.end = std::max(last_->offsets.end, finding.offsets.end);
    if (!finding.around.empty()) last_->around = std::move(finding.around);
    return;
  }
  flush();
  last_ = std::move(finding);
}

void Findings::flush() {
  if (!last_) return;
  const auto finding = std::exchange(last_, std::nullopt);
  ++(finding->weight == Finding::Weight::damage ? report_.damages : report_.notes);
  if (options_.finding) options_.finding(*finding);
}

void KnownTopics::sort() {
  std::ranges::sort(topics_, {}, &KnownTopic::id);
  last_ = 0;
}

KnownTopic* KnownTopics::find(TopicId id) {
  for (const std::size_t near : {last_, last_ + 1}) {
    if (near >= topics_.size() || topics_[near].id != id) continue;
    last_ = near;
    return &topics_[near];
  }
  const auto found = std::ranges::lower_bound(topics_, id, {}, &KnownTopic::id);
  if (found == topics_.end() || found->id != id) return nullptr;
  last_ = static_cast<std::size_t>(found - topics_.begin());
  return &*found;
}

std::string first_topic_key() { return topic_key({0}); }
std::string end_of_topic_keys() { return topic_key({kMaxInteger + 1}); }

void VerifyRun::expect(Family family, std::string_view begin, std::string_view end) {
  total_ += scan.bytes(family, begin, end);
}

bool VerifyRun::tell(std::uint64_t bytes) {
  if (report.stopped) return false;
  told_ = bytes;
  if (!options.progress) return true;
  const VerifyProgress progress{.bytes = bytes, .total = std::max(total_, bytes), .topic = at};
  report.stopped = !options.progress(progress);
  return !report.stopped;
}

bool VerifyRun::may_go_on() { return tell(told_); }

void VerifyRun::each(Family family, std::string_view begin, std::string_view end,
                     const StoreScan::Entry& entry, const StoreScan::Damage& damage) {
  if (report.stopped) return;
  // Asked of the engine and not added up: what it holds is compressed, what comes is not.
  std::uint64_t unsaid = 0;
  scan.each(
      family, begin, end,
      [&](std::string_view key, std::string_view value) {
        const std::size_t size = key.size() + value.size();
        report.bytes += size;
        unsaid += size;
        if (unsaid >= kProgressBytes) {
          unsaid = 0;
          if (!tell(done_ + scan.bytes(family, begin, key))) return false;
        }
        return entry(key, value);
      },
      damage);
  done_ += scan.bytes(family, begin, end);
  tell(done_);
}

DamageWords words_of(std::string_view status) {
  static const std::regex kPlace(
      "[^ :]*(?:[0-9]+\\.(?:sst|log)|MANIFEST-[0-9]+)(?: offset [0-9]+)?(?: size [0-9]+)?");
  // Bounded: std::regex recurses for each character.
  std::string what(status.substr(0, 1024));
  // Of a table that is missing RocksDB names what it tried last, which is LevelDB's name for it.
  what = std::regex_replace(what, std::regex("\\.ldb\\b"), ".sst");
  while (!what.empty() && (what.back() == '.' || what.back() == ' ')) what.pop_back();
  std::smatch found;
  std::string where;
  if (std::regex_search(what, found, kPlace)) where = found.str();
  // The directory is known, so its own path says nothing.
  if (const auto at = where.rfind("/db/"); at != std::string::npos) where.erase(0, at + 1);
  return {.what = std::move(what), .where = std::move(where)};
}

std::string quoted_bytes(std::string_view bytes) {
  std::string out = "\"";
  const auto shown = bytes.substr(0, kQuotedBytes);
  const bool text = valid_utf8(shown);
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
    if (plain || (text && byte >= 0x80)) {
      out.push_back(c);
      continue;
    }
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(byte));
    out += escaped.data();
  }
  if (shown.size() < bytes.size()) out += "…";
  return out + "\"";
}

std::string undecodable(Errc code) {
  return code == Errc::store_newer_format ? "is of a later version of Tidemark" : "is damaged";
}

}  // namespace tidemark::storage
