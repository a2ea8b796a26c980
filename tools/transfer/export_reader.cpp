// Which form it is, by the first bytes.
// tools/transfer/: see export_reader.hpp.
#include "tools/transfer/export_reader.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "tools/transfer/export_forms.hpp"
#include "tools/transfer/export_layout.hpp"

namespace tidemark::tools {
namespace {

using Opened = boost::system::result<std::unique_ptr<ExportReader>, ExportFault>;
using Kind = ExportFault::Kind;

ExportFault fault(Kind kind, std::string text) { return {.kind = kind, .text = std::move(text)}; }

Opened open_binary(ExportInput input) {
  const auto version = static_cast<unsigned char>(input.bytes()[export_layout::kMagic.size()]);
  if (version > export_layout::kVersion) {
    return fault(Kind::newer, "it is an export of version " + std::to_string(version) +
                                  ", this Tidemark knows those up to version " +
                                  std::to_string(export_layout::kVersion));
  }
  if (version == 0) return fault(Kind::foreign, "it is no export of Tidemark");
  input.drop(export_layout::kMagic.size() + 1);
  return make_binary_reader(std::move(input));
}

}  // namespace

Opened ExportReader::open(Input input) {
  constexpr auto kMagic = export_layout::kMagic;
  ExportInput in(std::move(input));
  const bool enough = in.want(kMagic.size() + 1);
  if (in.failed()) return fault(Kind::unread, "its first bytes can't be read");
  const auto begin = in.bytes();
  if (begin.empty()) return fault(Kind::cut, "it is empty");
  if (begin.front() == '{') return make_ndjson_reader(std::move(in));
  if (!kMagic.starts_with(begin.substr(0, kMagic.size()))) {
    return fault(Kind::foreign, "it is no export of Tidemark");
  }
  if (!enough) return fault(Kind::cut, "it ends within its first bytes");
  return open_binary(std::move(in));
}

}  // namespace tidemark::tools
