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
  unsigned publishes = 0;    // so many streams, each with the same frames
  Ledger* ledger = nullptr;  // it watches if this is set
};

class Peer : public OverlayRole {
 public:
  Peer(RoleContext& context, Duty duty) : OverlayRole(context), duty_(duty) {}

  Overlay& overlay() { return overlay_; }
  [[nodiscard]] std::uint64_t frames_published() const { return published_.value; }
  void stop_watching(Now now);
  /// As a viewer does who pauses, and then watches the same or another of the streams.
  void pause(Now now);
  void resume(unsigned stream, Now now);
  [[nodiscard]] bool paused() const { return watching_over_; }

  static constexpr Duration kFrameInterval = std::chrono::milliseconds(50);
  static constexpr const char* kStreamName = "live";

 protected:
  void step(Now now) override;
  [[nodiscard]] MonoTime role_deadline() const override { return publish_at_; }
  [[nodiscard]] std::string_view name() const override { return "peer"; }

 private:
  void publish(Now now);
  void write_frame(StreamId stream, Now now);
  void choose(Now now);
  void read(Now now);
  void take(const Record& record, Now now);
  void complete(FrameNumber frame, Now now);
  void account(FrameNumber frame, Now now);
  void complain(const std::string& what);
  [[nodiscard]] bool is_guest() const;

  Duty duty_;
  std::vector<StreamId> own_;
  FrameNumber published_;
  std::uint16_t sequence_ = 0;
  MonoTime publish_at_ = MonoTime::max();

  std::optional<std::uint64_t> seen_version_;
  std::optional<KnownStream> watched_;
  bool watching_over_ = false;
  std::string wanted_ = kStreamName;
  std::optional<StreamId> reading_;
  unsigned buffer_number_ = 0;
  unsigned numbering_ = 0;
  Position position_;
  FrameNumber known_;
  FrameNumber last_;
  std::uint64_t skipped_since_ = 0;
  FrameNumber open_;  // the frame under way
  unsigned next_part_ = 0;
  bool forged_ = false;  // some of its bytes are not what was published
};

}  // namespace ott::sim
