// One part of a source as a stream of bytes, for --dump: what plain files have of each encoding.
//
//     L16, PCMU, PCMA    WAV (.wav)
//     H264, H265         a byte stream of NAL units (annex B of both), with parameter sets at each place
//     where
//                        decoding can begin (.h264, .h265)
//     MP2T               a transport stream (.ts)
//     t140, red          lines of UTF-8 (.txt)
#pragma once

#include <memory>
#include <string_view>

#include "media/container_writer.h"
#include "media/outlet.h"
#include "ott/media_format.h"
#include "ott/result.h"

namespace ott {

class DumpWriter {
 public:
  virtual ~DumpWriter() = default;

  /// What a frame adds to the file; nothing where it refers to one that is missing. The error says why it is
  /// left out, and is not final. What replaces bytes is of no matter to who cannot do it: the file is right
  /// as far as it goes without.
  Result<FileEdits> take(const Frame& frame);
  /// Frames were taken, and not written: goes on where decoding can begin.
  void skip() { waits_ = inter_coded_; }
  /// Another stream of the same format takes the place of the one before.
  void begin_anew();
  /// What makes the file complete.
  virtual FileEdits finish() { return {}; }

 protected:
  explicit DumpWriter(bool inter_coded) : inter_coded_(inter_coded), waits_(inter_coded) {}
  virtual Result<FileEdits> convert(const Frame& frame) = 0;
  virtual void reset() = 0;

 private:
  bool inter_coded_;
  bool waits_;  // for a frame at which decoding can begin
  FrameNumber last_;
};

/// ".wav"; empty if there is no such file of this format.
[[nodiscard]] std::string_view dump_extension(const MediaFormat& format);
/// Null if there is none.
std::unique_ptr<DumpWriter> make_dump_writer(const MediaFormat& format);

}  // namespace ott
