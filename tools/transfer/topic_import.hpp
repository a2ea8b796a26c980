// One topic of an export into a log: made anew, gone on with, appended, or refused.
// tools/transfer/: the importer has one of these for the topic it is at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log.hpp"
#include "storage/repair_history.hpp"
#include "tools/inspect/source.hpp"
#include "tools/transfer/export_items.hpp"
#include "tools/transfer/history_writer.hpp"
#include "tools/transfer/import_history.hpp"

namespace tidemark::tools {

/// What became of a topic.
struct ImportedTopic {
  enum class Did : std::uint8_t {
    created,    ///< it was not there
    continued,  ///< it was there, and got what it lacked
    appended,   ///< it was there with another history, and got the events under a new epoch
    unchanged,  ///< it was there with all of it
    refused,    ///< it was there with another history
  };
  std::string topic;  ///< its name in the file
  std::string name;   ///< its name in the log
  Did did = Did::unchanged;
  std::uint64_t events = 0;        ///< written, or to be written
  std::uint64_t lost = 0;          ///< that would have been, and are gaps in the file
  std::string why;                 ///< a clause: refused
  std::vector<std::string> notes;  ///< clauses
};
[[nodiscard]] std::string_view to_string(ImportedTopic::Did did);

/// Where it goes.
struct ImportPlace {
  storage::Log* log = nullptr;      ///< null: there is nothing yet
  HistoryWriter* writer = nullptr;  ///< null: nothing is written
};

/// Takes what the file has of the topic, in order. Failures end the import: the log's, and what in
/// the file cannot be. Threads: one.
class TopicImport {
 public:
  /// `name`: in the log, and one that a topic can have. `new_epoch`: instead of refusing.
  TopicImport(ImportPlace place, ExportTopic file, std::string name, bool new_epoch);
  TopicImport(const TopicImport&) = delete;
  TopicImport& operator=(const TopicImport&) = delete;

  /// First. Looks at what there is.
  Failure begin();
  Failure take(ExportEvents events);
  Failure take(const ExportGap& gap);
  Failure take(const ExportKey& key);
  Failure take(const ExportProducer& producer);
  Failure take(const ExportCursor& cursor);
  Failure take(const ExportState& state);
  /// Last, when all of it has been taken. What has been written need not be committed yet.
  Failure finish();

  [[nodiscard]] const ImportedTopic& outcome() const { return outcome_; }

 private:
  enum class Mode : std::uint8_t {
    comparing,  ///< with what is there, up to where that ends
    writing,    ///< what follows is written as it is
    appending,  ///< what follows is written behind what is there
    leaving,    ///< nothing is written
  };

  Failure begin_new();
  Failure begin_beside();
  void refuse(std::string why);
  void refuse_history();
  Failure damaged(const std::string& what) const;
  Failure failed(Errc code, std::string_view doing) const;

  // events
  Failure compare(const ExportEvents& events);
  Failure decide();
  Failure cross(ExportEvents& events);
  std::optional<Epoch> place_events(OffsetRange offsets, Epoch epoch);
  Failure write(ExportEvents events, Epoch epoch);
  Failure append(ExportEvents events);
  Failure finish_events();
  Failure close_history();
  Failure enter();
  [[nodiscard]] HistoryView view_there() const { return {there_->meta.lineage, there_->tail.head}; }
  [[nodiscard]] HistoryView view_file() const { return {file_.lineage, file_.head}; }

  // what is beside them
  /// Whether what stands beside the events is to be written.
  boost::system::result<bool, HttpFailure> takes_beside();
  [[nodiscard]] Position moved(Position position) const;
  [[nodiscard]] bool is_of_history(Position position) const;
  [[nodiscard]] bool goes_further(const std::optional<Position>& there, Position to) const;
  void note_beside();
  Failure written(const Result<void>& result) const;

  const ImportPlace place_;
  ExportTopic file_;
  const bool new_epoch_;
  ImportedTopic outcome_;
  Mode mode_ = Mode::leaving;
  std::optional<storage::LoadedTopic> there_;
  storage::TopicMeta meta_;  ///< as it becomes; but for its keys, which the writer counts
  bool entered_ = false;     ///< the writer has it
  std::uint64_t seed_ = 0;
  storage::RepairedHistory history_;
  Timestamp last_time_;
  bool trailing_gap_ = false;  ///< nothing has come behind one
  bool events_over_ = false;
  bool keys_begun_ = false;  ///< what the events make of the keys can be looked up
  bool left_out_ = false;    ///< what is beside the events
};

}  // namespace tidemark::tools
