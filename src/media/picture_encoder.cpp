#include "media/picture_encoder.h"

#include <string>

#include "media/jpeg_guard.h"

namespace ott {

class PictureEncoder::Compressor {
 public:
  Compressor(TestPicture& picture, unsigned width, unsigned height)
      : picture_(picture), width_(width), height_(height) {
    out_.err = errors_.install();
    ready_ = guarded(errors_, &Compressor::set_up, *this);
  }
  ~Compressor() { jpeg_destroy_compress(&out_); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  Result<ByteSpan> encode() {
    if (!ready_ || !guarded(errors_, &Compressor::encode_planes, *this)) {
      jpeg_abort_compress(&out_);
      return fail("the picture cannot be encoded: " + std::string(errors_.message));
    }
    return output_.written();
  }

 private:
  static void set_up(Compressor& self) {
    jpeg_compress_struct& out = self.out_;
    jpeg_create_compress(&out);
    out.dest = self.output_.install();
    out.image_width = self.width_;
    out.image_height = self.height_;
    out.input_components = 3;
    out.in_color_space = JCS_YCbCr;
    jpeg_set_defaults(&out);  // 4:2:0
    jpeg_set_quality(&out, kQuality, TRUE);
    out.raw_data_in = TRUE;
    out.dct_method = JDCT_FASTEST;
  }

  static void encode_planes(Compressor& self) {
    jpeg_start_compress(&self.out_, TRUE);
    JSAMPROW rows[3][kMcuRows];
    JSAMPARRAY planes[3] = {rows[0], rows[1], rows[2]};
    while (self.out_.next_scanline < self.out_.image_height) {
      const std::size_t top = self.out_.next_scanline;
      for (std::size_t p = 0; p < 3; ++p) {
        const std::size_t shift = p == 0 ? 0 : 1;
        for (std::size_t i = 0; i < kMcuRows >> shift; ++i)
          rows[p][i] = self.picture_.plane(p).row((top >> shift) + i);
      }
      jpeg_write_raw_data(&self.out_, planes, kMcuRows);
    }
    jpeg_finish_compress(&self.out_);
  }

  static constexpr std::size_t kMcuRows = 16;

  TestPicture& picture_;
  unsigned width_, height_;
  jpeg_compress_struct out_{};
  JpegErrors errors_{};
  JpegOutput output_{};
  bool ready_ = false;
};

PictureEncoder::PictureEncoder(TestPicture& picture, unsigned width, unsigned height)
    : compressor_(std::make_unique<Compressor>(picture, width, height)) {}

PictureEncoder::~PictureEncoder() = default;

Result<ByteSpan> PictureEncoder::encode() { return compressor_->encode(); }

}  // namespace ott
