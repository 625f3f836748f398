#include "media/timed_source.h"

#include <filesystem>
#include <system_error>

#include "media/media_file.h"
#include "media/source_spec.h"
#include "media/tone_pattern.h"

namespace ott {
namespace {

constexpr std::string_view kTone = "+tone";
constexpr std::string_view kTextPrefix = "text:";

}  // namespace

Result<std::unique_ptr<TimedSource>> open_timed_source(const std::string& spec, std::uint32_t first_ssrc) {
  const auto parsed = parse_source(spec);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  std::string_view name = parsed->name;
  if (name.starts_with(kPatternPrefix)) {
    if (!name.ends_with(kTone)) return nullptr;
    name.remove_suffix(kTone.size());
    const auto form = parse_pattern(name.substr(kPatternPrefix.size()), parsed->options, spec);
    if (!form) return tl::unexpected<Error>(form.error());
    return std::make_unique<TonePattern>(form->width, form->height, form->fps, first_ssrc);
  }
  if (name.starts_with(kTextPrefix))
    return MediaFile::open_text(std::string(name.substr(kTextPrefix.size())), parsed->options, first_ssrc);
  std::error_code error;
  if (!std::filesystem::is_regular_file(name, error)) return nullptr;
  return MediaFile::open(std::string(name), parsed->options, first_ssrc);
}

}  // namespace ott
