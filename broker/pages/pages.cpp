// Finding a page by its path.
// broker/pages/: see pages.hpp.
#include "broker/pages/pages.hpp"

namespace tidemark::broker {
namespace {

constexpr std::string_view kIndex = "index.html";

bool is_at(const Page& page, std::string_view path) {
  if (!path.ends_with('/')) return page.path == path;
  return page.path.size() == path.size() + kIndex.size() && page.path.starts_with(path) &&
         page.path.ends_with(kIndex);
}

}  // namespace

const Page* find_page(std::span<const Page> pages, std::string_view path) {
  // There are few of them, and none is asked for often.
  for (const Page& page : pages) {
    if (is_at(page, path)) return &page;
  }
  return nullptr;
}

}  // namespace tidemark::broker
