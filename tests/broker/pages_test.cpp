// What is embedded is what is in the tree, and keeps to the rules that pages are served under.
// tests/: broker/pages and the build's part of it.
#include "broker/pages/pages.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark::broker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kFolders[] = {"client", "console", "demo"};

/// The files below broker/pages, by the paths they are served at.
std::map<std::string, std::string> files() {
  std::map<std::string, std::string> out;
  for (const auto folder : kFolders) {
    const fs::path root(TIDEMARK_PAGES);
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      out["/" + fs::relative(entry.path(), root).generic_string()] =
          std::string(std::istreambuf_iterator<char>(in), {});
    }
  }
  return out;
}

std::vector<Page> pages_of_type(std::string_view type) {
  std::vector<Page> out;
  for (const Page& page : embedded_pages()) {
    if (page.content_type.starts_with(type)) out.push_back(page);
  }
  return out;
}

/// What stands between each `mark` and the next `end`.
std::vector<std::string> texts_after(std::string_view body, std::string_view mark, char end) {
  std::vector<std::string> out;
  for (auto at = body.find(mark); at != std::string_view::npos; at = body.find(mark, at)) {
    at += mark.size();
    out.emplace_back(body.substr(at, body.find(end, at) - at));
  }
  return out;
}

/// Where a reference in the page at `path` leads; empty: to no file of ours.
std::string resolved(std::string_view path, const std::string& reference) {
  if (reference.empty() || reference.starts_with('#')) return {};
  if (reference.find(':') != std::string::npos) return {};  // data:, https:
  const auto place = fs::path(path).parent_path() / reference.substr(0, reference.find('#'));
  return place.lexically_normal().generic_string();
}

TEST(Pages, AreThoseOfTheTreeByteForByte) {
  const auto there = files();
  std::map<std::string, std::string> embedded;
  for (const Page& page : embedded_pages()) {
    EXPECT_TRUE(embedded.emplace(page.path, page.body).second) << page.path << " is there twice";
  }
  std::vector<std::string> names;
  for (const auto& [path, body] : there) names.push_back(path);
  std::vector<std::string> embedded_names;
  for (const auto& [path, body] : embedded) embedded_names.push_back(path);
  ASSERT_EQ(embedded_names, names);
  for (const auto& [path, body] : there) EXPECT_TRUE(embedded[path] == body) << path;
}

TEST(Pages, AreTheConsoleTheDemoAndTheClient) {
  for (const auto* path : {"/console/", "/demo/", "/client/tidemark-client.js"}) {
    EXPECT_NE(find_page(embedded_pages(), path), nullptr) << path;
  }
}

TEST(Pages, SayWhatTheyAre) {
  const std::map<std::string, std::string> types{{".html", "text/html; charset=utf-8"},
                                                 {".css", "text/css; charset=utf-8"},
                                                 {".js", "text/javascript; charset=utf-8"},
                                                 {".svg", "image/svg+xml"}};
  for (const Page& page : embedded_pages()) {
    EXPECT_FALSE(page.content_type.empty()) << page.path;
    const auto type = types.find(fs::path(page.path).extension().string());
    if (type == types.end()) continue;
    EXPECT_EQ(page.content_type, type->second) << page.path;
  }
}

TEST(Pages, HaveTagsOfTheirContents) {
  std::map<std::string_view, std::set<std::string_view>> bodies;
  for (const Page& page : embedded_pages()) {
    ASSERT_GT(page.etag.size(), 2U);
    EXPECT_TRUE(page.etag.starts_with('"') && page.etag.ends_with('"')) << page.etag;
    bodies[page.etag].insert(page.body);
  }
  for (const auto& [etag, of] : bodies) EXPECT_EQ(of.size(), 1U) << etag;
}

TEST(Pages, HoldNoScriptOrStyleTheirOwnRulesWouldStop) {
  const auto pages = pages_of_type("text/html");
  EXPECT_FALSE(pages.empty());
  for (const Page& page : pages) {
    for (const auto& tag : texts_after(page.body, "<script", '>')) {
      EXPECT_THAT(tag, HasSubstr("src=")) << page.path;
    }
    for (const auto* inline_code : {"<style", " style=", " onclick=", " onload=", " onsubmit=",
                                    " onerror=", "javascript:", "<base", "<iframe"}) {
      EXPECT_THAT(std::string(page.body), Not(HasSubstr(inline_code))) << page.path;
    }
  }
}

TEST(Pages, LeadToWhatIsThere) {
  std::size_t seen = 0;
  const auto expect_there = [&](const Page& page, const std::string& reference) {
    const auto path = resolved(page.path, reference);
    if (path.empty() || path.starts_with("/v1/")) return;
    EXPECT_NE(find_page(embedded_pages(), path), nullptr) << page.path << " needs " << reference;
    ++seen;
  };
  for (const Page& page : pages_of_type("text/html")) {
    for (const auto* mark : {" src=\"", " href=\""}) {
      for (const auto& text : texts_after(page.body, mark, '"')) expect_there(page, text);
    }
  }
  for (const Page& page : pages_of_type("text/javascript")) {
    for (const auto* mark : {" from '", "\nimport '"}) {
      for (const auto& text : texts_after(page.body, mark, '\'')) {
        if (text.ends_with(".js")) expect_there(page, text);
      }
    }
  }
  EXPECT_GT(seen, 3U) << "pages, styles and modules refer to each other";
}

// ---- finding, in a table of a test's own ----

TEST(FindPage, TakesPathsExactly) {
  const Page table[] = {{"/a/index.html", "t", "index", "\"1\""}, {"/a/b.js", "t", "b", "\"2\""}};
  const auto found = [&](std::string_view path) {
    const Page* const page = find_page(table, path);
    return page == nullptr ? std::string_view("nothing") : page->body;
  };
  EXPECT_EQ(found("/a/b.js"), "b");
  EXPECT_EQ(found("/a/"), "index");
  EXPECT_EQ(found("/a/index.html"), "index");
  for (const auto* path :
       {"", "/", "/a", "/a/b.j", "/a/b.js/", "a/b.js", "//a/b.js", "/a//", "/b/"}) {
    EXPECT_EQ(found(path), "nothing") << path;
  }
  EXPECT_EQ(find_page({}, "/a/"), nullptr);
}

}  // namespace
}  // namespace tidemark::broker
