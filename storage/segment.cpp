// An append-only run of consecutive events in memory: see segment.hpp.
// storage/: one writer publishes by count_, readers encode frames under a lock per wire form.
#include "storage/segment.hpp"

#include <algorithm>
#include <cstring>

namespace tidemark::storage {

namespace {

// A block's ends are 32-bit; a single frame is bounded by limits::event_bytes times the worst
// escape (6 bytes for one), which stays below this too.
constexpr std::size_t kMaxBlockBytes = std::size_t{256} << 10;

}  // namespace

Segment::Segment(std::shared_ptr<const TopicFramers> framers, Epoch epoch, Offset first,
                 Capacity capacity)
    : framers_(std::move(framers)),
      epoch_(epoch),
      first_(first),
      capacity_(capacity),
      records_(std::make_unique_for_overwrite<char[]>(capacity.record_bytes)),
      ends_(std::make_unique_for_overwrite<std::uint32_t[]>(capacity.events)),
      times_(std::make_unique_for_overwrite<Timestamp[]>(capacity.events)),
      memory_(sizeof(Segment) + capacity.record_bytes +
              capacity.events * (sizeof(std::uint32_t) + sizeof(Timestamp))) {}

bool Segment::append(const BatchView& batch) {
  const std::uint32_t have = count_.load(std::memory_order_relaxed);
  const std::size_t used = have == 0 ? 0 : ends_[have - 1];
  TIDEMARK_ENSURE(batch.header().first == end() && batch.header().epoch == epoch_,
                  "a segment's events are consecutive and of one epoch");
  const std::string_view records = batch.records();
  if (used + records.size() > capacity_.record_bytes || have + batch.count() > capacity_.events) {
    return false;
  }
  std::memcpy(records_.get() + used, records.data(), records.size());
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    ends_[have + i] = static_cast<std::uint32_t>(used + batch.record_end(i));
    times_[have + i] = batch.header().time;
  }
  count_.store(have + batch.count(), std::memory_order_release);
  return true;
}

std::string_view Segment::record(std::uint32_t i) const {
  const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
  return {records_.get() + begin, ends_[i] - begin};
}

EventView Segment::view(std::uint32_t i) const {
  return decode_record(record(i), Offset{first_.value + i}, times_[i]);
}

EventView Segment::event(Offset offset) const {
  TIDEMARK_ENSURE(holds(offset), "an event is read from the segment that holds it");
  return view(static_cast<std::uint32_t>(offset.value - first_.value));
}

Offset Segment::gather(Offset from, std::size_t max_bytes,
                       std::vector<std::string_view>& out) const {
  TIDEMARK_ENSURE(holds(from), "data is gathered in the segment that holds it");
  auto i = static_cast<std::uint32_t>(from.value - first_.value);
  const std::uint32_t available = count();
  std::size_t bytes = 0;
  for (; i < available; ++i) {
    const std::string_view data = view(i).data;
    if (bytes > 0 && bytes + data.size() > max_bytes) break;
    bytes += data.size();
    if (!data.empty()) out.push_back(data);
  }
  return {first_.value + i};
}

std::size_t Segment::mean_record_bytes() const {
  const std::uint32_t available = count();
  TIDEMARK_ENSURE(available > 0, "a segment begins with a batch");
  return ends_[available - 1] / available;
}

Segment::Block& Segment::block_for(Encoded& encoded, std::size_t frame_bytes,
                                   std::uint32_t next) const {
  if (!encoded.blocks.empty()) {
    Block& last = encoded.blocks.back();
    if (last.capacity - last.used() >= frame_bytes) return last;
  }
  // As large as what the rest of the segment will probably take, so that it lies in one piece: the
  // rest of the records, plus this frame's overhead for each event that may still come.
  const std::size_t record_bytes = record(next).size();
  const std::size_t begin = next == 0 ? 0 : ends_[next - 1];
  const std::size_t left = capacity_.record_bytes - begin;
  const std::size_t events_left = std::min<std::size_t>(
      capacity_.events - next, left / std::max<std::size_t>(record_bytes, 1) + 1);
  const std::size_t wanted = std::min(events_left * frame_bytes, kMaxBlockBytes);

  Block block;
  block.capacity = std::max(wanted, frame_bytes);
  block.bytes = std::make_unique_for_overwrite<char[]>(block.capacity);
  block.first = next;
  encoded.blocks.push_back(std::move(block));
  memory_.fetch_add(encoded.blocks.back().capacity, std::memory_order_relaxed);
  return encoded.blocks.back();
}

void Segment::encode_pending(FrameForm form, Encoded& encoded) const {
  const EventFramer& framer = framers_->of(form);
  const std::uint32_t available = count();
  for (std::uint32_t i = encoded.count; i < available; ++i) {
    const EventView event = view(i);
    const std::size_t bytes = framer.size(event);
    Block& block = block_for(encoded, bytes, i);
    char* const at = block.bytes.get() + block.used();
    char* const end = framer.write(event, at);
    TIDEMARK_ENSURE(end == at + bytes, "a framer writes as many bytes as it announced");
    block.ends.push_back(static_cast<std::uint32_t>(block.used() + bytes));
  }
  encoded.count = available;
}

FrameRun Segment::frames(FrameForm form, Offset from, std::size_t max_bytes, Offset end) const {
  TIDEMARK_ENSURE(holds(from), "frames are asked of the segment that holds them");
  TIDEMARK_ENSURE(from < end, "frames are of one event at least");
  const auto index = static_cast<std::uint32_t>(from.value - first_.value);
  Encoded& encoded = encoded_[static_cast<std::size_t>(form)];
  const std::lock_guard lock(encoded.mutex);
  if (encoded.count < count()) encode_pending(form, encoded);

  auto block = std::find_if(encoded.blocks.begin(), encoded.blocks.end(),
                            [&](const Block& b) { return index < b.end(); });
  const std::uint32_t in_block = index - block->first;
  const std::size_t begin = in_block == 0 ? 0 : block->ends[in_block - 1];
  // The last event that ends within the limit; the first goes whatever its size.
  const auto wanted = static_cast<std::ptrdiff_t>(
      std::min<std::uint64_t>(block->ends.size(), in_block + (end.value - from.value)));
  const auto past = std::upper_bound(block->ends.begin() + in_block + 1,
                                     block->ends.begin() + wanted, begin + max_bytes);
  const auto last = static_cast<std::uint32_t>(past - block->ends.begin());
  return {.data = block->bytes.get() + begin,
          .bytes = block->ends[last - 1] - begin,
          .offsets = {from, Offset{first_.value + block->first + last}}};
}

}  // namespace tidemark::storage
