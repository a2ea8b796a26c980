// Answers of the HTTP API: JSON, and failures as problem details.
// broker/: see api_reply.hpp.
#include "broker/api_reply.hpp"

#include <utility>

#include <boost/beast/http/status.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace tidemark::broker {

namespace json = boost::json;

namespace {

json::string_view view(std::string_view text) { return {text.data(), text.size()}; }

json::object describe(const Gap& gap) {
  return {{"first", gap.lost.first.value},       {"end", gap.lost.end.value},
          {"cause", view(to_string(gap.cause))}, {"epoch", gap.epoch.value},
          {"earliest", gap.earliest.value},      {"head", gap.head.value}};
}

}  // namespace

ApiReply json_reply(const json::value& body, unsigned status) {
  return {.status = status, .body = json::serialize(body) + "\n"};
}

ApiReply error_reply(const Problem& problem) {
  namespace http = boost::beast::http;
  const auto& row = info(problem.code);
  const unsigned status = problem.status == 0 ? row.http_status : problem.status;
  // RFC 9457, 4.2.1: a problem of no type of its own has the status' name for its title.
  const auto title = http::obsolete_reason(static_cast<http::status>(status));
  json::object body{{"type", "about:blank"},
                    {"title", json::string_view(title.data(), title.size())},
                    {"status", status},
                    {"detail", view(problem.detail.empty() ? row.text : problem.detail)},
                    {"code", view(row.name)}};
  if (problem.head) body["head"] = problem.head->value;
  if (problem.expected_sequence) body["expected_sequence"] = *problem.expected_sequence;
  if (problem.producer_epoch) body["producer_epoch"] = *problem.producer_epoch;
  if (problem.retry_after_ms) body["retry_after_ms"] = *problem.retry_after_ms;
  if (problem.gap) body["gap"] = describe(*problem.gap);
  auto reply = json_reply(body, status);
  reply.content_type = kProblemType;
  reply.error = problem.code;
  reply.retry_after_ms = problem.retry_after_ms;
  return reply;
}

ApiReply error_reply(Errc code, std::string_view detail) {
  return error_reply(Problem{.code = code, .detail = detail});
}

ApiReply error_reply(unsigned status, Errc code, std::string_view detail) {
  return error_reply(Problem{.code = code, .detail = detail, .status = status});
}

}  // namespace tidemark::broker
