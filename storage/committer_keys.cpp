// The newest event of each key: kept with the events, bounded, and read as of a group's end.
// storage/: a part of the committer; see committer.hpp.
#include <algorithm>
#include <utility>

#include "storage/committer_group.hpp"

namespace tidemark::storage {

namespace {

/// Gives its place among the open readers back when it goes.
class CountedReader final : public KeyReader {
 public:
  CountedReader(std::unique_ptr<KeyReader> reader, std::shared_ptr<std::atomic<std::size_t>> open)
      : reader_(std::move(reader)), open_(std::move(open)) {
    open_->fetch_add(1);
  }
  ~CountedReader() override {
    reader_.reset();
    open_->fetch_sub(1);
  }
  CountedReader(const CountedReader&) = delete;
  CountedReader& operator=(const CountedReader&) = delete;

  [[nodiscard]] Position position() const override { return reader_->position(); }
  Result<bool> read(const Visit& visit) override { return reader_->read(visit); }

 private:
  std::unique_ptr<KeyReader> reader_;
  const std::shared_ptr<std::atomic<std::size_t>> open_;  ///< readers may outlive the committer
};

}  // namespace

// ---- keeping ----

/// Whether the topic may have the keys of these events too. Pre: they passed check_event.
bool Committer::has_room_for_keys(Staged& staged, PublishRequest& request) {
  if (!staged.meta.settings.keep_latest) return true;
  // Of a topic that begins in this group the log has nothing.
  if (staged.topic) {
    if (auto known = staged.keys.look_up(log_, staged.meta.id, request.events); !known) {
      refuse(request, known.errc());
      return false;
    }
  }
  if (may_have_keys(staged.meta.keys + request.events.size())) return true;
  const std::int64_t growth = staged.keys.growth(request.events, staged.payload);
  // What adds none is not refused, however many there are: the limit may have been lowered.
  if (growth <= 0 || may_have_keys(staged.meta.keys + static_cast<std::uint64_t>(growth)))
    return true;
  refuse(request, Errc::too_many_keys);
  return false;
}

bool Committer::may_have_keys(std::uint64_t keys) const { return keys <= options_.max_keys; }

/// Pre: the event has just been given the last offset.
void Committer::keep_latest(Staged& staged, const NewEvent& event) {
  const int growth = staged.keys.append(event, staged.tail.head, staged.time, staged.payload);
  if (growth == 0) return;
  // Stored with the keys themselves, so that a crash leaves the two as they belong together.
  staged.meta.keys =
      growth > 0 ? staged.meta.keys + 1 : std::max<std::uint64_t>(staged.meta.keys, 1) - 1;
  staged.changed = true;
}

/// Whether what is wished of TopicSettings::keep_latest can be; if not, the request is refused.
bool Committer::admit_keep_latest(const Staged& staged, ConfigureRequest& request) {
  if (!request.keep_latest.value_or(false) || staged.meta.settings.keep_latest) return true;
  // What has been published is not looked through for keys, and may be trimmed already.
  if (staged.tail.head == Offset{0} && !staged.meta.origin) return true;
  refuse(request, Errc::needs_empty_topic);
  return false;
}

/// The topic keeps the latest no more.
void Committer::forget_keys(Group& group, Staged& staged) {
  staged.meta.settings.keep_latest = false;
  staged.meta.keys = 0;
  staged.keys.clear();
  staged.changed = true;
  group.commit.forgotten_keys.push_back(staged.meta.id);
}

// ---- reading ----

/// Only judged here: it is carried out when the group has been committed, since it is to see what
/// was asked for before it, and nothing that is not stored.
void Committer::stage_read_keys(Group& group, ReadKeysRequest& request) {
  if (find_staged(group, request) != nullptr) group.key_readers.push_back(&request);
}

/// Pre: the group's topics are in the log as they are staged.
void Committer::open_key_readers(Group& group) {
  for (ReadKeysRequest* const request : group.key_readers) {
    const auto& staged = group.staged.at(request->topic);
    TIDEMARK_ENSURE(staged != nullptr, "what a group reads it does not remove");
    open_key_reader(*staged, *request);
  }
}

void Committer::open_key_reader(const Staged& staged, ReadKeysRequest& request) {
  if (!staged.meta.settings.keep_latest) return refuse(request, Errc::no_state);
  // Only this thread opens any, so there can't be more of them after this than it says.
  if (open_key_readers_->load() >= options_.max_key_readers) {
    return refuse(request, Errc::overloaded, "as many states are being read as may be");
  }
  auto reader = log_.read_keys(staged.meta.id, position_at(staged.meta.lineage, staged.tail.head));
  if (!reader) return refuse(request, reader.errc());
  request.reader = std::make_unique<CountedReader>(std::move(*reader), open_key_readers_);
}

}  // namespace tidemark::storage
