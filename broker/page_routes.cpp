// The web pages in the binary, over HTTP.
// broker/: see page_routes.hpp.
#include "broker/page_routes.hpp"

#include "broker/accept_encoding.hpp"
#include "broker/etag.hpp"
#include "broker/gzip_body.hpp"
#include "broker/head_fields.hpp"
#include "broker/routes.hpp"
#include "broker/url_text.hpp"

namespace tidemark::broker {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kConsole = "/console/";
constexpr std::string_view kDemo = "/demo/";
constexpr std::string_view kClient = "/client/";

// A page runs what came with it and speaks to this broker, whatever an event or a name may hold;
// no other site can frame it or get hold of its window.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

bool is_on(const PageRules& rules, std::string_view path) {
  if (path.starts_with(kConsole)) return rules.console;
  if (path.starts_with(kDemo)) return rules.demo;
  return path.starts_with(kClient) && (rules.console || rules.demo);
}

/// Where somebody who asks for `path` wants to go; empty: there.
std::string_view meant_by(std::string_view path) {
  if (path == "/" || path == "/console") return kConsole;
  return path == "/demo" ? kDemo : std::string_view();
}

HttpReply with_rules(HttpReply reply) {
  // To be asked for again each time, at the price of a 304: after an upgrade the pages are those of
  // the new broker.
  reply.cache_control = "no-cache";
  reply.add("Content-Security-Policy", kContentSecurityPolicy)
      .add("Referrer-Policy", "no-referrer")
      .add("Cross-Origin-Opener-Policy", "same-origin");
  return reply;
}

HttpReply redirection(std::string_view to) {
  auto reply = with_rules({.status = 302, .content_type = {}});
  reply.add("Location", to);
  return reply;
}

/// The tag of the compressed bytes, since they are others.
std::string gzip_etag(std::string_view etag) {
  return std::string(etag.substr(0, etag.size() - 1)) + ";gzip\"";
}

}  // namespace

ServedPages::ServedPages(std::span<const Page> pages) : pages_(pages) {
  served_.reserve(pages.size());
  for (const Page& page : pages) {
    Served served{.page = &page};
    if (worth_gzip(page.content_type, page.body.size())) served.gzip = gzipped({&page.body, 1});
    served_.push_back(std::move(served));
  }
}

const ServedPages::Served* ServedPages::find(std::string_view path) const {
  const Page* const page = find_page(pages_, path);
  if (page == nullptr) return nullptr;
  return &served_[static_cast<std::size_t>(page - pages_.data())];
}

const ServedPages& served_pages() {
  static const ServedPages pages(embedded_pages());
  return pages;
}

HttpReply page_reply(const ServedPages& pages, const PageRules& rules, const PageRequest& request) {
  const auto meant = meant_by(request.path);
  const auto path = meant.empty() ? request.path : meant;
  const auto* const served = is_on(rules, path) ? pages.find(path) : nullptr;
  if (served == nullptr) return failed(Errc::not_found);
  if (!meant.empty()) return redirection(meant);

  const Page& page = *served->page;
  const bool gzip = request.gzip && served->gzip;
  const auto etag = gzip ? gzip_etag(page.etag) : std::string(page.etag);
  const bool kept = names_etag(request.if_none_match, etag);
  auto reply = with_rules({.status = kept ? 304U : 200U, .content_type = {}});
  reply.add("ETag", etag);
  if (served->gzip) reply.add("Vary", "Accept-Encoding");
  if (kept) return reply;
  reply.content_type = page.content_type;
  if (gzip) reply.add("Content-Encoding", "gzip");
  reply.pieces = {gzip ? std::string_view(*served->gzip) : page.body};
  return reply;
}

std::optional<HttpReply> answer_page(const http::request_header<>& head, const PageRules& rules) {
  const auto path = cut_target(view(head.target())).path;
  if (path.starts_with("/v1/")) return std::nullopt;  // nearly all requests
  const Route* const route = find_route(head.method(), path).route;
  if (route == nullptr || route->endpoint != Endpoint::page) return std::nullopt;
  return page_reply(served_pages(), rules,
                    {.path = path,
                     .if_none_match = field(head, http::field::if_none_match).value_or(""),
                     .gzip = accepts_gzip(field(head, http::field::accept_encoding).value_or(""))});
}

}  // namespace tidemark::broker
