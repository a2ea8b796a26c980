// The web pages in the binary, over HTTP: which of them are served, and as what.
// broker/: HttpSession asks it first; pages need no right, and are the same for everybody.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/beast/http/message.hpp>

#include "broker/http_reply.hpp"
#include "broker/pages/pages.hpp"
#include "broker/server.hpp"

namespace tidemark::broker {

/// Pages, with what they are as gzip. Threads: any; immutable.
class ServedPages {
 public:
  struct Served {
    const Page* page = nullptr;
    std::optional<std::string> gzip = {};  ///< if that is worth it
  };

  /// Compresses them: about 7 ms per MiB. Lifetime: `pages` has to outlive it.
  explicit ServedPages(std::span<const Page> pages);
  /// As find_page.
  [[nodiscard]] const Served* find(std::string_view path) const;

 private:
  std::span<const Page> pages_;
  std::vector<Served> served_;  ///< one for each, in their order
};

/// Those in the binary; made when they are first asked for.
[[nodiscard]] const ServedPages& served_pages();

/// What is asked of a page.
struct PageRequest {
  std::string_view path;  ///< as sent: names of pages have no escapes, so none is undone
  std::string_view if_none_match = {};
  bool gzip = false;  ///< the answer may come as gzip
};

/// The page, or 304 if the client has it, both with the rules that its browser holds it to; a
/// redirection from "/" and from a folder without its slash; not_found for what is not there or
/// switched off. The client goes with the pages that use it. Lifetime: the reply points into
/// `pages`.
[[nodiscard]] HttpReply page_reply(const ServedPages& pages, const PageRules& rules,
                                   const PageRequest& request);

/// The answer to a request for a page; nullopt: its path or method is none of a page's.
[[nodiscard]] std::optional<HttpReply> answer_page(const boost::beast::http::request_header<>& head,
                                                   const PageRules& rules);

}  // namespace tidemark::broker
