#include "app/dump.h"

#include <utility>

#include "app/sinks.h"
#include "io/dump_outlet.h"
#include "media/sink_outlet.h"
#include "media/source_spec.h"

namespace ott {
namespace {

/// The pictures of the stream, into a directory or to standard output, which is opened when it begins.
class DumpedPictures final : public Outlet {
 public:
  DumpedPictures(OutletArguments arguments, Duration every, const OutletContext& context)
      : arguments_(std::move(arguments)), every_(every), context_(context) {}

  Result<void> begin(WatchableStreams& streams, Now now) override {
    auto sink = open_sink(arguments_.value, context_.loop, context_.workers);
    if (!sink) return tl::unexpected(sink.error());
    pictures_.emplace(std::move(*sink), OutletFigures{"dump", arguments_.value}, every_, arguments_.stream,
                      context_.log);
    return pictures_->begin(streams, now);
  }
  bool finish(bool give_up, Now now) override { return !pictures_ || pictures_->finish(give_up, now); }
  [[nodiscard]] OutletFigures figures() const override {
    return pictures_ ? pictures_->figures() : OutletFigures{"dump", arguments_.value};
  }

 private:
  OutletArguments arguments_;
  Duration every_;
  OutletContext context_;
  std::optional<SinkOutlet> pictures_;
};

Result<std::unique_ptr<Outlet>> open_dump(const OutletArguments& arguments, const OutletContext& context) {
  Duration every{};
  if (const auto given = arguments.options.find("--every"); given != arguments.options.end()) {
    const auto parsed = parse_time("--every", given->second);
    if (!parsed) return tl::unexpected<Error>(parsed.error());
    every = *parsed;
  }
  std::unique_ptr<Outlet> pictures = std::make_unique<DumpedPictures>(arguments, every, context);
  if (arguments.value == "-") return pictures;
  return std::make_unique<DumpOutlet>(arguments.value, arguments.stream, std::move(pictures), context.loop,
                                      context.workers, context.log);
}

}  // namespace

const OutletSpec kDumpOutlet = {
    .flag = {"--dump", "", ""}, .options = {}, .of_one_stream = true, .open = open_dump};

}  // namespace ott
