// A live input that has its frames as bytes which come in pieces: concatenated JPEGs, or the parts of a
// multipart stream. Whoever reads the pipe (src/io) puts the bytes in here; the frames in them go on to the
// sink. While it is held it wants no more bytes, so that whoever writes them waits.
#pragma once

#include <string>

#include "media/input.h"
#include "media/mjpeg_splitter.h"

namespace ott {

class ByteInput : public Input {
 public:
  /// `name`: how errors call it.
  ByteInput(SourceInfo info, InputSink& sink, std::string name);

  void start(Now) override { started_ = true; }
  /// The beginning of a frame that was not completed is forgotten.
  void stop(Now) override;
  void hold(bool held, Now now) override;
  /// False while nothing is to be read.
  [[nodiscard]] bool wants_bytes() const { return started_ && !held_ && !over_; }

  /// Room to read into; valid until the next call.
  MutableByteSpan space() { return splitter_.space(); }
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
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

 private:
  void push_frames(Now now);

  InputSink& sink_;
  std::string name_;
  MjpegSplitter splitter_;
  Now arrived_{};             // the last bytes
  std::uint64_t frames_ = 0;  // that were found, good or bad
  bool started_ = false;
  bool held_ = false;
  bool over_ = false;
};

}  // namespace ott
