// A live input that has its access units as bytes which come in pieces: of any container that media_kind.h
// knows, found by the first bytes; or concatenated JPEGs, or the parts of a multipart stream. Whoever reads
// the pipe (src/io) puts the bytes in here; the units in them go on to the sink as they come. While it is
// held it wants no more bytes, so that whoever writes them waits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/input.h"
#include "media/media_kind.h"
#include "media/part_packets.h"
#include "media/time_line.h"

namespace ott {

class ByteInput : public Input {
 public:
  enum class Content : std::uint8_t { Any, Text };
  struct Form {
    std::string name;  // how errors call it
    Content content = Content::Any;
    std::uint32_t first_ssrc = 0;  // of its packets
  };

  ByteInput(SourceInfo info, InputSink& sink, Form form);

  void start(Now now) override;
  /// The beginning of a frame that was not completed is forgotten.
  void stop(Now) override;
  void hold(bool held, Now now) override;
  void step(Now now) override;
  [[nodiscard]] MonoTime next_deadline() const override {
    return ahead_ && started_ ? goes_on_at_ : MonoTime::max();
  }
  /// False while nothing is to be read.
  [[nodiscard]] bool wants_bytes() const { return started_ && !held_ && !ahead_ && !over_; }

  /// Room to read into; valid until the next call.
  MutableByteSpan space();
  /// `bytes` were read there.
  void advance(std::size_t bytes, Now now);
  /// The same for bytes that lie elsewhere.
  void feed(ByteSpan bytes, Now now);
  /// Nothing follows: what is there is pushed, and then the sink told of the end.
  void finish(Now now);

 protected:
  /// Other bytes follow, which have nothing to do with those before: a program was started anew.
  void begin_anew();
  [[nodiscard]] InputSink& sink() const { return sink_; }
  [[nodiscard]] const std::string& name() const { return form_.name; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

 private:
  bool recognise(bool is_all, Now now);
  void take_media(MediaKindFound found);
  void push_frames(Now now);
  void push_sample(ByteSpan sample, Now now);
  void take_parts(Now now);
  void look_whether_ahead(Duration time);
  [[nodiscard]] bool is_by_arrival(const MediaSplitter::Stamp& stamp) const {
    return !stamp.time && info_.fps == 0;
  }
  [[nodiscard]] Duration time_of(const MediaSplitter::Stamp& stamp);

  InputSink& sink_;
  Form form_;
  std::vector<std::uint8_t> start_;  // what came before it is known what it is
  std::size_t start_bytes_ = 0;
  std::unique_ptr<FrameSplitter> splitter_;  // null until then
  MediaSplitter* media_ = nullptr;           // the same, if it has parts and times
  std::string kind_;
  bool has_times_ = false;
  std::optional<PartPackets> packets_;
  std::vector<PackedUnit> units_;
  TimeLine line_;
  std::optional<Now> zero_;    // of the units' times
  std::uint64_t counted_ = 0;  // units without times, since the bytes began
  Now arrived_{};              // the last bytes
  std::uint64_t frames_ = 0;   // that were found, good or bad
  bool started_ = false;
  bool held_ = false;
  bool ahead_ = false;  // of the container's times, until goes_on_at_
  MonoTime goes_on_at_{};
  bool over_ = false;
};

}  // namespace ott
