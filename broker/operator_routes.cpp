// What is for those who run the broker: see operator_routes.hpp.
// broker/: looks at what there is and says it; changes nothing.
#include "broker/operator_routes.hpp"

#include <array>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "broker/gzip_body.hpp"
#include "broker/metrics/collect.hpp"

namespace tidemark::broker {

namespace json = boost::json;

ApiReply ready_reply(Network& network) {
  auto& store = network.hub.store();
  json::array reasons;
  json::array warnings;
  if (network.stopping) reasons.emplace_back("draining");
  if (store.stats().failing) reasons.emplace_back("recovering");
  if (store.space().refusing) warnings.emplace_back("disk_full");
  const bool ready = reasons.empty();
  return json_reply({{"ready", ready}, {"reasons", reasons}, {"warnings", warnings}},
                    ready ? 200 : 503);
}

ApiReply metrics_reply(Network& network, bool gzip) {
  ApiReply reply{
      .status = 200, .body = to_text(collect_metrics(network)), .content_type = kMetricsType};
  if (!gzip) return reply;
  const std::array<std::string_view, 1> whole{reply.body};
  if (auto packed = gzipped(whole)) {
    reply.body = std::move(*packed);
    reply.content_encoding = "gzip";
  }
  return reply;
}

}  // namespace tidemark::broker
