// What sessions tell operators: on whose connection, at which request, and what came of it.
// broker/: see session_log.hpp.
#include "broker/session_log.hpp"

#include <string>

#include "broker/log/log.hpp"

namespace tidemark::broker {
namespace {

using log::Level;

/// "12", or "12.3" for the third request of connection 12.
std::string place_of(const Speaker& speaker) {
  auto place = std::to_string(speaker.connection);
  if (speaker.request > 0) place += "." + std::to_string(speaker.request);
  return place;
}

Level level_of(unsigned status) {
  if (status >= 500 && status != 503) return Level::warn;  // 503: stopping, or full
  const bool refused = status == 401 || status == 403 || status == 429 || status == 503;
  return refused ? Level::info : Level::debug;
}

std::string_view answer_name(Level level) {
  return level == Level::warn   ? "request_failed"
         : level == Level::info ? "request_refused"
                                : "request";
}

}  // namespace

void log_answer(const Speaker& speaker, std::string_view asked, const HttpReply& reply) {
  const auto level = level_of(reply.status);
  if (!log::enabled(level)) return;
  log::event(level, answer_name(level),
             {{"conn", speaker.connection},
              {"req", place_of(speaker)},
              {"client", speaker.client.str()},
              {"who", speaker.caller.name()},
              {"asked", asked},
              {"status", reply.status},
              {"code", reply.error ? info(*reply.error).name : std::string_view()}});
}

void log_refusal(const Speaker& speaker, Errc code, std::string_view topic) {
  if (!log::enabled(Level::debug)) return;
  log::event(Level::debug, "message_refused",
             {{"conn", speaker.connection},
              {"client", speaker.client.str()},
              {"who", speaker.caller.name()},
              {"topic", topic},
              {"code", info(code).name}});
}

void log_closed(const Speaker& speaker, Errc reason) {
  // What clients do by themselves, or all at once, is no news.
  const bool usual = reason == Errc::shutting_down || reason == Errc::connection_lost;
  const auto level = usual ? Level::debug : Level::info;
  if (!log::enabled(level)) return;
  log::event(level, "connection_closed",
             {{"conn", speaker.connection},
              {"client", speaker.client.str()},
              {"who", speaker.caller.name()},
              {"reason", info(reason).name}});
}

void log_auth_refused(const Speaker& speaker, const AccessRefusal& refusal) {
  if (!log::enabled(Level::info)) return;
  log::event(Level::info, "auth_refused",
             {{"conn", speaker.connection},
              {"req", place_of(speaker)},
              {"client", speaker.client.str()},
              {"code", info(refusal.code).name},
              {"why", refusal.why}});
}

}  // namespace tidemark::broker
