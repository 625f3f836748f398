// The files of a recording that hold all parts of a source: Matroska. Parts are aligned by when they were
// taken (Frame::instant), or else by when the origin had them.
//
// A file begins when all parts that are expected have said how they are decoded, or kConfigTime after the
// first one has; what comes meanwhile is held. The first video leads, or else the first audio: a next file
// begins where decoding of the leader can begin. It begins as well where a part comes that the file does not
// have, or another configuration, or where a time line begins anew.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "media/frame_clock.h"
#include "media/matroska_writer.h"
#include "media/media_sample.h"
#include "media/part_clock.h"
#include "media/recording.h"
#include "media/text_lines.h"

namespace ott {

class PartsRecording final : public Recording {
 public:
  /// For how long other parts of a source are waited for when one has come.
  static constexpr Duration kPartsTime = std::chrono::milliseconds(300);
  /// The same where a part is known, but not yet how it is decoded.
  static constexpr Duration kConfigTime = std::chrono::seconds(2);
  static constexpr std::size_t kHeldBytesMax = std::size_t{32} << 20U;
  /// What is late by no more still comes into the file before.
  static constexpr Duration kLateMax = std::chrono::milliseconds(500);
  /// For how long a line of text is shown.
  static constexpr Duration kLineTime = std::chrono::seconds(3);

  explicit PartsRecording(RecordingRules rules);
  ~PartsRecording() override;

  void expect(const StreamInfo& stream) override { (void)part_of(stream); }
  Result<void> write(const FramePtr& frame, const StreamInfo& stream) override;
  Result<void> finish() override;

 private:
  struct Part;
  struct Sample {
    ByteSpan bytes{};
    std::uint32_t media_time = 0;
    WallTime shown_at{};  // of a picture of a part that is alone
    bool sync_point = true;
    bool ends_frame = true;
    Duration shown_for{};
  };
  struct Held {
    Part* part;
    Sample sample;
    std::vector<std::uint8_t> bytes;
  };
  struct OpenFile {
    std::unique_ptr<RecordingFile> file;
    MatroskaWriter writer;
    WallTime began;
    std::vector<const Part*> parts;  // of its tracks, in their order
  };

  Part& part_of(const StreamInfo& stream);
  [[nodiscard]] bool is_alone(const Part& part) const;
  [[nodiscard]] std::string place(const Part& part, const Frame& frame) const;
  [[nodiscard]] Part* leader() const;
  [[nodiscard]] WallTime time_of(const Part& part, const Sample& sample) const;
  bool continues(Part& part, const Frame& frame);
  bool look(Part& part, const Frame& frame);
  void align(const Part& part, std::uint32_t media_time);
  Result<void> begin_anew(Part& part, const Frame& frame);

  Result<void> take_picture(Part& part, const Frame& frame);
  Result<void> take_samples(Part& part, const Frame& frame);
  Result<void> take_text(Part& part, const std::vector<TextLines::Line>& lines);
  Result<void> put(Part& part, const Sample& sample);

  [[nodiscard]] bool is_time_to_begin() const;
  Result<void> begin_with_held();
  Result<void> begin_file(WallTime time);
  Result<void> end_file(std::optional<OpenFile>& open);
  Result<void> follow_leader(Part& part, const Sample& sample, WallTime time);
  Result<void> record(Part& part, const Sample& sample);
  Result<void> record_into(OpenFile& open, std::size_t track, const Sample& sample, WallTime time);

  std::vector<std::unique_ptr<Part>> parts_;
  /// Between the clock of instants and that of the origin, by the leader's frames.
  std::optional<Duration> instants_ahead_;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
  MonoTime held_since_{}, now_{};
  std::optional<OpenFile> file_;
  std::optional<OpenFile> before_;  // takes what is late
};

}  // namespace ott
