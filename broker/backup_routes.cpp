// Backups over HTTP, for those who run the broker.
// broker/: see backup_routes.hpp.
#include "broker/backup_routes.hpp"

#include <memory>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/json_members.hpp"
#include "broker/query.hpp"
#include "broker/shapes/rfc3339.hpp"

namespace tidemark::broker {

namespace json = boost::json;

namespace {

using Respond = std::function<void(ApiReply)>;

constexpr std::string_view kNameFault =
    "a backup's name is 1 to 64 of A-Z a-z 0-9 . _ - and does not begin with a dot";

ApiReply malformed(std::string_view text) { return error_reply(Errc::malformed_message, text); }
ApiReply failed_reply(const BackupFailure& failure) {
  return error_reply(failure.code, failure.text);
}

json::object describe(const Backup& backup) {
  return {{"name", backup.name},
          {"created", to_rfc3339(backup.note.time)},
          {"bytes", backup.note.bytes()},
          {"topics", backup.note.topics},
          {"path", backup.path.string()}};
}

// ---- these block on the disk ----

ApiReply list(const Backups& backups) {
  const auto found = backups.list();
  if (const auto* const fault = std::get_if<BackupFailure>(&found)) return failed_reply(*fault);
  json::array all;
  for (const auto& backup : std::get<std::vector<Backup>>(found)) all.push_back(describe(backup));
  json::object body;
  body["backups"] = std::move(all);
  return json_reply(body);
}

ApiReply remove(Backups& backups, const std::string& name) {
  const auto fault = backups.remove(name);
  return fault ? failed_reply(*fault) : ApiReply{.status = 204, .body = {}};
}

// ---- routing ----

void later(ConnectionGroup& group, Respond respond, std::function<ApiReply(Backups&)> make) {
  auto reply = std::make_shared<ApiReply>();
  group.shard().run_blocking([reply, &backups = group.network().backups,
                              make = std::move(make)] { *reply = make(backups); },
                             [reply, respond = std::move(respond)] { respond(std::move(*reply)); });
}

/// The name that a body has for a new backup; empty: none. Else `fault` says what is wrong.
std::string read_name(const std::string& body, std::string& fault) {
  if (body.empty()) return {};
  auto object = parse_object(body, fault);
  if (!object) return {};
  JsonMembers members(std::move(*object), "backup");
  auto name = members.text("name");
  if (name && !check_backup_name(*name)) fault = kNameFault;
  if (auto other = members.finish(); !other.empty()) fault = std::move(other);
  return std::move(name).value_or("");
}

void make(ConnectionGroup& group, const ApiRequest& request, Respond respond) {
  if (const Query query(request.target, {}); !query.fault().empty()) {
    return respond(malformed(query.fault()));
  }
  std::string fault;
  auto name = read_name(request.body, fault);
  if (!fault.empty()) return respond(malformed(fault));
  if (name.empty()) name = backup_name(group.wall_now());
  // Nothing of the session stays on the other thread: it ends on its shard's.
  const auto done = [link = group.shard().link(), respond](Backups::Made made) mutable {
    link->post([respond = std::move(respond), made = std::move(made)] {
      const auto* const backup = std::get_if<Backup>(&made);
      respond(backup != nullptr ? json_reply(describe(*backup), 201)
                                : failed_reply(std::get<BackupFailure>(made)));
    });
  };
  const auto begun = group.network().backups.make(std::move(name), done);
  if (!begun) respond(error_reply(begun.errc()));
}

void erase(ConnectionGroup& group, const ApiRequest& request, Respond respond) {
  const Query query(request.target, {"name"});
  if (!query.fault().empty()) return respond(malformed(query.fault()));
  auto name = query.find("name").value_or("");
  if (!check_backup_name(name)) return respond(malformed(kNameFault));
  later(group, std::move(respond),
        [name = std::move(name)](Backups& backups) { return remove(backups, name); });
}

}  // namespace

void answer_backups(ConnectionGroup& group, const ApiRequest& request, const Routed& routed,
                    Respond respond) {
  if (!from_operator(request)) return respond(error_reply(Errc::forbidden));
  if (!group.network().backups.possible()) {
    return respond(error_reply(Errc::not_found, "this broker makes no backups"));
  }
  if (routed.route->endpoint == Endpoint::make_backup) {
    return make(group, request, std::move(respond));
  }
  if (routed.route->endpoint == Endpoint::delete_backup) {
    return erase(group, request, std::move(respond));
  }
  if (const Query query(request.target, {}); !query.fault().empty()) {
    return respond(malformed(query.fault()));
  }
  later(group, std::move(respond), [](Backups& backups) { return list(backups); });
}

}  // namespace tidemark::broker
