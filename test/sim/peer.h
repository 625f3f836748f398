// The processes of a fault schedule: the real engine with a cheap origin and a cheap, strict viewer. A viewer
// writes down all that it gets in its Ledger, which outlives it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "role/overlay_role.h"

namespace ott::sim {

/// What one viewer received, over all of its lives. A frame that is not what the origin published counts only
/// as a complaint.
struct Ledger {
  std::uint64_t frames = 0;
  std::uint64_t skipped = 0;           // by a neighbour
  std::uint64_t skipped_as_guest = 0;  // an access node waits a minute for a guest that stands still
  std::uint64_t lost = 0;              // while rings still held them: always a fault
  std::uint64_t lost_as_guest = 0;     // a flow begins anew for guests once in the time of a history
  std::uint64_t lost_with_age = 0;     // in an outage longer than the history
  std::optional<MonoTime> last_at;     // in this life
  Duration gap_max{};
  std::vector<std::string> complaints;  // duplicates, wrong order, wrong bytes
};

/// When each frame of each stream was published, the first one's time first: by the origin, for the viewers'
/// accounts.
using PublishTimes = std::map<StreamId, std::vector<MonoTime>>;

struct Duty {
  PublishTimes* times = nullptr;
  std::uint64_t gop = 1;           // each so many frames there is a sync point
  unsigned publishes = 0;          // so many streams of pictures
  bool audio = false;              // there is a stream of small packets beside the one of pictures
  Ledger* ledger = nullptr;        // it watches if this is set
  Ledger* audio_ledger = nullptr;  // the same of audio
};

class Peer : public OverlayRole {
 public:
  Peer(RoleContext& context, Duty duty);

  Overlay& overlay() { return overlay_; }
  /// Of the streams that viewers watch in the end: the first one of pictures, and audio.
  [[nodiscard]] std::uint64_t frames_published() const;
  void stop_watching(Now now);
  /// As a viewer does who pauses, and then watches the same or another of the streams.
  void pause(Now now);
  void resume(unsigned stream, Now now);
  [[nodiscard]] bool paused() const { return watching_over_; }

  static constexpr Duration kFrameInterval = std::chrono::milliseconds(50);
  static constexpr const char* kStreamName = "live";
  static constexpr Duration kAudioInterval = std::chrono::milliseconds(20);
  static constexpr const char* kAudioName = "live/audio";

 protected:
  void step(Now now) override;
  [[nodiscard]] MonoTime role_deadline() const override;
  [[nodiscard]] std::string_view name() const override { return "peer"; }

 private:
  struct Published {
    StreamId id;
    bool audio = false;
    Duration interval;
    MonoTime at;  // when the next frame is due
    FrameNumber last{};
    std::uint16_t sequence = 0;
  };
  /// One stream that this peer watches.
  struct Watched {
    Ledger* ledger;
    bool audio = false;
    std::optional<KnownStream> stream{};
    std::optional<StreamId> reading{};
    unsigned buffer_number = 0;
    unsigned numbering = 0;
    Position position{};
    FrameNumber known{};
    FrameNumber last{};
    std::vector<std::pair<std::uint64_t, std::uint64_t>> skipped{};  // first and last, since the last frame
    std::uint64_t skipped_as_member = 0;                             // so many of them
    bool begun_anew = false;                                         // the buffer, since the last frame
    bool passes_over = false;                                        // the frame under way
    FrameNumber open{};                                              // that one
    unsigned next_part = 0;
    bool forged = false;  // some of its bytes are not what was published
  };

  void announce(Now now);
  void publish(Published& own, Now now);
  void choose(Watched& watched, const std::vector<KnownStream>& streams, Now now);
  void read(Watched& watched, Now now);
  void take(Watched& watched, const Record& record, Now now);
  void complete(Watched& watched, FrameNumber frame, Now now);
  void account(Watched& watched, FrameNumber frame, Now now);
  void complain(Watched& watched, const std::string& what);
  [[nodiscard]] bool is_guest() const;

  Duty duty_;
  std::vector<Published> published_;
  std::vector<Watched> watched_;
  std::optional<std::uint64_t> seen_version_;
  bool watching_over_ = false;
  std::string wanted_ = kStreamName;  // of the streams of pictures
};

}  // namespace ott::sim
