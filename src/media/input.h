// What feeds a stream. An input pushes access units to its sink, on the loop: when they come (a camera, a
// pipe, a network), or when they are due (a file, the test picture). It is started when somebody watches and
// stopped some time after the last viewer has gone; a source that does not wait for viewers, such as standard
// input, is started once. A source that goes away is the input's to bring back: it says so, tries again with
// a pause that doubles, and goes on pushing.
//
// An input that needs the kernel lives in src/io, and is a row of the table there (io/inputs.cpp).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/source.h"
#include "media/source_spec.h"
#include "ott/media_format.h"
#include "ott/result.h"
#include "ott/time.h"
#include "ott/types.h"

namespace ott {

struct OpenedSource;  // opened_source.h

/// One of the streams that a source has. Most have one; a camera with a microphone has two parts.
struct MediaPart {
  MediaFormat format;
  unsigned width = 0;  // of video, where it is known; else 0
  unsigned height = 0;
  double fps = 0;  // access units a second, where it is known; else 0

  bool operator==(const MediaPart&) const = default;
};

/// One access unit as an input has it; the spans are valid during the call that hands it over.
struct AccessUnit {
  ByteSpan bytes{};  // a JPEG; any that libjpeg reads
  /// Of a part that is not JPEG: its RTP packets, in order, without a gap in their sequence numbers, each of
  /// 12 bytes to kRtpBytesMax - kRtpInstantBytes (rtp_instant.h). They travel as they are. `bytes` is not
  /// looked at then.
  std::span<const ByteSpan> packets{};
  std::size_t part = 0;  // of those that on_parts() has said
  /// When the source had it; viewers measure the age of a frame from here.
  Now arrived;
  /// The source's own media clock (RTP's, in units of the part's clock rate; JPEG: 90 kHz, RFC 2435 section
  /// 3.1), where it has one. It may jump. Of packets it is their timestamp.
  std::optional<std::uint32_t> media_time{};
  /// When this unit was taken, by the clock that the parts of the source have in common (NTP's time of RTCP
  /// sender reports, RFC 3550 section 6.4.1), where that is known. Viewers align the parts by it.
  std::optional<WallTime> instant{};
  bool sync_point = true;  // decoding can begin here
  /// Set if it is known already how RTP carries it; `bytes` is not looked at then.
  const SourceFrame* carriable = nullptr;
  /// Where it lies in the input, as errors name it ("standard input: frame 3 at byte 1200"); may be empty.
  std::string_view place{};
};

/// Names and numbers, for statistics.
using InputFigures = std::vector<std::pair<std::string_view, std::uint64_t>>;

/// Takes what an input pushes. It may call the input's hold() while it does.
class InputSink {
 public:
  virtual ~InputSink() = default;
  /// What the source has, before anything is pushed of it, and again when that has changed. An input that
  /// never says it has one part, of JPEG. REQUIRES: there is one.
  virtual void on_parts(const std::vector<MediaPart>& /*parts*/, Now /*now*/) {}
  virtual void push(const AccessUnit& unit) = 0;
  /// Something came that is no frame, or not a whole one: it is counted, and warned of at a rate. `why` says
  /// what and where.
  virtual void refuse(const std::string& why, Now now) = 0;
  /// The same of one of the parts, whose are counted and warned of by themselves. REQUIRES: it is one of
  /// those that on_parts() has said.
  virtual void refuse_of(std::size_t /*part*/, const std::string& why, Now now) { refuse(why, now); }
  /// The source is there, `what` it is for the log ("http://cam/video: multipart"); may be empty.
  virtual void on_connected(const std::string& what, Now now) = 0;
  /// The source is away, and why. The input tries again by itself. Said at a rate.
  virtual void on_lost(const std::string& why, Now now) = 0;
  /// Nothing will come any more.
  virtual void on_end(Now now) = 0;
};

class Input {
 public:
  virtual ~Input() = default;

  [[nodiscard]] const SourceInfo& info() const { return info_; }
  /// What the options that all sources have say.
  void set_common(const CommonOptions& options) {
    info_.standby = options.standby;
    if (options.linger) info_.linger = *options.linger;
  }
  /// Pushes from now on. REQUIRES: not started.
  virtual void start(Now now) = 0;
  /// Pushes no more, and lets go of the source. It may be started again. REQUIRES: started.
  virtual void stop(Now now) = 0;
  /// Finds out which parts the source has (on_parts()), if that takes no more than asking it; says nothing
  /// else and tries again by itself. Called before the source's streams are made known: what is known at once
  /// is said at once. It ends when the input is started. REQUIRES: not started.
  virtual void probe(Now /*now*/) {}
  /// While it is held an input does not push; one that can wait reads no further (whoever writes a pipe
  /// waits). Only inputs with a rate of ours (info().fps) are held.
  virtual void hold(bool /*held*/, Now /*now*/) {}
  /// For inputs without a loop of their own: does what is due, or what workers have made ready.
  virtual void step(Now /*now*/) {}
  [[nodiscard]] virtual MonoTime next_deadline() const { return MonoTime::max(); }
  /// What it counts beside its frames, since it was opened.
  [[nodiscard]] virtual InputFigures figures() const { return {}; }
  /// The same of one part, where each has figures of its own; else the first one has them.
  [[nodiscard]] virtual InputFigures figures_of(std::size_t part) const {
    return part == 0 ? figures() : InputFigures{};
  }

 protected:
  explicit Input(SourceInfo info) : info_(std::move(info)) {}

  SourceInfo info_;
};

/// Opens what a SOURCE of the command line names; the capability of roles that publish.
class Inputs {
 public:
  virtual ~Inputs() = default;
  /// The input will push to `sink`, which must outlive it. The error says what about the source is wrong and
  /// what is accepted. Nothing is connected to before start(). `file`: what the source names, where that is
  /// open already; else it is opened.
  virtual Result<std::unique_ptr<Input>> open(std::string_view source, OpenedSource file,
                                              InputSink& sink) = 0;
};

}  // namespace ott
