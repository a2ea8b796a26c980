// The steps of a verification, in the order in which they are taken.
// storage/: private to the units verify_*; each step is a unit of its own.
#pragma once

#include <string>

#include "storage/verify_run.hpp"

namespace tidemark::storage {

/// Reads what the store remembers of itself. Values that do not decode are findings.
void read_store(VerifyRun& run);
/// Reads the metadata of every topic. Metadata that is damaged is a finding, and not known then.
void read_topics(VerifyRun& run);
/// Reads that of one, and of those in whose logs its events begin; false: there is no such topic.
/// What can't be read of it is a finding, and then it is there, though not known.
bool read_topic(VerifyRun& run, const std::string& name);

/// Holds topics and store against each other: ids, counts, epochs, forks. Pre: all have been read.
void judge_topics(VerifyRun& run);

/// Reads all batches; sets what is known of the topics' heads.
void check_events(VerifyRun& run);
/// Those of one topic, up to `last`. Pre: called for topics in any order, for each once.
void check_events(VerifyRun& run, KnownTopic& topic, Offset last);
/// Whether the events that forks have inherited are there. Pre: events have been read.
void check_inherited(VerifyRun& run);

/// Which topics a step is about.
struct KeysOf {
  std::string begin;
  std::string end;
};
void check_producers(VerifyRun& run, const KeysOf& keys);
void check_states(VerifyRun& run, const KeysOf& keys);
void check_cursors(VerifyRun& run, const KeysOf& keys);
/// The newest event of each key, against the events themselves.
void check_latest(VerifyRun& run, const KeysOf& keys);

}  // namespace tidemark::storage
