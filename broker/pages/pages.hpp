// The web pages that are part of the binary: the console, the demo, and the client they are made
// of. broker/pages/: the files below it, embedded by the build; page_routes serves them.
#pragma once

#include <span>
#include <string_view>

namespace tidemark::broker {

/// A file as it is served. Lifetime: that of the program.
struct Page {
  std::string_view path;  ///< "/console/index.html": of a-z 0-9 _ - . and slashes, so no escapes
  std::string_view content_type;
  std::string_view body;
  std::string_view etag;  ///< of type and bytes, with its quotation marks
};

/// All of them, by path. Threads: any.
[[nodiscard]] std::span<const Page> embedded_pages();

/// The page of exactly this path; one that ends with a slash stands for the index.html below it.
/// nullptr: there is none.
[[nodiscard]] const Page* find_page(std::span<const Page> pages, std::string_view path);

}  // namespace tidemark::broker
