// The two forms of an export, each with its writer and its reader.
// tools/transfer/: private to the units export_*; others use export_writer.hpp, export_reader.hpp.
#pragma once

#include <memory>

#include "tools/transfer/export_input.hpp"
#include "tools/transfer/export_reader.hpp"
#include "tools/transfer/export_writer.hpp"

namespace tidemark::tools {

[[nodiscard]] std::unique_ptr<ExportWriter> make_ndjson_writer();
[[nodiscard]] std::unique_ptr<ExportWriter> make_binary_writer();

/// Pre: the input stands at the file's first byte, which is '{'. Errors: as ExportReader::open.
[[nodiscard]] boost::system::result<std::unique_ptr<ExportReader>, ExportFault> make_ndjson_reader(
    ExportInput input);
/// Pre: the input stands behind magic and version.
[[nodiscard]] std::unique_ptr<ExportReader> make_binary_reader(ExportInput input);

}  // namespace tidemark::tools
