// The streams that are to begin at this node, as they are asked for: a folder of clips is a stream for each
// of them, and files are open, so that the loop need not wait for a disk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "media/opened_source.h"
#include "ott/link_state.h"

namespace ott {

/// The SOURCE of a film on request begins so.
inline constexpr std::string_view kFilmPrefix = "vod:";

/// `NAME=SOURCE` of a publisher.
struct StreamSpec {
  std::string name;
  std::string source;
  Metric metric = Metric::Cost;
  std::string place{};  // where it is written, for errors: "ottd.toml:3: ", "OTTD_STREAM: "; else empty

  /// Wherever it is written.
  bool operator==(const StreamSpec& other) const {
    return name == other.name && source == other.source && metric == other.metric;
  }
};

struct OpenedStream {
  StreamSpec spec;
  OpenedSource source;  // open if it is a file's, and the stream does not run already
};

struct OpenedStreams {
  std::vector<OpenedStream> streams;  // in the order in which they are listed
  std::vector<std::string> notes;     // for the log: what of a folder is no stream, and why
};

/// Opens what a SOURCE names if that waits for a disk, else nothing. Any thread may call it.
using OpenAhead = Result<OpenedSource> (*)(const std::string& source);

/// What `specs` mean. Streams that are among `running` go on as they are. Waits for the disk: for a worker,
/// or before the loop runs. The error names the stream. `open_ahead` may be null: nothing is opened then.
Result<OpenedStreams> open_streams(const std::vector<StreamSpec>& specs,
                                   const std::vector<StreamSpec>& running, OpenAhead open_ahead);

}  // namespace ott
