// Questions over HTTP, a page at a time; events by a subscription that ends where the topic does.
// tools/inspect/: see server_source.hpp.
#include "tools/inspect/server_source.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>

#include "protocol/client/client.hpp"
#include "tools/json_values.hpp"

namespace tidemark::tools {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr unsigned kTries = 5;  // to connect again, one after another

const char* const kForeign = "the answer is not one of a Tidemark broker's";

void ignore(const std::exception_ptr& /*thrown*/) {}

/// One subscription, from an offset to another, on a thread's own loop.
class Reading {
 public:
  Reading(const BrokerChoice& broker, std::string topic, EventRange range,
          const EventVisitor& visit)
      : topic_(std::move(topic)),
        range_(range),
        visit_(visit),
        client_(io_.get_executor(), options_of(broker)) {}

  Failure run() {
    std::exception_ptr thrown;
    asio::co_spawn(io_, follow(), [this, &thrown](std::exception_ptr failed) {
      thrown = std::move(failed);
      asio::co_spawn(io_, client_.close(), [this](const std::exception_ptr&) { io_.stop(); });
    });
    io_.run();
    if (thrown) std::rethrow_exception(thrown);
    return failure_;
  }

 private:
  client::ClientOptions options_of(const BrokerChoice& broker) {
    client::ClientOptions out;
    out.url = broker.server;
    out.credential = credential_of(broker);
    out.trust = trust_of(broker);
    out.backoff_max = client::milliseconds(1'000);
    out.on_status = [this](const client::Status& status) { note(status); };
    return out;
  }

  /// Somebody waits for an answer, so it does not go on trying for ever.
  void note(const client::Status& status) {
    if (std::holds_alternative<client::Connected>(status)) tries_ = 0;
    const auto* lost = std::get_if<client::Disconnected>(&status);
    if (lost == nullptr || ++tries_ < kTries) return;
    failure_ = HttpFailure{.exit = kUnreachable, .text = lost->reason.text, .code = {}};
    asio::co_spawn(io_, client_.close(), ignore);
  }

  asio::awaitable<void> follow() {
    client::SubscribeOptions wanted;
    wanted.start = StartAfter{{.epoch = {}, .offset = {range_.from.value - 1}}};
    wanted.on_gap = OnGap::earliest;
    auto subscription = client_.subscribe(topic_, wanted);
    while (!done_) {
      auto delivery = co_await subscription.next();
      if (!delivery) {
        refuse(delivery.error());
        break;
      }
      const Epoch epoch = subscription.position().epoch;
      std::visit([this, epoch](const auto& message) { take(message, epoch); }, *delivery);
    }
  }

  void refuse(const client::Refusal& refusal) {
    if (failure_) return;
    failure_ = HttpFailure{
        .exit = kRefused, .text = refusal.text, .code = std::string(info(refusal.code).name)};
  }

  void take(const Event& event, Epoch epoch) {
    if (event.offset > range_.to) {
      done_ = true;
      return;
    }
    headers_.clear();
    for (const auto& header : event.headers) pack_header(headers_, {header.name, header.value});
    const EventView view{.offset = event.offset,
                         .time = event.time,
                         .key = event.key,
                         .headers = HeadersView(headers_),
                         .data = event.data};
    const bool more = !visit_.event || visit_.event(view, epoch);
    done_ = !more || event.offset >= range_.to;
  }

  void take(const Gap& gap, Epoch) {
    Gap within = gap;
    within.lost.end = std::min(gap.lost.end, range_.to.next());
    if (visit_.gap && within.lost.first < within.lost.end) visit_.gap(within);
    done_ = gap.lost.end > range_.to;
  }

  void take(const CaughtUp&, Epoch) { done_ = true; }
  void take(const EpochNotice&, Epoch) {}
  void take(const State&, Epoch) {}
  void take(const client::TopicEnded&, Epoch) {}

  const std::string topic_;
  const EventRange range_;
  const EventVisitor& visit_;
  asio::io_context io_{1};
  client::Client client_;
  std::string headers_;
  unsigned tries_ = 0;
  bool done_ = false;
  Failure failure_;
};

class ServerSource final : public Source {
 public:
  explicit ServerSource(BrokerChoice broker) : broker_(std::move(broker)) {}

  Failure topics(const std::string& prefix, const ObjectVisitor& visit) override {
    return for_each_topic(broker_, prefix, visit);
  }

  Failure topic(const std::string& name, json::object& out) override {
    HttpAnswer answer;
    if (auto failure = ask("/v1/topics/" + percent_encoded(name), name, answer)) return failure;
    out = std::move(answer.body);
    return {};
  }

  Failure producers(const std::string& topic, const ObjectVisitor& visit) override {
    return pages("/v1/producers/" + percent_encoded(topic) + "?limit=1000", topic, "producers",
                 visit);
  }

  Failure cursors(const std::string& topic, const ObjectVisitor& visit) override {
    return pages("/v1/cursors?limit=1000&topic=" + percent_encoded(topic), topic, "cursors", visit);
  }

  Failure offset_at(const std::string& topic, Timestamp time, Offset& out) override {
    HttpAnswer answer;
    const auto ms = std::max<std::int64_t>(time.ms, 0);
    const auto target = "/v1/offsets/" + percent_encoded(topic) + "?time=" + std::to_string(ms);
    if (auto failure = ask(target, topic, answer)) return failure;
    out = {number_of(answer.body, "offset")};
    if (out.value > 0) return {};
    return HttpFailure{.exit = kFailed, .text = kForeign, .code = {}};
  }

  Failure read(const std::string& topic, EventRange range, const EventVisitor& visit) override {
    json::object about;
    if (auto failure = this->topic(topic, about)) return failure;
    range.from = std::max(range.from, Offset{1});
    range.to = std::min(range.to, Offset{number_of(about, "head")});
    if (range.from > range.to) return {};
    return Reading(broker_, topic, range, visit).run();
  }

  Failure stats(json::object& out) override {
    HttpAnswer answer;
    if (auto failure = ask_broker(broker_, "GET", "/v1/stats", {}, answer)) return failure;
    out = std::move(answer.body);
    return {};
  }

 private:
  /// One that is not there is answered with the one that may be meant.
  Failure ask(const std::string& target, const std::string& topic, HttpAnswer& answer) {
    auto failure = ask_broker(broker_, "GET", target, {}, answer);
    if (failure && failure->code == "unknown_topic") {
      failure->text = unknown_topic_text(broker_, topic);
    }
    return failure;
  }

  Failure pages(const std::string& target, const std::string& topic, const char* list,
                const ObjectVisitor& visit) {
    std::string after;
    do {
      HttpAnswer answer;
      const auto page = target + (after.empty() ? "" : "&after=" + percent_encoded(after));
      if (auto failure = ask(page, topic, answer)) return failure;
      const auto* all = answer.body.if_contains(list);
      if (all == nullptr || !all->is_array()) {
        return HttpFailure{.exit = kFailed, .text = kForeign, .code = {}};
      }
      for (const auto& each : all->get_array()) {
        if (each.is_object() && !visit(each.get_object())) return {};
      }
      after = text_of(answer.body, "next");
    } while (!after.empty());
    return {};
  }

  const BrokerChoice broker_;
};

}  // namespace

std::unique_ptr<Source> make_server_source(const BrokerChoice& broker) {
  return std::make_unique<ServerSource>(broker);
}

}  // namespace tidemark::tools
