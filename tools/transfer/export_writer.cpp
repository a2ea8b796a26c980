// The writer of a form.
// tools/transfer/: see export_writer.hpp.
#include "tools/transfer/export_writer.hpp"

#include "tools/transfer/export_forms.hpp"

namespace tidemark::tools {

std::unique_ptr<ExportWriter> ExportWriter::make(ExportForm form) {
  return form == ExportForm::binary ? make_binary_writer() : make_ndjson_writer();
}

}  // namespace tidemark::tools
