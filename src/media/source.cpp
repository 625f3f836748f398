#include "media/source.h"

#include <filesystem>
#include <system_error>

#include "media/file_sources.h"
#include "media/pattern_source.h"
#include "media/source_spec.h"

namespace ott {
namespace {

Result<std::unique_ptr<Source>> open_path(const std::string& path, const SourceOptions& options) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  switch (status.type()) {
    case std::filesystem::file_type::directory:
      return DirectorySource::open(path, options);
    case std::filesystem::file_type::regular:
      return ClipSource::open(path, options);
    case std::filesystem::file_type::not_found:
      return fail("there is no '" + path +
                  "'; a source is an .mjpeg file, a directory of .jpg files, '-' for standard input or "
                  "'pattern:WIDTHxHEIGHT@FPS'");
    case std::filesystem::file_type::none:
      return fail("cannot look at '" + path + "': " + error.message());
    default:
      return fail("'" + path + "' is neither a file nor a directory; pipe it in and name '-' instead");
  }
}

}  // namespace

Result<std::unique_ptr<Source>> open_source(std::string_view spec) {
  const auto parsed = parse_source(spec);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  if (parsed->name.starts_with(kPatternPrefix)) {
    const auto form = parse_pattern(parsed->name.substr(kPatternPrefix.size()), parsed->options, spec);
    if (!form) return tl::unexpected<Error>(form.error());
    return std::make_unique<PatternSource>(form->width, form->height, form->fps);
  }
  return open_path(std::string(parsed->name), parsed->options);
}

}  // namespace ott
