// What a connection's bytes mean to a viewer, one class per protocol: reads only the bytes that are needed,
// and says how many of the others may be discarded unread. No sockets, no clock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frames.h"
#include "ott/types.h"

namespace ott::load {

/// A frame that is whole once the bytes to be discarded have come.
struct FrameEnd {
  std::uint64_t number = 0;
  std::int64_t source_time_ns = 0;
};

class Session {
 public:
  struct Step {
    std::size_t used = 0;     // bytes read and done with; if 0 and nothing to discard, more bytes are needed
    std::size_t discard = 0;  // bytes after them that need not be read
    std::optional<FrameEnd> ends;
  };

  explicit Session(FrameTally& tally) : tally_(tally) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  virtual ~Session() = default;

  /// The connection is there; `local` is this end.
  virtual void opened(const NodeId& local) = 0;
  /// How many bytes to read after the `pending` ones.
  [[nodiscard]] virtual std::size_t want(ByteSpan pending) const = 0;
  /// The error says what is wrong with the stream, or why the other end closes.
  virtual Result<Step> take(ByteSpan bytes) = 0;
  virtual void beat() {}
  virtual void leave() {}

  /// What is to be sent; the sender empties it.
  std::vector<std::uint8_t> out;

 protected:
  FrameTally& tally_;
};

/// Our own protocol, as a guest of a node. Watches the stream of this name, or, without a name, the
/// `choice`-th of the streams there are, modulo their number.
std::unique_ptr<Session> make_ott_session(FrameTally& tally, std::uint64_t incarnation, std::string stream,
                                          std::size_t choice);
/// The floor's records, of which each carries its frame's stamp.
std::unique_ptr<Session> make_floor_session(FrameTally& tally);
/// multipart/x-mixed-replace of stamped frames.
std::unique_ptr<Session> make_http_session(FrameTally& tally, std::string host, std::string path);

}  // namespace ott::load
