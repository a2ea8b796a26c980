// By libcurl.
// broker/net/: see outbound.hpp.
#include "broker/net/outbound.hpp"

#include <string>

#include "broker/net/outbound_door.hpp"

namespace tidemark::broker {
namespace {

/// What curl's callbacks see of a transfer.
struct Transfer {
  const FetchRequest& request;
  const OutboundLimits& limits;
  OutboundDoor door;
  std::string body;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t bytes = size * count;
  if (transfer.body.size() + bytes > transfer.limits.answer_bytes) {
    transfer.door.refusal = "the answer is too large";
    return CURL_WRITEFUNC_ERROR;
  }
  transfer.body.append(data, bytes);
  return bytes;
}

int progress(void* to, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(to);
  if (!transfer.request.stop.stop_requested()) return 0;
  transfer.door.refusal = "nobody waits for it any more";
  return 1;
}

void set_bounds(const Curl& curl, Transfer& transfer) {
  set(curl, CURLOPT_URL, transfer.request.url.c_str());
  set_door(curl, transfer.door);
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(transfer.limits.connect.count()));
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(transfer.limits.whole.count()));
  set(curl, CURLOPT_WRITEFUNCTION, &take_body);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &progress);
  set(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
}

FetchFailure failure(const Transfer& transfer, CURLcode code) {
  if (!transfer.door.refusal.empty()) return {transfer.door.refusal};
  return {curl_easy_strerror(code)};
}

}  // namespace

Fetched fetch_document(const FetchRequest& request, const OutboundLimits& limits) {
  const Curl curl = new_curl();
  if (curl == nullptr) return FetchFailure{"libcurl could not begin"};
  Transfer transfer{.request = request,
                    .limits = limits,
                    .door = {.plain = is_plain(request.url),
                             .private_addresses = request.private_addresses,
                             .purpose = "a key set's URL",
                             .refusal = {}},
                    .body = {}};
  set_bounds(curl, transfer);
  const auto code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) return failure(transfer, code);
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return FetchFailure{"the answer is " + std::to_string(status)};
  return std::move(transfer.body);
}

Fetched fetch_document(const FetchRequest& request) { return fetch_document(request, {}); }

}  // namespace tidemark::broker
