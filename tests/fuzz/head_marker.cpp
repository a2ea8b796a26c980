// The head marker: whatever two slots hold, the newer intact one counts, and writing goes on.
// tests/fuzz/: storage/head_marker.
//
// An input is 24 bytes of the first slot, 24 of the second, then what lies between them; the first
// byte says which of them get a checksum that fits. The file is one in memory.
#include "storage/head_marker.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/bytes.hpp"
#include "tests/fuzz/sealed.hpp"

namespace tidemark::fuzz {
namespace {

constexpr std::size_t kFields = 24;
constexpr std::size_t kDistance = 4096;

/// A file in memory, and the name the marker opens it by.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : fd_(::memfd_create("HEAD", MFD_CLOEXEC)) {
    TIDEMARK_ENSURE(
        fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "a file in memory can be made");
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

std::uint64_t load_le64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string with_checksum(std::string_view fields) {
  std::string out(fields);
  append_le64(out, XXH3_64bits(fields.data(), fields.size()));
  return out;
}

/// What FORMAT.md says of a slot.
struct Slot {
  bool intact = false;
  bool newer = false;
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
};

Slot read_slot(std::string_view file, std::size_t at) {
  if (file.size() < at + kFields + 8) return {};
  const auto slot = file.substr(at, kFields + 8);
  if (!slot.starts_with("TIDEMRK") || with_checksum(slot.substr(0, kFields)) != slot) return {};
  if (static_cast<unsigned char>(slot[7]) > 1) return {.newer = true};
  return {.intact = true,
          .generation = load_le64(slot.substr(8)),
          .sequence = load_le64(slot.substr(16))};
}

void check(std::string_view bytes) {
  const MemoryFile file(bytes);
  const auto peeked = storage::HeadMarker::peek(file.path());
  const Slot slots[] = {read_slot(bytes, 0), read_slot(bytes, kDistance)};
  const bool newer = slots[0].newer || slots[1].newer;
  if (newer || (!slots[0].intact && !slots[1].intact)) {
    TIDEMARK_ENSURE(!peeked, "there is no slot to go by");
    TIDEMARK_ENSURE(peeked.errc() == (newer ? Errc::store_newer_format : Errc::corrupt_record),
                    "a later version is told from damage");
    return;
  }
  const auto& best =
      !slots[1].intact || (slots[0].intact && slots[0].generation >= slots[1].generation)
          ? slots[0]
          : slots[1];
  TIDEMARK_ENSURE(peeked && *peeked == best.sequence, "the newer intact slot counts");
  auto marker = storage::HeadMarker::open(file.path(), storage::HeadMarker::Missing::refuse);
  TIDEMARK_ENSURE(marker && (*marker)->sequence() == best.sequence, "opening reads the same");
  if (best.generation == ~std::uint64_t{0}) return;  // as many commits as there never are
  TIDEMARK_ENSURE((*marker)->write(best.sequence ^ 1U), "writing goes on");
  const auto after = storage::HeadMarker::peek(file.path());
  TIDEMARK_ENSURE(after && *after == (best.sequence ^ 1U), "what is written last counts");
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): a program of its own
  auto bytes = text_of(data, size);
  const auto how = take_byte(bytes);
  std::string file;
  for (const unsigned slot : {1U, 2U}) {
    std::string fields(bytes.substr(0, kFields));
    bytes.remove_prefix(fields.size());
    fields.resize(kFields);
    file += (how & slot) != 0 ? with_checksum(fields) : fields + std::string(8, '\0');
    if (slot == 1) file.resize(kDistance);
  }
  if ((how & 4U) != 0) file.resize(std::min<std::size_t>(file.size(), bytes.size() * 64));
  check(file);
  return 0;
}
