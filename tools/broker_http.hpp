// The broker's HTTP side, for subcommands that ask once.
// tools/: blocking; what follows or publishes uses the client library instead.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "protocol/client/credential.hpp"
#include "protocol/client/trust.hpp"
#include "tools/cli_fwd.hpp"
#include "tools/exit_code.hpp"

namespace tidemark::tools {

/// Which broker, and who we are to it.
struct BrokerChoice {
  std::string server;
  std::string token_file;  ///< holds a token or API key; empty: TIDEMARK_TOKEN does, if it is set
  std::string ca_file;     ///< see client::TrustOptions
};

/// Adds --server, whose default is TIDEMARK_SERVER or the local broker, --token-file, and
/// --ca-file, whose default is TIDEMARK_CA_FILE. There is no option for the token itself: everybody
/// can read the command lines of others.
void add_broker_options(CLI::App& command, BrokerChoice& broker);
/// For the subcommand's callback: throws CLI::ValidationError if it is no broker's URL, or if there
/// is no token, or no certificate, where one should be.
void check_broker(const BrokerChoice& broker);
/// A file is read each time anew: whatever keeps the token fresh writes it there.
[[nodiscard]] client::Credential credential_of(const BrokerChoice& broker);

[[nodiscard]] client::TrustOptions trust_of(const BrokerChoice& broker);

/// What to say behind a refusal of who we are.
inline constexpr const char* kWhoAreYou = "; --token-file or TIDEMARK_TOKEN say who you are";

/// What is asked.
struct HttpAsk {
  std::string method = "GET";
  std::string target;
  std::string body;
  std::string content_type = "application/json";            ///< of the body, if there is one
  std::vector<std::pair<std::string, std::string>> fields;  ///< further header fields
  std::chrono::seconds patience{15};
  bool large = false;  ///< the answer may be larger than 64 MiB
};

struct HttpAnswer {
  unsigned status = 0;
  boost::json::object body;  ///< empty if there is none, or it is no object
  std::string text;          ///< the body as it came
  std::string content_type;
  std::string next_offset;  ///< Stream-Next-Offset, if it is there
};

/// Why there is no useful answer.
struct HttpFailure {
  ExitCode exit = kFailed;
  std::string text;
  std::string code;  ///< the error code, if it was the broker, or the store
};

/// One request to the broker. Statuses of 400 and more are failures with the broker's own words.
[[nodiscard]] std::optional<HttpFailure> ask_broker(const BrokerChoice& broker, const HttpAsk& ask,
                                                    HttpAnswer& answer);
/// Likewise, of JSON.
[[nodiscard]] std::optional<HttpFailure> ask_broker(const BrokerChoice& broker,
                                                    std::string_view method,
                                                    const std::string& target,
                                                    const std::string& body, HttpAnswer& answer);

/// Says on stderr what is wrong; the exit code for it.
[[nodiscard]] int report(const HttpFailure& failure);
/// Likewise of a request about a topic: one that is not there is answered with the one meant.
[[nodiscard]] int report(const HttpFailure& failure, const BrokerChoice& broker,
                         const std::string& topic);

/// `text` as a parameter's value in a query.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// Calls `visit` for every topic whose name begins with `prefix`, by name, page after page, until
/// it returns false. Pre: what is in `prefix` may be in a topic's name.
[[nodiscard]] std::optional<HttpFailure> for_each_topic(
    const BrokerChoice& broker, const std::string& prefix,
    const std::function<bool(const boost::json::object&)>& visit);

/// Names of topics for a suggestion: up to some thousands, none if the broker does not answer.
[[nodiscard]] std::vector<std::string> some_topic_names(const BrokerChoice& broker);

/// "there is no topic X, did you mean Y?"
[[nodiscard]] std::string unknown_topic_text(const BrokerChoice& broker, const std::string& topic);

}  // namespace tidemark::tools
