#include "media/film_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include "media/clip_format.h"
#include "media/file_sources.h"
#include "media/media_kind.h"
#include "media/text.h"
#include "ott/message.h"
#include "ott/text.h"

namespace ott {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_picture(const std::filesystem::path& path) {
  const std::string extension = lower(path.extension().string());
  return extension == ".jpg" || extension == ".jpeg";
}

/// A name as a stream may have it.
std::string clean(std::string text, std::size_t bytes_max) {
  for (char& c : text) {
    if (has_control_character(std::string_view(&c, 1))) c = '_';
  }
  text = to_utf8(text);
  while (text.size() > bytes_max || to_utf8(text) != text) text.pop_back();
  return text;
}

bool is_taken(const std::vector<FilmFolder::Clip>& clips, const std::string& name) {
  return std::ranges::find(clips, name, &FilmFolder::Clip::name) != clips.end();
}

/// Of a name, for the number that it may need.
constexpr std::size_t kNumberBytes = 6;
/// What is left for a clip's own name, at least.
constexpr std::size_t kOwnNameBytesMin = 32;

/// The file's name without its extension; with it, or with a number, where another clip has that name.
std::string name_of(const std::filesystem::path& path, const std::vector<FilmFolder::Clip>& clips,
                    std::size_t bytes_max) {
  const std::string stem = clean(path.stem().string(), bytes_max - kNumberBytes);
  if (!is_taken(clips, stem)) return stem;
  const std::string whole = clean(path.filename().string(), bytes_max - kNumberBytes);
  if (!is_taken(clips, whole)) return whole;
  for (unsigned number = 2;; ++number) {
    const std::string other = fmt::format("{}-{}", whole, number);
    if (!is_taken(clips, other)) return other;
  }
}

Result<void> is_clip(const std::string& path, ClipKind kind) {
  auto file = InputFile::open(path);
  if (!file) return tl::unexpected<Error>(file.error());
  const auto start = file->read_start(kClipStartBytes);
  if (!start) return tl::unexpected<Error>(start.error());
  if (start->empty()) return fail("'" + path + "' is empty");
  const ByteSpan first = ByteSpan(*start).first(std::min(start->size(), kMediaStartBytes));
  const auto media = recognise_media(first, first.size() == start->size(), 0);
  if (kind == ClipKind::Any && media.verdict == MediaKindFound::Verdict::Found) return {};
  const auto format = recognise_clip(*start, path);
  if (!format) return tl::unexpected<Error>(format.error());
  return {};
}

}  // namespace

Result<FilmFolder> look_into(const std::string& path, ClipKind kind, std::size_t most,
                             std::size_t prefix_bytes) {
  if (prefix_bytes + kNumberBytes + kOwnNameBytesMin > kNameBytesMax) {
    return fail(fmt::format("clips of a directory need a stream's name of at most {} bytes",
                            kNameBytesMax - kNumberBytes - kOwnNameBytesMin - 1));
  }
  std::vector<std::filesystem::path> files;
  bool pictures = false;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored) || entry->path().filename().string().starts_with('.')) continue;
    pictures = pictures || is_picture(entry->path());
    files.push_back(entry->path());
  }
  if (error) return fail("cannot read the directory '" + path + "': " + error.message());
  FilmFolder folder;
  if (pictures) return folder;
  std::ranges::sort(files);
  std::size_t others = 0, beyond = 0;
  std::string first_other;
  for (const std::filesystem::path& file : files) {
    if (folder.clips.size() == most) {
      ++beyond;
      continue;
    }
    if (const auto clip = is_clip(file.string(), kind); !clip) {
      if (others++ == 0) first_other = clip.error().message;
      continue;
    }
    const std::string name = name_of(file, folder.clips, kNameBytesMax - prefix_bytes);
    if (name != file.stem().string())
      folder.notes.push_back(fmt::format("'{}' is offered as '{}'", to_utf8(file.string()), name));
    folder.clips.push_back({name, file.string()});
  }
  if (folder.clips.empty())
    return fail(fmt::format("the directory '{}' holds neither a clip nor pictures{}", path,
                            others == 0 ? "" : ": " + first_other));
  if (others > 0)
    folder.notes.push_back(fmt::format("{} in '{}' {} no clip: {}", counted(others, "file"), path,
                                       others == 1 ? "is" : "are", first_other));
  if (beyond > 0)
    folder.notes.push_back(
        fmt::format("'{}' holds {} more than there is room for: left out", path, counted(beyond, "file")));
  return folder;
}

}  // namespace ott
