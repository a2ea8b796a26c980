// Codes to exit codes, and sentences to go with them.
// tools/inspect/: see store_failure.hpp.
#include "tools/inspect/store_failure.hpp"

namespace tidemark::tools {
namespace {

ExitCode exit_of(Errc code) {
  switch (code) {
    case Errc::corrupt_record:
    case Errc::store_lost_data:
      return kDamaged;
    case Errc::cancelled:
      return kIncomplete;
    case Errc::unknown_topic:
    case Errc::topic_deleted:
      return kRefused;
    case Errc::disk_full:
    case Errc::storage_failed:
      return kFailed;
    default:
      return kUnreachable;
  }
}

}  // namespace

HttpFailure failure_of(const storage::OpenError& error) {
  return {
      .exit = exit_of(error.code), .text = error.text, .code = std::string(info(error.code).name)};
}

HttpFailure failure_of(Errc code, std::string_view doing) {
  // What claims to be of a later format in a store that is not has a flipped bit.
  if (code == Errc::store_newer_format) code = Errc::corrupt_record;
  return {.exit = exit_of(code),
          .text = std::string(doing) + ": " + std::string(info(code).text),
          .code = std::string(info(code).name)};
}

}  // namespace tidemark::tools
