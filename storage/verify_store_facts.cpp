// What the store remembers of itself: its numbers, its incidents, where forks begin.
// storage/: a step of a verification; see verify_steps.hpp.
#include <algorithm>
#include <utility>

#include "storage/key_codec.hpp"
#include "storage/verify_steps.hpp"

namespace tidemark::storage {
namespace {

constexpr std::string_view kOrigin = "origin/";
constexpr std::string_view kIncident = "incident/";

class FactsReader {
 public:
  explicit FactsReader(VerifyRun& run) : run_(run), facts_(run.store) {}

  void take(std::string_view key, std::string_view value) {
    facts_.empty = false;
    if (key == "format") integer(key, value, facts_.format);
    if (key == "next_topic_id") integer(key, value, facts_.next_topic_id);
    if (key == "last_epoch") integer(key, value, facts_.last_epoch);
    if (key == "topic_count") integer(key, value, facts_.topic_count);
    if (key == "run") {
      if (const auto run = decode_value<RunRecord>(value); !run)
        bad("the record of the broker's last run " + undecodable(run.errc()));
    }
    if (key == "place") {
      if (const auto place = decode_value<StorePlace>(value); !place)
        bad("the record of where the log lies " + undecodable(place.errc()));
    }
    if (key.starts_with(kIncident)) incident(key, value);
    if (key.starts_with(kOrigin)) origin(key, value);
  }

 private:
  void bad(std::string what) {
    facts_.unread = true;
    run_.findings.add({.weight = Finding::Weight::damage,
                       .topic = {},
                       .offsets = {},
                       .what = std::move(what),
                       .where = {},
                       .around = {}});
  }

  void integer(std::string_view key, std::string_view value, std::optional<std::uint64_t>& out) {
    if (value.size() == 8) {
      out = load_be64(value);
    } else {
      bad("the number " + std::string(key) + " is damaged");
    }
  }

  void incident(std::string_view key, std::string_view value) {
    const auto incident = decode_value<IncidentRecord>(value);
    if (!incident) return bad("the record of an incident " + undecodable(incident.errc()));
    if (key.size() != kIncident.size() + 8 ||
        load_be64(key.substr(kIncident.size())) != incident->number)
      return bad("the record of an incident is under another one's number");
    if (!incident->buffered_only) facts_.loss = std::max(facts_.loss, incident->number);
  }

  void origin(std::string_view key, std::string_view value) {
    if (key.size() != kOrigin.size() + 8) return bad("the record of an origin is of no topic");
    const TopicId topic{load_be64(key.substr(kOrigin.size()))};
    auto parts = decode_value<std::vector<OriginPart>>(value);
    if (!parts)
      return bad("the record of where topic " + std::to_string(topic.value) + " begins " +
                 undecodable(parts.errc()));
    facts_.origins[topic] = std::move(*parts);
  }

  VerifyRun& run_;
  StoreFacts& facts_;
};

}  // namespace

void read_store(VerifyRun& run) {
  FactsReader reader(run);
  run.each(
      Family::store, {}, {},
      [&](std::string_view key, std::string_view value) {
        reader.take(key, value);
        return true;
      },
      [&](const ScanDamage& damage) {
        run.store.empty = false;
        run.store.unread = true;
        const auto words = words_of(damage.what);
        run.findings.add({.weight = Finding::Weight::damage,
                          .topic = {},
                          .offsets = {},
                          .what = "what the store remembers of itself can't be read: " + words.what,
                          .where = words.where,
                          .around = {}});
      });
}

}  // namespace tidemark::storage
