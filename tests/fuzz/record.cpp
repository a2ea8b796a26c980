// Record batches as they lie on disk: damaged, and with a checksum that fits the damage.
// tests/fuzz/: storage/record_batch, storage/segment.
//
// An input is a batch without its checksum, of topic 7 from offset 42 on, as FORMAT.md's example.
#include <string>
#include <vector>

#include "storage/key_codec.hpp"
#include "storage/record_batch.hpp"
#include "tests/fuzz/bytes.hpp"
#include "tests/fuzz/sealed.hpp"

namespace tidemark::fuzz {
namespace {

using namespace storage;  // NOLINT(google-build-using-namespace): a program of its own

constexpr TopicId kTopic{7};
constexpr Offset kFirst{42};

NewEvent copy_of(const EventView& view) {
  NewEvent out{.data = std::string(view.data), .key = std::string(view.key), .headers = {}};
  for (const auto& header : view.headers) {
    out.headers.push_back({std::string(header.name), std::string(header.value)});
  }
  return out;
}

bool same(const EventView& a, const EventView& b) {
  return a.offset == b.offset && a.time == b.time && a.key == b.key && a.data == b.data &&
         a.headers.packed() == b.headers.packed();
}

void check_event(const EventView& event, std::string_view record) {
  TIDEMARK_ENSURE(HeadersView::valid(event.headers.packed()), "headers have their shape");
  const auto alone = parse_record(record, event.offset, event.time);
  TIDEMARK_ENSURE(alone && same(*alone, event), "a record is the same outside its batch");
  std::string again;
  append_record(again, copy_of(event));
  TIDEMARK_ENSURE(again == record, "there is one way to write a record");
  TIDEMARK_ENSURE(record_size(copy_of(event)) == record.size(), "a record's size is known before");
}

void check_events(const BatchView& batch) {
  std::uint32_t begin = 0;
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    const auto event = batch.event(i);
    const auto end = batch.record_end(i);
    TIDEMARK_ENSURE(event.offset.value == kFirst.value + i, "offsets follow one another");
    TIDEMARK_ENSURE(event.time == batch.header().time, "a batch has one time");
    check_event(event, batch.records().substr(begin, end - begin));
    begin = end;
  }
  TIDEMARK_ENSURE(begin == batch.records().size(), "no byte is in no record");
}

/// Written by the builder the events are the same, and a prefix is what it says.
void check_rebuilt(const BatchView& batch) {
  BatchBuilder builder;
  std::uint32_t taken = 0;
  for (; taken < batch.count(); ++taken) {
    const auto event = copy_of(batch.event(taken));
    if (!builder.fits(event)) break;
    builder.add(event);
  }
  const auto value = builder.finish(kTopic, batch.header());
  const auto again = BatchView::parse(kTopic, kFirst, value);
  TIDEMARK_ENSURE(again && again->count() == taken, "what is built can be read");
  const auto prefix = batch.prefix(taken);
  TIDEMARK_ENSURE(prefix.records() == again->records(), "a prefix has the records of its events");
  for (std::uint32_t i = 0; i < taken; ++i) {
    TIDEMARK_ENSURE(same(prefix.event(i), again->event(i)), "what is built reads as it was");
  }
}

void check_value(std::string_view value) {
  const auto batch = BatchView::parse(kTopic, kFirst, value);
  const auto header = peek_header(value);
  if (!batch) {
    TIDEMARK_ENSURE(
        batch.errc() == Errc::corrupt_record || batch.errc() == Errc::store_newer_format,
        "a batch is refused as damaged or newer");
    return;
  }
  TIDEMARK_ENSURE(header && header->first == kFirst && header->count == batch->count(),
                  "the header alone says the same");
  TIDEMARK_ENSURE(batch->count() > 0 && batch->stored_bytes() == value.size(), "nothing is left");
  TIDEMARK_ENSURE(!BatchView::parse(kTopic, kFirst.next(), value), "not at another offset");
  TIDEMARK_ENSURE(!BatchView::parse({kTopic.value + 1}, kFirst, value), "not in another topic");
  check_events(*batch);
  check_rebuilt(*batch);
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark;  // NOLINT(google-build-using-namespace): a program of its own
  const auto bytes = fuzz::text_of(data, size);
  fuzz::check_value(bytes);
  fuzz::check_value(fuzz::sealed(bytes, storage::event_key(fuzz::kTopic, fuzz::kFirst)));
  return 0;
}
