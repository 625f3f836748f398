// A folder whose files are clips, each of which becomes a stream: DIRECTORY/ with a slash at its end. A
// folder that holds pictures (*.jpg) is one film of them instead (file_sources.h).
#pragma once

#include <string>
#include <vector>

#include "ott/result.h"

namespace ott {

enum class ClipKind : std::uint8_t {
  Any,       // also of sound, text and any video
  Pictures,  // of JPEGs: what can be a film on request
};

struct FilmFolder {
  struct Clip {
    std::string name;  // of its stream, behind the folder's own: the file's without its extension
    std::string path;
  };
  std::vector<Clip> clips;         // in the order of their files' names
  std::vector<std::string> notes;  // what is to be said of the others
};

/// Looks which files of a folder are clips, by their contents, and takes the first `most`. `prefix_bytes`:
/// how many bytes of a stream's name come before the clip's. Nothing is taken of a folder that holds
/// pictures. The error names the folder.
Result<FilmFolder> look_into(const std::string& path, ClipKind kind, std::size_t most,
                             std::size_t prefix_bytes);

}  // namespace ott
