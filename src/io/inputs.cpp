#include "io/inputs.h"

#include <fmt/format.h>

#include <array>

#include "io/exec_input.h"
#include "io/http_input.h"
#include "io/pipe_input.h"
#include "io/random.h"
#include "io/rtp_input.h"
#include "io/rtsp_input.h"
#include "io/v4l2_input.h"
#include "media/paced_input.h"
#include "media/source_spec.h"
#include "media/timed_input.h"
#include "media/url.h"

namespace ott {
namespace {

/// The source that plays something which is none by itself; empty: it is the name of a file.
std::string how_else(const std::string& source) {
  if (source.starts_with("/dev/video")) return "v4l2:" + source;
  if (source.find("://") == std::string::npos) return "";
  return "exec:ffmpeg -i " + source + " -c:v mjpeg -q:v 5 -f mjpeg -";
}

Result<OpenedSource> open_file(const std::string& source) {
  const std::string shown = without_credentials(source);
  if (const std::string how = how_else(shown); !how.empty())
    return fail(fmt::format("'{}' is no source by itself; write 'NAME={}'", shown, how));
  return open_paced_source(source, random_number<std::uint32_t>());
}

Result<std::unique_ptr<Input>> open_paced(const std::string& source, InputSink& sink,
                                          const InputContext& context) {
  auto opened = context.file == nullptr || (!context.file->pictures && !context.file->timed)
                    ? open_file(source)
                    : Result<OpenedSource>(std::move(*context.file));
  if (!opened) return tl::unexpected<Error>(opened.error());
  if (opened->timed) return std::make_unique<TimedInput>(std::move(opened->timed), sink, context.workers);
  return std::make_unique<PacedInput>(std::move(opened->pictures), sink, context.workers);
}

constexpr InputSpec kFiles{"", "FILE|DIRECTORY", open_paced, open_file};
constexpr InputSpec kPattern{"pattern:", "pattern:[WxH@FPS][+tone]", open_paced, open_file};

constexpr std::array kInputs = {&kPattern,   &kFiles,     &kStandardInput, &kFifoInput,  &kTextInput,
                                &kExecInput, &kV4l2Input, &kHttpInput,     &kHttpsInput, &kRtpInput,
                                &kSdpInput,  &kRtspInput, &kRtspsInput};

const InputSpec& spec_of(const std::string& source) {
  for (const InputSpec* spec : kInputs) {
    if (!spec->prefix.empty() && source.starts_with(spec->prefix)) return *spec;
  }
  return kFiles;
}

}  // namespace

std::string inputs_help() {
  std::string text;
  for (const InputSpec* spec : kInputs) {
    if (!spec->form.empty()) text += (text.empty() ? "" : ", ") + std::string(spec->form);
  }
  return text;
}

Result<OpenedSource> open_ahead(const std::string& source) {
  std::string rest = source;
  const auto common = take_common_options(rest);
  if (!common) return tl::unexpected<Error>(common.error());
  const InputSpec& spec = spec_of(rest);
  if (spec.open_ahead == nullptr) return OpenedSource{};
  auto opened = spec.open_ahead(rest);
  if (!opened) return fail(hide_credentials(opened.error().message));
  return opened;
}

Result<std::unique_ptr<Input>> InputTable::open(std::string_view source, OpenedSource file, InputSink& sink) {
  std::string rest(source);
  const auto common = take_common_options(rest);
  if (!common) return tl::unexpected<Error>(common.error());
  InputContext context = context_;
  context.file = &file;
  auto input = spec_of(rest).open(rest, sink, context);
  if (!input) return fail(hide_credentials(input.error().message));
  (*input)->set_common(*common);
  return input;
}

}  // namespace ott
