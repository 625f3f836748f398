// A source's parts as fragmented MP4, live (fmp4_writer.h): the first video and the first audio of a name
// that MP4 can hold, on one time line. Each access unit becomes a fragment once, for all viewers. What has
// come since the newest sync point is kept for viewers that join.
//
// The tracks are decided when all parts have said how they are decoded, or kPartsTime after the first has.
// Where that changes (a part comes, one goes, a time line begins anew) the content ends for its viewers and
// begins anew: a reader of MP4 takes no other tracks half-way. A new configuration of the same tracks does
// not: it is another initialization segment, which each viewer is sent before the first fragment that needs
// it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/fmp4_writer.h"
#include "media/live_content.h"
#include "media/media_sample.h"
#include "media/outlet.h"
#include "media/part_clock.h"

namespace ott {

class LiveMp4 final : public LiveContent, private PartsTaker {
 public:
  /// How long parts are waited for when one is there.
  static constexpr Duration kPartsTime = std::chrono::milliseconds(300);
  /// The same where frames come of the missing part, but none yet at which decoding can begin.
  static constexpr Duration kSyncPointTime = std::chrono::seconds(2);
  /// A part that says nothing for so long while another does is left out.
  static constexpr Duration kSilenceMax = std::chrono::seconds(3);
  /// A viewer that is so far behind is sent no video until the next sync point.
  static constexpr Duration kLagMax = std::chrono::milliseconds(500);
  /// The most that is kept of one part since its newest sync point.
  static constexpr std::size_t kKeptBytesMax = std::size_t{32} << 20U;

  /// Frames may be handed over before the first step(): what is here already of streams that others watch.
  LiveMp4(WatchableStreams& streams, const std::string& name, Now now);
  ~LiveMp4() override;

  void step(Now now) override;
  [[nodiscard]] std::string content_type() const override;
  [[nodiscard]] std::string why_nothing() const override;
  [[nodiscard]] LiveCursor begin() const override;
  [[nodiscard]] std::size_t backlog_bytes(const LiveCursor& cursor) const override;
  LiveBytes next(LiveCursor& cursor, Now now) override;
  [[nodiscard]] bool has_ended(const LiveCursor& cursor) const override {
    return cursor.generation != generation_;
  }
  [[nodiscard]] std::uint64_t count() const override { return end() + generation_; }

 private:
  class Part;
  struct Piece {
    LiveBytes bytes;
    LiveBytes head;  // the initialization segment that it needs
    MonoTime arrived;
    bool is_video = false;
    bool sync_point = false;  // a viewer can begin here
  };

  FrameTaker* on_part(const StreamInfo& stream) override;
  void take(Part& part, const FramePtr& frame);
  void keep(Part& part, const FramePtr& frame);
  void look_for_silent_parts(const Part& part);
  void put(Part& part, const Frame& frame);
  void go_by_instants();
  void put_sample(Part& part, const Frame& frame, const MediaSample& sample);
  [[nodiscard]] bool is_time_to_begin() const;
  void begin_tracks();
  bool fits(Part& part);
  bool write_head();
  void end_tracks(std::string why);
  void append(Piece piece);
  [[nodiscard]] Part* part_of(MediaKind media) const;
  [[nodiscard]] std::uint64_t end() const { return first_ + pieces_.size(); }
  [[nodiscard]] const Piece& at(std::uint64_t number) const { return pieces_[number - first_]; }

  std::string name_;
  MonoTime now_{};  // of this round. Frames that are history here have come before
  std::vector<std::unique_ptr<Part>> parts_;
  unsigned generation_ = 1;
  bool has_begun_ = false;
  bool by_instants_ = false;
  WallTime zero_{};  // of the clock that the parts are aligned by
  LiveBytes head_;
  std::string content_type_;
  std::string trouble_;  // the last one
  std::uint32_t fragment_ = 0;
  std::deque<Piece> pieces_;
  std::uint64_t first_ = 0;                  // the number of the first piece that is kept
  std::optional<std::uint64_t> sync_point_;  // the newest
  std::size_t kept_bytes_ = 0;
  std::unique_ptr<PartsSubscription> subscription_;  // the last, since it may call at once
};

}  // namespace ott
