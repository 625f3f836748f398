#include "media/jpeg_guard.h"

#include <jerror.h>

namespace ott {
namespace {

constexpr std::size_t kOutputBytesMin = 64 * 1024;

[[noreturn]] void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  (*info->err->format_message)(info, errors->message);
  std::longjmp(errors->where, 1);
}

// What libjpeg warns about although every pixel is there.
bool harmless(int message) {
  return message == JWRN_EXTRANEOUS_DATA || message == JWRN_JFIF_MAJOR || message == JWRN_ADOBE_XFORM ||
         message == JWRN_BOGUS_ICC;
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0 || harmless(info->err->msg_code)) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  errors->cut_off = errors->cut_off || info->err->msg_code == JWRN_JPEG_EOF;
  if (!errors->cut_off) leave(info);
}

JpegOutput& output_of(j_compress_ptr out) { return *reinterpret_cast<JpegOutput*>(out->dest); }

void give_room(JpegOutput& output, std::size_t used) {
  output.base.next_output_byte = output.bytes.data() + used;
  output.base.free_in_buffer = output.bytes.size() - used;
}

void on_start(j_compress_ptr out) {
  JpegOutput& output = output_of(out);
  output.used = 0;
  if (output.bytes.size() < kOutputBytesMin) output.bytes.resize(kOutputBytesMin);
  give_room(output, 0);
}

boolean on_full(j_compress_ptr out) {  // libjpeg has filled all of it, whatever free_in_buffer says
  JpegOutput& output = output_of(out);
  const std::size_t used = output.bytes.size();
  output.bytes.resize(used * 2);
  give_room(output, used);
  return TRUE;
}

void on_end(j_compress_ptr out) {
  JpegOutput& output = output_of(out);
  output.used = output.bytes.size() - output.base.free_in_buffer;
}

}  // namespace

jpeg_error_mgr* JpegErrors::install() {
  jpeg_std_error(&base);
  base.error_exit = leave;
  base.emit_message = on_message;
  base.output_message = [](j_common_ptr) {};
  message[0] = '\0';
  cut_off = false;
  return &base;
}

jpeg_destination_mgr* JpegOutput::install() {
  base.init_destination = on_start;
  base.empty_output_buffer = on_full;
  base.term_destination = on_end;
  return &base;
}

}  // namespace ott
