// The table's part about access: who may do what, and how they show who they are.
// broker/config/: see option_table.hpp; what it means is in broker/access/.
#include <algorithm>

#include "broker/config/option_table.hpp"

namespace tidemark::broker::config {
namespace {

constexpr std::uint64_t kSecond = 1'000;

ApiKeyRule& api_key(Settings& s) { return s.access.api_keys.back(); }
TokenKeyRule& token_key(Settings& s) { return s.access.token_keys.back(); }
KeySetRule& key_set(Settings& s) { return s.access.key_sets.back(); }

std::string check_hash(const std::string& text) {
  const auto digits = std::string_view(text).substr(std::min<std::size_t>(text.size(), 7));
  const bool good =
      text.starts_with("sha256:") && digits.size() == 64 && std::ranges::all_of(digits, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      });
  // Without saying what stands there: it may be the key itself.
  return good ? "" : "is not \"sha256:\" and 64 digits in lower case; tidemark token key makes one";
}

std::string check_not_empty(const std::string& text) { return text.empty() ? "is empty" : ""; }

std::string check_cookie(const std::string& text) {
  const bool good =
      text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return c > ' ' && c < 0x7F &&
               std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
      });
  return good ? "" : in_quotes(text) + " is no name of a cookie";
}

std::vector<Option> grants(const std::string& key, Grants& (*place)(Settings&)) {
  const std::string patterns =
      ": patterns of topic names; * is one segment, ** at the end any number, ! takes away";
  return {
      texts_option(
          key + ".publish", [place](Settings & s) -> auto& { return place(s).publish; },
          "Topics that may be published to" + patterns),
      texts_option(
          key + ".subscribe", [place](Settings & s) -> auto& { return place(s).subscribe; },
          "Topics that may be read" + patterns),
      texts_option(
          key + ".manage", [place](Settings & s) -> auto& { return place(s).manage; },
          "Topics that may be created, changed and deleted" + patterns),
  };
}

Section api_keys() {
  Section out{.key = "access.api-keys",
              .help = "Keys for servers; tidemark token key makes one",
              .reloadable = true,
              .unique = "name",
              .begin = [](Settings& s) { s.access.api_keys.emplace_back(); }};
  out.fields = {
      checked(needed(text_option(
                  "access.api-keys.name", "orders-server",
                  [](Settings & s) -> auto& { return api_key(s).name; }, "Its name in logs")),
              check_not_empty),
      unshown(checked(needed(text_option(
                          "access.api-keys.hash", "sha256:" + std::string(64, '0'),
                          [](Settings & s) -> auto& { return api_key(s).hash; },
                          "sha256: and the digest of the key in hexadecimal digits")),
                      check_hash)),
  };
  for (auto& grant : grants(
           "access.api-keys", +[](Settings& s) -> Grants& { return api_key(s).grants; })) {
    out.fields.push_back(std::move(grant));
  }
  return out;
}

Section token_keys() {
  Section out{.key = "access.token-keys",
              .help = "Keys that tokens (JWT) are signed with",
              .reloadable = true,
              .begin = [](Settings& s) { s.access.token_keys.emplace_back(); }};
  out.fields = {
      text_option(
          "access.token-keys.id", "", [](Settings & s) -> auto& { return token_key(s).id; },
          "The kid of its tokens; empty: it is tried for tokens without one"),
      needed(choice_option(
          "access.token-keys.algorithm", {"EdDSA", "ES256", "RS256", "HS256"},
          [](const std::string& name, Settings& s) { token_key(s).algorithm = name; },
          "The one algorithm its tokens are signed by")),
      checked(needed(path_option(
                  "access.token-keys.file", [](Settings & s) -> auto& { return token_key(s).file; },
                  "PEM (public key or certificate), JWK, or for HS256 the secret's bytes, at least "
                  "32")),
              check_not_empty),
  };
  return out;
}

Section key_sets() {
  Section out{.key = "access.key-sets",
              .help = "Sets of keys (JWKS) an issuer of tokens changes by itself",
              .reloadable = true,
              .begin = [](Settings& s) { s.access.key_sets.emplace_back(); }};
  out.fields = {
      unshown(text_option(
          "access.key-sets.url", "", [](Settings & s) -> auto& { return key_set(s).url; },
          "Where it is fetched from, https; this or file")),
      path_option(
          "access.key-sets.file", [](Settings & s) -> auto& { return key_set(s).file; },
          "Where it is; this or url"),
      text_option(
          "access.key-sets.issuer", "", [](Settings & s) -> auto& { return key_set(s).issuer; },
          "Its keys are for tokens of this issuer; empty: for all"),
      time_option(
          "access.key-sets.refresh", "10m", {10 * kSecond, 7 * 86'400 * kSecond},
          +[](Settings & s) -> auto& { return key_set(s).refresh; },
          "How often it is looked at again"),
  };
  return out;
}

std::vector<Option> tokens() {
  return {
      text_option(
          "access.issuer", "", [](Settings & s) -> auto& { return s.access.issuer; },
          "Whose tokens are taken: their iss; empty: anybody's whose key is known"),
      texts_option(
          "access.audience", [](Settings & s) -> auto& { return s.access.audience; },
          "A token's aud has to name one of these; none: it is not looked at"),
      time_option(
          "access.leeway", "30s", {0, 60 * kSecond},
          +[](Settings & s) -> auto& { return s.access.leeway; },
          "How far the clocks of others may be off"),
      bytes_option(
          "access.token-bytes", "8KiB", {256, 64 << 10},
          +[](Settings & s) -> auto& { return s.access.token_bytes; },
          "A longer token is refused unread"),
      checked(text_option(
                  "access.cookie", "", [](Settings & s) -> auto& { return s.access.cookie; },
                  "Name of the cookie a token may come in; empty: none"),
              check_cookie),
      flag_option(
          "access.query-token", [](Settings & s) -> auto& { return s.access.query_token; },
          "May a token come as the query's access_token? For EventSource; others log addresses"),
      time_option(
          "access.expiry-notice", "60s", {0, 86'400 * kSecond},
          +[](Settings & s) -> auto& { return s.access.expiry_notice; },
          "So long before its token expires a client is told"),
  };
}

std::vector<Option> withdrawal() {
  return {
      texts_option(
          "access.revoked-subjects",
          [](Settings & s) -> auto& { return s.access.revoked_subjects; },
          "Tokens with this sub are refused, connections with one closed"),
      texts_option(
          "access.revoked-tokens", [](Settings & s) -> auto& { return s.access.revoked_tokens; },
          "The same for single tokens, by their jti"),
      flag_option(
          "access.private-key-urls",
          [](Settings & s) -> auto& { return s.access.private_key_urls; },
          "May URLs of key sets lead to private addresses, and be http?"),
  };
}

}  // namespace

std::vector<Option> access_options() {
  std::vector<Option> out;
  for (auto part :
       {tokens(), withdrawal(),
        grants(
            "access.anonymous", +[](Settings& s) -> Grants& { return s.access.anonymous; })}) {
    for (auto& option : part) out.push_back(live(std::move(option)));
  }
  return out;
}

std::vector<Section> access_sections() { return {api_keys(), token_keys(), key_sets()}; }

std::vector<Option> log_options() {
  return {
      live(choice_option(
          "log.level", {"info", "trace", "debug", "warn", "error"},
          [](const std::string& name, Settings& s) {
            s.log_level = log::level_named(name).value_or(log::Level::info);
          },
          "What is logged, and what is graver; SIGUSR1 logs one level more, SIGUSR2 one less, "
          "until "
          "the next SIGHUP")),
      live(choice_option(
          "log.format", {"auto", "logfmt", "json"},
          [](const std::string& name, Settings& s) {
            s.log_format = log::format_named(name).value_or(log::Format::automatic);
          },
          "auto is logfmt, with priorities where stderr is the journal")),
  };
}

}  // namespace tidemark::broker::config
