// Over HTTP: a state may be anything, so it comes and goes as bytes.
// tools/: see state.hpp.
#include "tools/state.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/base64.hpp"
#include "protocol/json_text.hpp"
#include "protocol/position_token.hpp"
#include "tools/broker_http.hpp"
#include "tools/json_values.hpp"
#include "tools/position_text.hpp"
#include "tools/terminal.hpp"

namespace tidemark::tools {
namespace json = boost::json;
namespace {

constexpr const char* kFooter = R"(
A topic's state is asked for at its state hook, made of the newest event of each key, or is what was
stored last, whichever the broker is configured for. Whoever has it goes on with the events after
its position: tidemark tail TOPIC --state does both.

Examples:
  tidemark state get orders > orders.json
  tidemark state put orders orders.json --offset 42
  make-state | tidemark state put orders --offset "$TOKEN" --content-type text/csv
  tidemark state delete orders)";

// The broker may have to ask an application first, some times, and then there is much to be sent.
constexpr std::chrono::seconds kPatience{120};

struct StateOptions {
  BrokerChoice broker;
  std::string topic;
  std::string file = "-";
  std::string offset;
  std::string content_type = "application/json";
  bool json = false;
};

std::string target_of(const StateOptions& options) { return "/v1/state/" + options.topic; }

// ---- get ----

// {"topic":…,"epoch":…,"offset":…,"token":…,"content_type":…,"data":…}: the data stands as in a
// state message, and JSON in it is kept byte for byte.
std::string as_object(const StateOptions& options, const HttpAnswer& answer, Position position) {
  std::string out = R"({"topic":)";
  append_json_string(out, options.topic);
  out += ",\"epoch\":" + std::to_string(position.epoch.value) +
         ",\"offset\":" + std::to_string(position.offset.value) + ",\"token\":";
  append_json_string(out, answer.next_offset);
  out += ",\"content_type\":";
  append_json_string(out, answer.content_type);
  auto payload = payload_of(answer.content_type);
  if (payload == Payload::text && !valid_utf8(answer.text)) payload = Payload::bytes;
  switch (payload) {
    case Payload::json:
      out += ",\"data\":" + answer.text;
      break;
    case Payload::text:
      out += ",\"data\":";
      append_json_string(out, answer.text);
      break;
    case Payload::bytes: {
      std::string encoded(base64_size(answer.text.size()), '\0');
      write_base64(answer.text, encoded.data());
      out += ",\"data_base64\":\"" + encoded + "\"";
      break;
    }
  }
  return out + "}\n";
}

int get_state(const StateOptions& options) {
  HttpAnswer answer;
  const HttpAsk ask{
      .target = target_of(options), .fields = {}, .patience = kPatience, .large = true};
  if (const auto failure = ask_broker(options.broker, ask, answer)) {
    return report(*failure, options.broker, options.topic);
  }
  const auto position = parse_token(answer.next_offset);
  if (!position) {
    complain("the answer does not say of which position it is; is this a Tidemark broker?");
    return kFailed;
  }
  if (options.json) {
    return write_all(STDOUT_FILENO, as_object(options, answer, *position)) ? kOk : kFailed;
  }
  if (!write_all(STDOUT_FILENO, answer.text)) return kFailed;
  if (is_terminal(STDOUT_FILENO) && !answer.text.ends_with('\n')) {
    static_cast<void>(write_all(STDOUT_FILENO, "\n"));
  }
  note("the state as of offset " + std::to_string(position->offset.value) +
       "; what follows it: tidemark tail " + options.topic + " " + for_tail(*position));
  return kOk;
}

// ---- put ----

/// Nothing if it cannot be read, or is more than any broker takes; says so.
std::optional<std::string> content_of(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? std::cin : opened;
  std::string out;
  std::string piece(std::size_t{64} << 10, '\0');
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    out.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (out.size() > limits::state_bytes) {
      complain(file + " is larger than a state may be, 64 MiB");
      return std::nullopt;
    }
  }
  if (!in.eof()) {
    complain("cannot read " + file);
    return std::nullopt;
  }
  return out;
}

int put_state(const StateOptions& options) {
  auto content = content_of(options.file);
  if (!content) return kFailed;
  HttpAnswer answer;
  const HttpAsk ask{
      .method = "PUT",
      .target = target_of(options),
      .body = std::move(*content),
      .content_type = options.content_type,
      // The type is told of an empty one too.
      .fields = {{"Tidemark-Offset", options.offset}, {"Content-Type", options.content_type}},
      .patience = kPatience};
  if (const auto failure = ask_broker(options.broker, ask, answer)) {
    if (failure->code == "state_outdated" && !answer.next_offset.empty()) {
      const auto stored = parse_token(answer.next_offset);
      complain(failure->text +
               (stored ? ": offset " + std::to_string(stored->offset.value) : std::string()));
      return failure->exit;
    }
    return report(*failure, options.broker, options.topic);
  }
  const std::string said = options.json ? json::serialize(answer.body)
                                        : "state of " + options.topic + " stored, as of offset " +
                                              std::to_string(number_of(answer.body, "offset"));
  return write_all(STDOUT_FILENO, said + "\n") ? kOk : kFailed;
}

// ---- delete ----

int delete_state(const StateOptions& options) {
  HttpAnswer answer;
  const auto failure = ask_broker(options.broker, "DELETE", target_of(options), {}, answer);
  if (failure) return report(*failure, options.broker, options.topic);
  static_cast<void>(write_all(STDOUT_FILENO, "state of " + options.topic + " deleted\n"));
  return kOk;
}

// ---- the command line ----

using Work = int (*)(const StateOptions&);

CLI::App* add(CLI::App& state, const char* name, const char* about,
              const std::shared_ptr<StateOptions>& options, Work work, std::function<int()>& run) {
  auto* command = state.add_subcommand(name, about);
  command->add_option("TOPIC", options->topic, "Whose state")->required();
  command->callback([options, work, &run] {
    check_broker(options->broker);
    const auto topic = TopicName::parse(options->topic);
    if (!topic) throw CLI::ValidationError("TOPIC", topic.error().message());
    if (!valid_content_type(options->content_type)) {
      throw CLI::ValidationError("--content-type",
                                 std::string(info(Errc::invalid_content_type).text));
    }
    run = [options, work] { return work(*options); };
  });
  return command;
}

void finish(CLI::App& command, const std::shared_ptr<StateOptions>& options) {
  add_broker_options(command, options->broker);
  command.footer(std::string("\n") + kExitCodes);
}

}  // namespace

void add_state(CLI::App& app, std::function<int()>& run) {
  auto* state = app.add_subcommand("state", "Read, store or remove a topic's state");
  state->require_subcommand(1);
  state->footer(std::string(kFooter) + "\n\n" + kExitCodes);
  const auto options = std::make_shared<StateOptions>();

  auto* get = add(*state, "get", "Print the state as it is, and its position on stderr", options,
                  get_state, run);
  get->add_flag("--json", options->json, "Print an object with state and position");
  finish(*get, options);

  auto* put =
      add(*state, "put", "Store a state, in place of the one there is", options, put_state, run);
  put->add_option("FILE", options->file, "What holds it; - is stdin")->capture_default_str();
  put->add_option("--offset", options->offset,
                  "The last event that is in it: its offset, or the token of its position")
      ->type_name("POSITION")
      ->required()
      ->check(check_position);
  put->add_option("--content-type", options->content_type, "What it is")
      ->type_name("TYPE")
      ->capture_default_str();
  put->add_flag("--json", options->json, "Print what is stored then as JSON");
  finish(*put, options);

  auto* remove = add(*state, "delete", "Remove what was stored", options, delete_state, run);
  finish(*remove, options);
}

}  // namespace tidemark::tools
