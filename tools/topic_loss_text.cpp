// What goes, as lines and as an object; and the question whether it may.
// tools/: see topic_loss.hpp.
#include <algorithm>
#include <iostream>
#include <unistd.h>

#include <boost/json/array.hpp>

#include "broker/shapes/rfc3339.hpp"
#include "tools/cursors.hpp"
#include "tools/inspect/topic_text.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"
#include "tools/topic_loss.hpp"

namespace tidemark::tools {
namespace json = boost::json;

namespace {

/// More of a kind are counted, not named: --json has them.
constexpr std::size_t kMostLines = 20;

std::string range_text(OffsetRange range) {
  const auto first = std::to_string(range.first.value);
  const auto last = std::to_string(range.end.value - 1);
  return first == last ? first : first + " to " + last;
}

std::string times_text(const TopicLoss& loss) {
  std::string out;
  if (loss.oldest) out += ", from " + local_time(*loss.oldest);
  if (loss.newest) out += (out.empty() ? ", up to " : " to ") + local_time(*loss.newest);
  return out;
}

std::string events_line(const TopicLoss& loss) {
  const std::string goes = printable(loss.topic) + (loss.deleted ? " goes" : " loses");
  if (loss.events.empty()) {
    return loss.deleted ? goes + "; it holds no events\n" : goes + " no events\n";
  }
  return goes + (loss.deleted ? " with " : " ") + counted(loss.events.count(), "event") + ", " +
         range_text(loss.events) + ": " + (loss.about ? "about " : "") + size_behind(loss.bytes) +
         times_text(loss) + "\n";
}

std::string beside_lines(const TopicLoss& loss) {
  std::string out;
  if (!loss.deleted) {
    if (loss.events.empty()) return out;
    out += loss.kept.empty()
               ? std::string("no event stays\n")
               : counted(loss.kept.count(), "event") + " " +
                     (loss.kept.count() == 1 ? "stays, " : "stay, ") + range_text(loss.kept) + "\n";
    if (loss.keys > 0) {
      out += "the newest event of each of " + counted(loss.keys, "key") + " stays beside the log\n";
    }
    return out;
  }
  if (loss.keys > 0) out += "and with it the newest event of " + counted(loss.keys, "key") + "\n";
  if (loss.producers > 0) {
    out += "and with it what is remembered of " + counted(loss.producers, "producer") + "\n";
  }
  if (loss.subscribers > 0) out += counted(loss.subscribers, "subscriber") + " at this moment\n";
  return out;
}

std::string cursor_lines(const TopicLoss& loss) {
  if (loss.cursor_count == 0) return {};
  std::string out =
      loss.deleted ? "cursors that go with it: " : "cursors that have not read all that goes: ";
  out += grouped(loss.cursor_count) + "\n";
  const auto shown = std::min(loss.cursors.size(), kMostLines);
  std::size_t width = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    width = std::max(width, characters(printable(loss.cursors[i].name)));
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& cursor = loss.cursors[i];
    out += "  " + pad(printable(cursor.name), width) + "  at " + std::to_string(cursor.offset) +
           ", loses " + grouped(cursor.loses) + "\n";
  }
  if (loss.cursor_count > shown) {
    out += "  … and " + grouped(loss.cursor_count - shown) + " more\n";
  }
  return out;
}

std::string fork_lines(const TopicLoss& loss) {
  if (loss.fork_count == 0) return {};
  std::string out = counted(loss.fork_count, "fork") +
                    (loss.fork_count == 1 ? " still reads" : " still read") +
                    " these events, whose space is given back when no fork is left";
  const auto shown = std::min(loss.forks.size(), kMostLines);
  for (std::size_t i = 0; i < shown; ++i) {
    out += (i == 0 ? ": " : ", ") + printable(loss.forks[i]);
  }
  return out + (shown < loss.fork_count && shown > 0 ? ", …\n" : "\n");
}

}  // namespace

std::string loss_text(const TopicLoss& loss) {
  auto out = events_line(loss) + beside_lines(loss) + cursor_lines(loss);
  // What a fork has not of the log it does not miss.
  if (!loss.events.empty()) out += fork_lines(loss);
  return out;
}

json::object loss_object(const TopicLoss& loss) {
  json::object drops{{"events", loss.events.count()}, {"bytes", loss.bytes}};
  if (!loss.events.empty()) {
    drops["first"] = loss.events.first.value;
    drops["last"] = loss.events.end.value - 1;
  }
  drops["bytes_estimated"] = loss.about;
  if (loss.oldest) drops["oldest"] = broker::to_rfc3339(*loss.oldest);
  if (loss.newest) drops["newest"] = broker::to_rfc3339(*loss.newest);
  json::array cursors;
  for (const auto& cursor : loss.cursors) {
    cursors.push_back(
        json::object{{"cursor", cursor.name}, {"offset", cursor.offset}, {"loses", cursor.loses}});
  }
  json::array forks;
  for (const auto& fork : loss.forks) forks.emplace_back(fork);
  json::object out{{"topic", loss.topic}, {"dry_run", true}};
  if (loss.deleted) {
    out["deleted"] = false;
    out["producers"] = loss.producers;
  } else {
    out["keep"] = loss.kept.first.value;
    out["keeps"] = json::object{{"events", loss.kept.count()}};
  }
  out["drops"] = std::move(drops);
  out["keys"] = loss.keys;
  out["subscribers"] = loss.subscribers;
  out["cursors"] = json::object{{"count", loss.cursor_count}, {"list", std::move(cursors)}};
  out["forks"] = json::object{{"count", loss.fork_count}, {"list", std::move(forks)}};
  return out;
}

bool may_go_on(bool yes, const std::string& what) {
  if (yes || is_terminal(STDIN_FILENO)) return true;
  complain(what + " cannot be undone; --yes says that you mean it, --dry-run shows what goes");
  return false;
}

bool confirmed(const std::string& question) {
  std::cerr << question << " [y/N] " << std::flush;
  std::string typed;
  std::getline(std::cin, typed);
  return typed == "y" || typed == "yes";
}

}  // namespace tidemark::tools
