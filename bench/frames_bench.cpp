// What building the ready frame of an event costs: done once per event and wire form, not per
// reader.
// bench/: part of micro_bench.
#include <string>

#include <benchmark/benchmark.h>

#include "protocol/frames.hpp"

namespace tidemark {
namespace {

// Fits every kind of payload: valid JSON and text, with the escapes a JSON document as text needs.
std::string data_of(std::size_t bytes) {
  std::string text = R"({"user":4711,"room":"lobby","text":")";
  text.append(bytes - text.size() - 2, 'x');
  return text + "\"}";
}

struct Kind {
  FrameForm form;
  Payload payload;
};

// As a segment does it: first the room, then the bytes.
void write_frame(benchmark::State& state, Kind kind) {
  const EventFramer framer(kind.form, TopicName::parse("chat/lobby").value(), kind.payload);
  const auto data = data_of(static_cast<std::size_t>(state.range(0)));
  const EventView event{
      .offset = {123456}, .time = {1790000000000}, .key = {}, .headers = {}, .data = data};
  std::string out(framer.size(event), '\0');
  for (auto _ : state) {
    benchmark::DoNotOptimize(framer.size(event));
    benchmark::DoNotOptimize(framer.write(event, out.data()));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

constexpr Kind kJson{FrameForm::json, Payload::json};
constexpr Kind kText{FrameForm::json, Payload::text};
constexpr Kind kBase64{FrameForm::json, Payload::bytes};
constexpr Kind kBinary{FrameForm::binary, Payload::bytes};

BENCHMARK_CAPTURE(write_frame, json, kJson)->Arg(128)->Arg(1024);
BENCHMARK_CAPTURE(write_frame, text, kText)->Arg(128)->Arg(1024);
BENCHMARK_CAPTURE(write_frame, base64, kBase64)->Arg(128)->Arg(1024);
BENCHMARK_CAPTURE(write_frame, binary, kBinary)->Arg(128)->Arg(1024);

}  // namespace
}  // namespace tidemark
