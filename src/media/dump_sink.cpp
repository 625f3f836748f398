#include "media/dump_sink.h"

#include <fmt/format.h>

#include <utility>

namespace ott {

DumpSink::DumpSink(std::unique_ptr<FrameSink> pictures, std::unique_ptr<FrameSink> bytes)
    : pictures_(std::move(pictures)), bytes_(std::move(bytes)) {}

Result<void> DumpSink::write_packets(const StreamInfo& stream, const FramePtr& frame) {
  if (writer_ == nullptr || stream.id != stream_.id) {
    if (writer_ != nullptr && stream.format == stream_.format) {
      writer_->begin_anew();
    } else {
      writer_ = make_dump_writer(stream.format);
    }
    stream_ = stream;
  }
  if (writer_ == nullptr) {
    return fail(
        fmt::format("--dump -: '{}' is {}, of which there is no plain stream of bytes; --record FILE.mkv "
                    "holds it",
                    stream.name, describe(stream.format)));
  }
  const auto edits = writer_->take(*frame);
  if (!edits) {
    ++unusable_;
    return {};
  }
  if (edits->before.empty()) return bytes_->failure();
  const std::uint64_t left_out = bytes_->frames_left_out();
  auto written = bytes_->write(edits->before);
  if (bytes_->frames_left_out() > left_out) writer_->skip();
  return written;
}

Result<void> DumpSink::failure() {
  auto failed = pictures_->failure();
  return failed ? bytes_->failure() : failed;
}

void DumpSink::give_up() {
  pictures_->give_up();
  bytes_->give_up();
}

std::uint64_t DumpSink::frames_left_out() const {
  return pictures_->frames_left_out() + bytes_->frames_left_out() + unusable_;
}

}  // namespace ott
