// The items of an export, one after another, into a log.
// tools/transfer/: between the reader of exports and the import of each topic.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "tools/transfer/topic_import.hpp"

namespace tidemark::tools {

/// What of a file is to be imported, and how.
struct ImportWishes {
  std::vector<std::string> topics;  ///< empty: all
  std::string as;                   ///< the name it gets; empty: its own. Pre: `topics` is one then
  bool new_epoch = false;           ///< events of another history are appended instead of refused
};

/// Threads: one.
class Importer {
 public:
  /// Called for the first topic that is wished for, so that nothing is made for a file without one.
  using Open = std::function<boost::system::result<ImportPlace, HttpFailure>()>;
  /// Gets each topic when it is through. The view dies when it returns.
  using Told = std::function<void(const ImportedTopic&)>;
  Importer(ImportWishes wishes, Open open, Told told);
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  /// The next item. Pre: it comes as ExportReader gives it. After a failure, only stop().
  Failure take(ExportItem item);
  /// Nothing comes any more, though there should: what has been taken is on disk when this returns.
  Failure stop();
  /// The export's end has been taken.
  [[nodiscard]] bool complete() const { return complete_; }
  /// The topic at hand; empty: none.
  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// Topics wished for that have not come.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// Names of the file's topics, for a suggestion; the first ones.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  Failure take_item(const ExportHead&) { return std::nullopt; }
  Failure take_item(ExportTopic topic);
  Failure take_item(const ExportEnd& end);
  template <class Item>
  Failure take_item(Item item);
  Failure finish_topic();
  Failure sync();

  const ImportWishes wishes_;
  const Open open_;
  const Told told_;
  std::optional<ImportPlace> place_;
  std::unique_ptr<TopicImport> import_;  ///< null: the topic at hand is not wished for
  std::string topic_;
  std::vector<std::string> names_;
  std::vector<std::string> come_;  ///< of those wished for
  bool complete_ = false;
};

}  // namespace tidemark::tools
