// Exports in both forms: read the same however the bytes come, and written again in either form.
// tests/fuzz/: tools/transfer's readers and writers.
//
// An input that begins with a zero byte is frames of the binary form: a type, a length of 16 bits
// and a payload each; they get their checksums here. Others are files as they stand.
#include <optional>
#include <string>

#include "tests/fuzz/bytes.hpp"
#include "tests/tools/export_samples.hpp"
#include "tools/transfer/export_layout.hpp"

namespace tidemark::fuzz {
namespace {

using tools::ExportForm;

std::string with_checksums(std::string_view frames) {
  namespace layout = tools::export_layout;
  std::string out(layout::kMagic);
  out.push_back(static_cast<char>(layout::kVersion));
  for (std::uint64_t number = 0; !frames.empty(); ++number) {
    std::string frame(1, static_cast<char>(take_byte(frames)));
    std::size_t size = take_byte(frames);
    size += std::size_t{take_byte(frames)} * 256;
    const auto payload = frames.substr(0, size);
    frames.remove_prefix(payload.size());
    layout::put(frame, payload.size(), 4);
    frame += payload;
    layout::put(frame, layout::checksum(number, frame));
    out += frame;
  }
  return out;
}

tools::ExportReader::Input in_pieces(const std::string& bytes) {
  return [&bytes, cuts = Cuts(bytes.size()), at = std::size_t{0}]() mutable {
    const auto left = bytes.size() - at;
    auto out = left == 0 ? std::string() : bytes.substr(at, cuts.next(left));
    at += out.size();
    return std::optional(std::move(out));
  };
}

void check_same_in_pieces(const std::string& bytes, const test::ReadBack& whole) {
  const auto cut = test::read_back(in_pieces(bytes));
  TIDEMARK_ENSURE(test::plain(cut.items) == test::plain(whole.items), "the items are the same");
  TIDEMARK_ENSURE(cut.fault.has_value() == whole.fault.has_value(), "and how they end");
  TIDEMARK_ENSURE(cut.whole_bytes == whole.whole_bytes, "and how far they go");
  if (!whole.fault) return;
  TIDEMARK_ENSURE(cut.fault->kind == whole.fault->kind && cut.fault->text == whole.fault->text,
                  "and what is said of it");
}

/// Lines are events one by one, so they do not tell how a binary file had them together.
void check_written(const std::vector<tools::ExportItem>& items) {
  const auto text = test::written(ExportForm::ndjson, items);
  for (const auto form : {ExportForm::ndjson, ExportForm::binary}) {
    const auto bytes = test::written(form, items);
    const auto again = test::read_back(test::input_of(bytes));
    TIDEMARK_ENSURE(!again.fault, "what is written can be read");
    TIDEMARK_ENSURE(again.whole_bytes == bytes.size(), "to its end");
    TIDEMARK_ENSURE(test::written(ExportForm::ndjson, again.items) == text,
                    "what is written reads as it was, in either form");
  }
}

void check(const std::string& bytes) {
  const auto whole = test::read_back(test::input_of(bytes));
  TIDEMARK_ENSURE(whole.whole_bytes <= bytes.size(), "no more is whole than there is");
  if (whole.fault) {
    TIDEMARK_ENSURE(!whole.fault->text.empty(), "what is wrong is said");
    TIDEMARK_ENSURE(!whole.is(tools::ExportFault::Kind::unread), "it could be read");
  }
  check_same_in_pieces(bytes, whole);
  if (!whole.fault) check_written(whole.items);
}

}  // namespace
}  // namespace tidemark::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemark::fuzz;  // NOLINT(google-build-using-namespace): a program of its own
  const auto bytes = text_of(data, size);
  check(bytes.starts_with('\0') ? with_checksums(bytes.substr(1)) : std::string(bytes));
  return 0;
}
