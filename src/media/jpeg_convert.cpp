#include "media/jpeg_convert.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "media/jpeg_guard.h"
#include "ott/assert.h"

namespace ott {

/// One conversion at a time: a decompressor and a compressor that live as long as the conversion, so no table
/// of one frame leaks into the next, and an output buffer that stays.
class JpegConverter::Engine {
 public:
  Result<Converted> convert(ByteSpan jpeg);
  /// Of the JPEG that was converted last.
  [[nodiscard]] int components() const { return components_; }

 private:
  enum class Verdict { Done, NeedsReencoding };

  bool run(void (*step)(Engine&), ByteSpan jpeg);
  static void transcode(Engine& self);
  static void reencode(Engine& self);
  void read_header();
  [[nodiscard]] bool copies_to(int& luma_v) const;
  [[nodiscard]] bool coefficients_fit(jvirt_barray_ptr* coefficients);
  void write_colour(jvirt_barray_ptr* coefficients, int luma_v);
  void write_grey(jvirt_barray_ptr* coefficients);
  void start_reencoding();
  void convert_row(JSAMPROW from, JSAMPROW to) const;

  jpeg_decompress_struct in_{};
  jpeg_compress_struct out_{};
  jpeg_progress_mgr progress_{};
  JpegErrors errors_{};
  JpegOutput output_{};
  jvirt_barray_ptr grey_arrays_[3] = {};  // libjpeg keeps the address until the image is finished
  ByteSpan jpeg_;
  Verdict verdict_ = Verdict::Done;
  int components_ = 0;
};

namespace {

constexpr int kScansMax = 100;
// What the standard Huffman tables can code (ITU-T T.81, annex K.3): 11 bits of DC difference, 10 bits of AC.
constexpr int kAcMax = 1023;
constexpr int kDcMin = -1024, kDcMax = 1023;

void set_sampling(jpeg_compress_struct& out, int luma_v) {
  out.comp_info[0].h_samp_factor = 2;
  out.comp_info[0].v_samp_factor = luma_v;
  for (int i = 1; i < 3; ++i) out.comp_info[i].h_samp_factor = out.comp_info[i].v_samp_factor = 1;
}

bool block_fits(const JCOEF* block) {
  int beyond = static_cast<int>(block[0] < kDcMin || block[0] > kDcMax);
  for (int i = 1; i < DCTSIZE2; ++i) beyond |= static_cast<int>(block[i] < -kAcMax || block[i] > kAcMax);
  return beyond == 0;
}

// A progressive file may hold thousands of empty scans, each as costly as a full one.
void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kScansMax) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kScansMax);
  std::longjmp(errors->where, 1);
}

}  // namespace

Result<JpegConverter::Converted> JpegConverter::Engine::convert(ByteSpan jpeg) {
  How how = How::Transcoded;
  verdict_ = Verdict::Done;
  bool done = run(&Engine::transcode, jpeg);
  if (!done || verdict_ == Verdict::NeedsReencoding) {
    how = How::Reencoded;
    done = run(&Engine::reencode, jpeg);
  }
  if (!done) return fail(errors_.message);
  const ByteSpan written = output_.written();
  auto image = parse_jpeg(written);
  if (!image) return tl::unexpected<Error>(image.error());  // over 16 MiB
  OTT_ASSERT(image->carriable());
  image->cut_off = errors_.cut_off;
  return Converted{written, *image, how};
}

bool JpegConverter::Engine::run(void (*step)(Engine&), ByteSpan jpeg) {
  jpeg_ = jpeg;
  in_ = {};
  out_ = {};
  in_.err = out_.err = errors_.install();
  const bool done = guarded(errors_, step, *this);
  jpeg_destroy_decompress(&in_);
  jpeg_destroy_compress(&out_);
  return done;
}

void JpegConverter::Engine::read_header() {
  jpeg_create_decompress(&in_);
  jpeg_create_compress(&out_);
  progress_.progress_monitor = on_progress;
  in_.progress = &progress_;
  out_.dest = output_.install();
  jpeg_mem_src(&in_, jpeg_.data(), jpeg_.size());
  jpeg_read_header(&in_, TRUE);
  components_ = in_.num_components;
}

void JpegConverter::Engine::transcode(Engine& self) {
  self.read_header();
  int luma_v = 2;
  const bool grey = self.in_.num_components == 1 && self.in_.jpeg_color_space == JCS_GRAYSCALE;
  if (!grey && !self.copies_to(luma_v)) {
    self.verdict_ = Verdict::NeedsReencoding;
    return;
  }
  jvirt_barray_ptr* coefficients = jpeg_read_coefficients(&self.in_);
  if (!self.coefficients_fit(coefficients)) {
    self.verdict_ = Verdict::NeedsReencoding;
    return;
  }
  jpeg_copy_critical_parameters(&self.in_, &self.out_);
  if (grey) {
    self.write_grey(coefficients);
  } else {
    self.write_colour(coefficients, luma_v);
  }
  jpeg_finish_compress(&self.out_);
}

// 4:2:0 and 4:2:2 by the ratio of their factors: some encoders write 4:2:2 as 2x2, 1x2, 1x2, which has the
// same blocks as 2x1, 1x1, 1x1.
bool JpegConverter::Engine::copies_to(int& luma_v) const {
  if (in_.num_components != 3 || in_.jpeg_color_space != JCS_YCbCr) return false;
  const jpeg_component_info& luma = in_.comp_info[0];
  const jpeg_component_info& cb = in_.comp_info[1];
  const jpeg_component_info& cr = in_.comp_info[2];
  if (cb.h_samp_factor != cr.h_samp_factor || cb.v_samp_factor != cr.v_samp_factor) return false;
  if (luma.h_samp_factor != 2 * cb.h_samp_factor) return false;
  if (luma.v_samp_factor % cb.v_samp_factor != 0) return false;
  luma_v = luma.v_samp_factor / cb.v_samp_factor;
  return luma_v == 1 || luma_v == 2;
}

bool JpegConverter::Engine::coefficients_fit(jvirt_barray_ptr* coefficients) {
  const auto common = reinterpret_cast<j_common_ptr>(&in_);
  for (int c = 0; c < in_.num_components; ++c) {
    const jpeg_component_info& component = in_.comp_info[c];
    for (JDIMENSION y = 0; y < component.height_in_blocks; ++y) {
      const JBLOCKROW row = (*in_.mem->access_virt_barray)(common, coefficients[c], y, 1, FALSE)[0];
      for (JDIMENSION x = 0; x < component.width_in_blocks; ++x) {
        if (!block_fits(row[x])) return false;
      }
    }
  }
  if (in_.num_components < 3) return true;
  const JQUANT_TBL* cb = in_.comp_info[1].quant_table;
  const JQUANT_TBL* cr = in_.comp_info[2].quant_table;
  return cb != nullptr && cr != nullptr && std::memcmp(cb->quantval, cr->quantval, sizeof cb->quantval) == 0;
}

void JpegConverter::Engine::write_colour(jvirt_barray_ptr* coefficients, int luma_v) {
  set_sampling(out_, luma_v);
  jpeg_write_coefficients(&out_, coefficients);
}

// The luma blocks of a 4:2:0 image whose chroma is zero everywhere. A grey image may have incomplete MCUs;
// the arrays of 4:2:0 hold a whole number of them.
void JpegConverter::Engine::write_grey(jvirt_barray_ptr* coefficients) {
  const jpeg_component_info& grey = in_.comp_info[0];
  const int table = grey.quant_tbl_no;
  jpeg_set_colorspace(&out_, JCS_YCbCr);
  set_sampling(out_, 2);
  for (int i = 0; i < 3; ++i) out_.comp_info[i].quant_tbl_no = table;

  const auto common = reinterpret_cast<j_common_ptr>(&out_);
  const JDIMENSION mcus_x = (grey.width_in_blocks + 1) / 2;
  const JDIMENSION mcus_y = (grey.height_in_blocks + 1) / 2;
  for (JDIMENSION i = 0; i < 3; ++i) {
    const JDIMENSION factor = i == 0 ? 2 : 1;
    grey_arrays_[i] =
        (*out_.mem->request_virt_barray)(common, JPOOL_IMAGE, TRUE, mcus_x * factor, mcus_y * factor, factor);
  }
  jpeg_write_coefficients(&out_, grey_arrays_);  // writes nothing yet, but makes the arrays real
  for (JDIMENSION y = 0; y < grey.height_in_blocks; ++y) {
    const JBLOCKROW from =
        (*in_.mem->access_virt_barray)(reinterpret_cast<j_common_ptr>(&in_), coefficients[0], y, 1, FALSE)[0];
    const JBLOCKROW to = (*out_.mem->access_virt_barray)(common, grey_arrays_[0], y, 1, TRUE)[0];
    std::memcpy(to, from, grey.width_in_blocks * sizeof(JBLOCK));
  }
}

void JpegConverter::Engine::reencode(Engine& self) {
  self.read_header();
  self.start_reencoding();
  jpeg_decompress_struct& in = self.in_;
  const auto common = reinterpret_cast<j_common_ptr>(&in);
  const JDIMENSION in_bytes = in.output_width * static_cast<JDIMENSION>(in.output_components);
  const JSAMPARRAY from = (*in.mem->alloc_sarray)(common, JPOOL_IMAGE, in_bytes, 1);
  const JSAMPARRAY to = (*in.mem->alloc_sarray)(common, JPOOL_IMAGE, in.output_width * 3, 1);
  while (in.output_scanline < in.output_height) {
    jpeg_read_scanlines(&in, from, 1);
    const bool cmyk = in.out_color_space == JCS_CMYK;
    if (cmyk) self.convert_row(from[0], to[0]);
    jpeg_write_scanlines(&self.out_, cmyk ? to : from, 1);
  }
  jpeg_finish_decompress(&in);
  jpeg_finish_compress(&self.out_);
}

void JpegConverter::Engine::start_reencoding() {
  // 4:2:2 keeps more; 4:2:0 where the image has no more than that.
  const bool halved = in_.num_components >= 3 && in_.comp_info[1].v_samp_factor < in_.max_v_samp_factor;
  switch (in_.jpeg_color_space) {
    case JCS_YCbCr:
      in_.out_color_space = JCS_YCbCr;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      in_.out_color_space = JCS_CMYK;
      break;
    default:
      in_.out_color_space = JCS_RGB;
  }
  jpeg_start_decompress(&in_);
  out_.image_width = in_.output_width;
  out_.image_height = in_.output_height;
  out_.input_components = 3;
  out_.in_color_space = in_.out_color_space == JCS_YCbCr ? JCS_YCbCr : JCS_RGB;
  jpeg_set_defaults(&out_);
  jpeg_set_quality(&out_, kReencodeQuality, TRUE);
  set_sampling(out_, halved ? 2 : 1);
  jpeg_start_compress(&out_, TRUE);
}

// CMYK to RGB without a colour profile. JPEGs hold the inks inverted, as Adobe's programs began to do,
// whether Adobe's marker is there or not: 255 is no ink.
void JpegConverter::Engine::convert_row(JSAMPROW from, JSAMPROW to) const {
  for (JDIMENSION x = 0; x < in_.output_width; ++x, from += 4, to += 3) {
    for (int i = 0; i < 3; ++i) to[i] = static_cast<JSAMPLE>(unsigned{from[i]} * from[3] / 255);
  }
}

JpegConverter::JpegConverter() = default;
JpegConverter::~JpegConverter() = default;
JpegConverter::JpegConverter(JpegConverter&&) noexcept = default;
JpegConverter& JpegConverter::operator=(JpegConverter&&) noexcept = default;

Result<JpegConverter::Converted> JpegConverter::make_carriable(ByteSpan jpeg) {
  const auto image = parse_jpeg(jpeg);
  if (!image) return tl::unexpected<Error>(image.error());
  if (image->carriable()) return Converted{jpeg.first(image->bytes), *image, How::AsIs};
  const auto why = [&](const std::string& what) {
    return fail("the JPEG (" + std::string(to_string(image->obstacle)) + ") cannot be converted: " + what);
  };
  if (std::uint64_t{image->width} * image->height > kPixelsMax) {
    return why(std::to_string(image->width) + "x" + std::to_string(image->height) + " is too large");
  }
  if (!engine_) engine_ = std::make_unique<Engine>();
  auto converted = engine_->convert(jpeg);
  if (!converted) return why(converted.error().message);
  converted->why = image->obstacle;
  // What the input says beside the picture holds on, but for how its colours were coded.
  JpegMetadata& metadata = converted->image.metadata;
  metadata = {};
  metadata.dropped = image->metadata.dropped;
  for (const ByteSpan segment : image->metadata.all()) {
    const bool other_colours = is_icc_profile(segment) && engine_->components() != 3;
    if (other_colours) converted->no_more_true = segment;
    if (!other_colours && !is_adobe(segment)) metadata.add(segment);
  }
  return converted;
}

}  // namespace ott
