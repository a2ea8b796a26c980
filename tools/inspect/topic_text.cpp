// Limits, times and counts.
// tools/inspect/: see topic_text.hpp.
#include "tools/inspect/topic_text.hpp"

#include <cerrno>
#include <system_error>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "broker/shapes/rfc3339.hpp"
#include "tools/cursors.hpp"
#include "tools/exit_code.hpp"
#include "tools/json_values.hpp"
#include "tools/terminal.hpp"
#include "tools/times.hpp"

namespace tidemark::tools {

boost::json::object object_in(const boost::json::object& object, const char* member) {
  const auto* const found = object.if_contains(member);
  return found != nullptr && found->is_object() ? found->get_object() : boost::json::object();
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& more) {
  const auto plural = more.empty() ? one + "s" : more;
  return grouped(count) + " " + (count == 1 ? one : plural);
}

std::string retention_text(const boost::json::object& topic) {
  const auto limits = object_in(topic, "retention");
  std::string out;
  const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (const auto age = number_of(limits, "max_age_ms"); age > 0) add(time_behind(age));
  if (const auto bytes = number_of(limits, "max_bytes"); bytes > 0) add(size_behind(bytes));
  if (const auto events = number_of(limits, "max_events"); events > 0)
    add(counted(events, "event"));
  return out.empty() ? "everything" : out;
}

std::string time_text(const boost::json::object& object, const char* member) {
  const auto time = broker::parse_rfc3339(text_of(object, member));
  return time ? local_time(*time) : "–";
}

int not_written() {
  if (errno == EPIPE) return kOk;
  complain("the output can't be written: " +
           std::error_code(errno, std::generic_category()).message());
  return kFailed;
}

int print_out(std::string_view text) {
  return write_all(STDOUT_FILENO, text) ? kOk : not_written();
}

int print_json(const boost::json::object& object) {
  return print_out(boost::json::serialize(object) + "\n");
}

}  // namespace tidemark::tools
