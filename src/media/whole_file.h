// Files that appear as a whole: who opens one finds all of the newest bytes, or all of those before. What is
// here waits for the disk.
#pragma once

#include <string>

#include "ott/result.h"
#include "ott/types.h"

namespace ott {

/// Whether a file of this name can be made, as far as its directory tells. The error says why not.
Result<void> check_directory_of(const std::string& path);

/// Makes or replaces the file: writes another one beside it (.NAME.part), and renames that. The error names
/// the file and the reason; then nothing half-written stays.
Result<void> write_whole_file(const std::string& path, ByteSpan bytes);

}  // namespace ott
