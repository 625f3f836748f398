// Inputs of processes in memory: paced sources are the real ones, and bytes of standard input come from a
// test.
#pragma once

#include <memory>
#include <string>

#include "media/byte_input.h"
#include "media/opened_source.h"
#include "media/paced_input.h"
#include "media/source_spec.h"
#include "ott/worker.h"

namespace ott::sim {

class MemoryInputs : public Inputs {
 public:
  explicit MemoryInputs(Workers& workers) : workers_(workers) {}

  Result<std::unique_ptr<Input>> open(std::string_view source, OpenedSource, InputSink& sink) override {
    std::string rest(source);
    const auto common = take_common_options(rest);
    if (!common) return tl::unexpected<Error>(common.error());
    auto input = rest.starts_with('-') ? open_pipe(rest, sink) : open_paced(rest, sink);
    if (input) (*input)->set_common(*common);
    return input;
  }

  ByteInput* standard_input = nullptr;  // of the stream that reads it

 private:
  Result<std::unique_ptr<Input>> open_paced(const std::string& source, InputSink& sink) {
    auto opened = open_source(source);
    if (!opened) return tl::unexpected<Error>(opened.error());
    return std::make_unique<PacedInput>(std::move(*opened), sink, workers_);
  }
  Result<std::unique_ptr<Input>> open_pipe(const std::string& source, InputSink& sink) {
    const auto spec = parse_source(source);
    if (!spec) return tl::unexpected<Error>(spec.error());
    SourceInfo info{"stdin", 0, 0, spec->options.fps, spec->options.at_end.value_or(AtEnd::Wait)};
    info.live = true;
    info.on_demand = false;
    auto input = std::make_unique<ByteInput>(std::move(info), sink, ByteInput::Form{"standard input"});
    standard_input = input.get();
    return input;
  }

  Workers& workers_;
};

}  // namespace ott::sim
