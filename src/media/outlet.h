// Where a stream's frames leave the overlay: files, HTTP, RTP, RTSP. An outlet names the streams that it
// wants and takes their frames, each put together once for all outlets of the process. It has a cursor of its
// own: it may take each frame when it comes, or the newest one whenever it is ready for another. A stream
// flows only while somebody wants it, and for a while after.
//
// An outlet that needs the kernel lives in src/io, and is a row of the table there (io/outlets.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/commands.h"
#include "ott/message.h"
#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

/// An access unit as it came over the overlay.
struct Frame {
  StreamId stream;
  FrameNumber number;            // of the stream, as its origin counts
  std::uint32_t media_time = 0;  // the RTP timestamp, in units of the stream's clock rate
  WallTime source_time{};        // when the origin had it, by the origin's clock
  /// When it was taken, by the clock that all parts of the source have in common (rtp_instant.h): of each
  /// sync point, where it is known.
  std::optional<WallTime> instant{};
  bool sync_point = true;  // decoding can begin here
  Now arrived;             // here
  unsigned hops = 0;
  std::size_t record_bytes = 0;  // on the overlay's link
  /// A whole JPEG, with all its tables; or, of other formats, the frame's RTP packets one behind the other.
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> packet_ends{};  // of each packet in `bytes`; none of a JPEG

  [[nodiscard]] bool is_jpeg() const { return packet_ends.empty(); }
  /// One of the RTP packets, as its sender has made it. REQUIRES: index < packet_ends.size().
  [[nodiscard]] ByteSpan packet(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : packet_ends[index - 1];
    return ByteSpan(bytes).subspan(begin, packet_ends[index] - begin);
  }
};
using FramePtr = std::shared_ptr<const Frame>;

/// What happens to a stream that is wanted. Its calls come one at a time, on the loop. They may take and give
/// up subscriptions, this one as well.
class FrameTaker {
 public:
  virtual ~FrameTaker() = default;
  virtual void on_frame(const FramePtr& frame) = 0;
  /// Frames of this stream were left out on the way here: the taker's link, or one before it, is too slow.
  virtual void on_skip(FrameNumber /*first*/, FrameNumber /*last*/) {}
  /// A frame that was handed on already came again.
  virtual void on_duplicate(FrameNumber /*frame*/) {}
  /// Records came that could not be put together; `why` names the frame.
  virtual void on_broken(const std::string& /*why*/, Now /*now*/) {}
  /// From now on frames of this stream come: the first one, or another that takes the place of one that has
  /// ended. Frame numbers begin anew.
  virtual void on_stream(const StreamInfo& /*stream*/) {}
};

/// A stream is wanted for as long as this lives.
class Subscription {
 public:
  virtual ~Subscription() = default;
  /// The newest frame that is here; null before the first.
  [[nodiscard]] virtual FramePtr newest() const = 0;
  /// Null while no stream of this name is known.
  [[nodiscard]] virtual const StreamInfo* stream() const = 0;
  /// Why no frame comes, for people; empty while frames come.
  [[nodiscard]] virtual std::string why_nothing() const = 0;
};

/// Takes the streams that one name means: the one of that name, or all that have it as their first part, so
/// "cam" means "cam/video" and "cam/audio".
class PartsTaker {
 public:
  virtual ~PartsTaker() = default;
  /// One of them is there, the first time. Its frames go to what is returned, which must outlive the
  /// subscription; null: it is not wanted.
  virtual FrameTaker* on_part(const StreamInfo& part) = 0;
};

/// The streams are wanted for as long as this lives.
class PartsSubscription {
 public:
  virtual ~PartsSubscription() = default;
  /// Those that are taken, in the order in which they came.
  [[nodiscard]] virtual std::vector<StreamInfo> parts() const = 0;
  /// Why no frame comes of any, for people; empty while frames come.
  [[nodiscard]] virtual std::string why_nothing() const = 0;
};

/// True if `name` means this stream: its own name, or that of the source of which it is a part ("cam" of
/// "cam/video" and "cam/audio2", but not "films" of "films/one"). An empty one means all.
[[nodiscard]] bool is_part_of(const std::string& stream_name, const std::string& name);
/// The name of what this stream is a part of: "cam" of "cam/audio2", or else its own.
[[nodiscard]] std::string source_of(const std::string& stream_name);

/// The streams that can be watched from here; the capability of outlets.
class WatchableStreams {
 public:
  virtual ~WatchableStreams() = default;
  /// The default stream first.
  [[nodiscard]] virtual std::vector<StreamInfo> all() const = 0;
  /// Wants one stream (an empty name: the default one), also one that is not there yet. Of a name that means
  /// several parts it is the video, or else the first. Its taker must outlive the subscription. Of a stream
  /// that is not JPEG it is given the frames since the newest sync point first.
  virtual std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) = 0;
  /// Wants all streams that a name means (an empty one: the default stream, and those that belong to it),
  /// also such as come later. Its taker must outlive the subscription.
  virtual std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) = 0;
};

/// What an outlet has done so far, for statistics.
struct OutletFigures {
  std::string kind;  // "http", "rtp", "rtsp", "record", "dump"; empty: there is nothing to be said of it
  std::string at;    // the address or file
  std::uint64_t viewers = 0;
  std::uint64_t connections = 0;      // of a server, viewers' and all others'
  std::uint64_t refused = 0;          // connections that there was no room for
  std::uint64_t changes_refused = 0;  // requests to change something, of who may not
  std::uint64_t frames = 0;
  std::uint64_t frames_skipped = 0;  // left out since somebody or something was too slow
  std::uint64_t bytes = 0;
};

class Api;

class Outlet {
 public:
  virtual ~Outlet() = default;
  /// Commands that come in by it go there, which outlives it. Before begin().
  virtual void take_commands(Commands& /*commands*/) {}
  /// What it is to answer beside streams, which outlives it; false: it does not. Before begin().
  virtual bool take_api(Api& /*api*/) { return false; }
  /// Once, before anything else. `streams` outlives the outlet. The error ends the process; it says what was
  /// asked for and why it cannot be had.
  virtual Result<void> begin(WatchableStreams& streams, Now now) = 0;
  /// The process is about to end: finishes what was begun. Called until it is true, the last time with
  /// `give_up`.
  virtual bool finish(bool /*give_up*/, Now /*now*/) { return true; }
  [[nodiscard]] virtual OutletFigures figures() const = 0;
  /// True for a server, whose viewers come and go by themselves: they neither pause nor change streams with
  /// the viewer that this process is.
  [[nodiscard]] virtual bool serves_others() const { return false; }
  /// What holds one stream and cannot go on with another, as it was asked for ("--record cam.mkv"); empty: it
  /// can, or has nothing yet.
  [[nodiscard]] virtual std::string bound_to() const { return ""; }
  /// Lines for the report that SIGUSR1 asks for: who takes what.
  [[nodiscard]] virtual std::vector<std::string> report() const { return {}; }
};

}  // namespace ott
