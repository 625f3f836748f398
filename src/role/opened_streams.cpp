#include "role/opened_streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/film_folder.h"
#include "role/film_server.h"

namespace ott {
namespace {

struct Expanded {
  std::vector<StreamSpec> specs;
  std::vector<std::string> notes;
};

/// A SOURCE that is a folder of clips becomes one for each, as far as there is room for their streams.
Result<Expanded> each_of(const std::vector<StreamSpec>& specs) {
  Expanded all;
  for (const StreamSpec& spec : specs) {
    const bool on_request = spec.source.starts_with(kFilmPrefix);
    const std::string prefix = on_request ? std::string(kFilmPrefix) : "";
    const std::string source = spec.source.substr(prefix.size());
    const std::size_t mark = std::min(source.rfind('?'), source.size());
    const std::string path = source.substr(0, mark);
    if (!path.ends_with('/') || path.find("://") != std::string::npos || path.find(':') < path.find('/')) {
      all.specs.push_back(spec);
      continue;
    }
    const std::size_t most =
        kStateStreamsMax - std::min(kStateStreamsMax, all.specs.size() + specs.size() - 1);
    const auto folder =
        look_into(path, on_request ? ClipKind::Pictures : ClipKind::Any, most, spec.name.size() + 1);
    if (!folder) return fail(fmt::format("{}stream '{}': {}", spec.place, spec.name, folder.error().message));
    if (folder->clips.empty()) all.specs.push_back(spec);
    for (const std::string& note : folder->notes)
      all.notes.push_back(fmt::format("stream '{}': {}", spec.name, note));
    // A mark in a file's name is none of an option.
    const std::string options = mark < source.size() ? source.substr(mark)
                                : on_request         ? "?eof=end"
                                                     : "?eof=loop";
    for (const FilmFolder::Clip& clip : folder->clips)
      all.specs.push_back({spec.name + '/' + clip.name, fmt::format("{}{}{}", prefix, clip.path, options),
                           spec.metric, spec.place});
  }
  return all;
}

}  // namespace

Result<OpenedStreams> open_streams(const std::vector<StreamSpec>& specs,
                                   const std::vector<StreamSpec>& running, OpenAhead open_ahead) {
  auto all = each_of(specs);
  if (!all) return tl::unexpected<Error>(all.error());
  OpenedStreams opened{{}, std::move(all->notes)};
  for (StreamSpec& spec : all->specs) {
    OpenedStream stream{std::move(spec), {}};
    if (open_ahead != nullptr && std::ranges::count(running, stream.spec) == 0) {
      const std::string& source = stream.spec.source;
      auto file = source.starts_with(kFilmPrefix) ? open_film(source) : open_ahead(source);
      if (!file) {
        return fail(
            fmt::format("{}stream '{}': {}", stream.spec.place, stream.spec.name, file.error().message));
      }
      stream.source = std::move(*file);
    }
    opened.streams.push_back(std::move(stream));
  }
  return opened;
}

}  // namespace ott
