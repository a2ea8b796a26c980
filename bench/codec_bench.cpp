// What reading a publish and writing its answer cost, in both wire forms.
// bench/: part of micro_bench.
#include <string>

#include <benchmark/benchmark.h>

#include "protocol/codec.hpp"

namespace tidemark {
namespace {

// A JSON document of exactly `bytes` bytes.
std::string json_of(std::size_t bytes) {
  std::string text = R"({"user":4711,"room":"lobby","text":")";
  text.append(bytes - text.size() - 2, 'x');
  return text + "\"}";
}

std::string publish_of(WireForm form, std::size_t bytes) {
  const ClientMessage message =
      Publish{.id = 7,
              .topic = "chat/lobby",
              .events = {{.data = json_of(bytes), .key = {}, .headers = {}}},
              .producer = ProducerStamp{.id = "phone-1", .epoch = 0, .sequence = 41},
              .expected_last = std::nullopt,
              .content_type = {}};
  std::string out;
  encode(form, message, Payload::json, out);
  return out;
}

void decode_publish(benchmark::State& state, WireForm form) {
  const auto bytes = publish_of(form, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    auto message = decode_client(form, bytes);
    if (!message) state.SkipWithError("the publish was refused");
    benchmark::DoNotOptimize(message);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void encode_published(benchmark::State& state, WireForm form) {
  const ServerMessage message = Published{.id = 7,
                                          .topic = "chat/lobby",
                                          .epoch = Epoch{3},
                                          .offsets = {Offset{123456}, Offset{123457}},
                                          .duplicate = false};
  std::string out;
  for (auto _ : state) {
    out.clear();
    encode(form, message, Payload::json, out);
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK_CAPTURE(decode_publish, json, WireForm::json)->Arg(128)->Arg(1024);
BENCHMARK_CAPTURE(decode_publish, binary, WireForm::binary)->Arg(128)->Arg(1024);
BENCHMARK_CAPTURE(encode_published, json, WireForm::json);
BENCHMARK_CAPTURE(encode_published, binary, WireForm::binary);

}  // namespace
}  // namespace tidemark
