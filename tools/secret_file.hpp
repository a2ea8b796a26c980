// Secrets in files: read from one or stdin, written so that nobody else can read them.
// tools/: for `tidemark token`.
#pragma once

#include <optional>
#include <string>

namespace tidemark::tools {

/// The bytes of a file, or of stdin for "-"; at most 1 MiB. nullopt: it could not be read, which
/// has been complained of.
[[nodiscard]] std::optional<std::string> read_secret(const std::string& path);

/// Makes a new file of this mode. False: there is one already, or it failed; complained of.
[[nodiscard]] bool write_new_file(const std::string& path, const std::string& bytes, unsigned mode);

}  // namespace tidemark::tools
