// Names of the messages' enumerators.
// protocol/: see messages.hpp.
#include "protocol/messages.hpp"

namespace tidemark {

std::string_view to_string(GapCause cause) {
  switch (cause) {
    case GapCause::count:
      return "count";
    case GapCause::bytes:
      return "bytes";
    case GapCause::age:
      return "age";
    case GapCause::trimmed:
      return "trimmed";
    case GapCause::epoch:
      return "epoch";
    case GapCause::ahead:
      return "ahead";
    case GapCause::corrupt:
      return "corrupt";
  }
  TIDEMARK_ENSURE(false, "a gap cause is one of its enumerators");
  return {};
}

}  // namespace tidemark
