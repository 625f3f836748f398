#include "media/dump_writer.h"

#include <algorithm>
#include <array>
#include <string>

#include "media/h264_config.h"
#include "media/h265_config.h"
#include "media/media_sample.h"
#include "media/nal_units.h"
#include "media/payload_format.h"
#include "media/text_lines.h"
#include "media/wav_writer.h"
#include "ott/assert.h"

namespace ott {
namespace {

/// The dump of any encoding that has a depacketizer.
class SampleDump : public DumpWriter {
 public:
  explicit SampleDump(const MediaFormat& format)
      : DumpWriter(payload_format(format).inter_coded),
        format_(format),
        depacketizer_(make_depacketizer(format)) {
    OTT_ASSERT(depacketizer_ != nullptr);
  }

 protected:
  Result<FileEdits> convert(const Frame& frame) override {
    const auto samples = depacketizer_->take(frame);
    if (!samples) return tl::unexpected(samples.error());
    FileEdits edits;
    for (const MediaSample& sample : *samples) {
      if (auto put_in = put(sample, edits); !put_in) return tl::unexpected<Error>(std::move(put_in.error()));
    }
    return edits;
  }
  void reset() override { depacketizer_ = make_depacketizer(format_); }
  virtual Result<void> put(const MediaSample& sample, FileEdits& edits) = 0;

  const MediaFormat format_;
  std::unique_ptr<MediaDepacketizer> depacketizer_;
};

/// Takes parameter sets, each behind its length in two bytes. False if they are not whole.
bool take_sets(ByteSpan& rest, std::size_t count, std::vector<ByteSpan>& sets) {
  for (; count > 0; --count) {
    if (rest.size() < 2) return false;
    const std::size_t bytes = std::size_t{rest[0]} << 8U | rest[1];
    if (rest.size() - 2 < bytes) return false;
    sets.push_back(rest.subspan(2, bytes));
    rest = rest.subspan(2 + bytes);
  }
  return true;
}

/// Of an avcC (ISO/IEC 14496-15, section 5.3.3.1): those of sequences, then those of pictures.
std::vector<ByteSpan> sets_of_avcc(ByteSpan record) {
  constexpr std::size_t kSetsAt = 5;
  std::vector<ByteSpan> sets;
  if (record.size() <= kSetsAt) return sets;
  ByteSpan rest = record.subspan(kSetsAt);
  for (const unsigned mask : {0x1FU, 0xFFU}) {
    if (rest.empty()) return sets;
    const std::size_t count = rest[0] & mask;
    rest = rest.subspan(1);
    if (!take_sets(rest, count, sets)) return sets;
  }
  return sets;
}

/// Of an hvcC (section 8.3.3.1): an array for each type.
std::vector<ByteSpan> sets_of_hvcc(ByteSpan record) {
  constexpr std::size_t kArraysAt = 22, kArrayHeadBytes = 3;
  std::vector<ByteSpan> sets;
  if (record.size() <= kArraysAt) return sets;
  std::size_t arrays = record[kArraysAt];
  ByteSpan rest = record.subspan(kArraysAt + 1);
  for (; arrays > 0 && rest.size() >= kArrayHeadBytes; --arrays) {
    const std::size_t count = std::size_t{rest[1]} << 8U | rest[2];
    rest = rest.subspan(kArrayHeadBytes);
    if (!take_sets(rest, count, sets)) return sets;
  }
  return sets;
}

/// A byte stream of NAL units.
class AnnexBDump final : public SampleDump {
 public:
  explicit AnnexBDump(const MediaFormat& format) : SampleDump(format), is_h264_(format.is("H264")) {}

 private:
  [[nodiscard]] unsigned type_of(ByteSpan nal) const {
    return is_h264_ ? h264::nal_type(nal[0]) : h265::nal_type(nal[0]);
  }

  /// A sync point has the parameter sets, behind the delimiter that begins an access unit, so that a decoder
  /// can begin there.
  Result<void> put(const MediaSample& sample, FileEdits& edits) override {
    constexpr unsigned kH264Delimiter = 9, kH265Delimiter = 35;
    const auto units = nal_units_of_sample(sample.bytes);
    if (!units) return tl::unexpected(units.error());
    const bool has_sets = std::ranges::any_of(
        *units, [this](ByteSpan nal) { return type_of(nal) == (is_h264_ ? h264::kSps : h265::kSps); });
    bool wants_sets = sample.sync_point && !has_sets && depacketizer_->config() != nullptr;
    for (const ByteSpan nal : *units) {
      const bool delimits = type_of(nal) == (is_h264_ ? kH264Delimiter : kH265Delimiter);
      if (wants_sets && !delimits) {
        const ByteSpan record = depacketizer_->config()->record;
        for (const ByteSpan set : is_h264_ ? sets_of_avcc(record) : sets_of_hvcc(record))
          append_nal_to_byte_stream(set, edits.before);
        wants_sets = false;
      }
      append_nal_to_byte_stream(nal, edits.before);
    }
    return {};
  }

  bool is_h264_;
};

class TransportDump final : public SampleDump {
 public:
  using SampleDump::SampleDump;

 private:
  Result<void> put(const MediaSample& sample, FileEdits& edits) override {
    edits.before.insert(edits.before.end(), sample.bytes.begin(), sample.bytes.end());
    return {};
  }
};

class TextDump final : public SampleDump {
 public:
  using SampleDump::SampleDump;

  FileEdits finish() override {
    FileEdits edits;
    if (const auto line = lines_.take_rest()) append(*line, edits);
    return edits;
  }

 private:
  static void append(const TextLines::Line& line, FileEdits& edits) {
    edits.before.insert(edits.before.end(), line.text.begin(), line.text.end());
    edits.before.push_back('\n');
  }
  Result<void> put(const MediaSample& sample, FileEdits& edits) override {
    const std::string_view text(reinterpret_cast<const char*>(sample.bytes.data()), sample.bytes.size());
    for (const TextLines::Line& line : lines_.take(text, sample.media_time)) append(line, edits);
    return {};
  }

  TextLines lines_;
};

class AudioDump final : public SampleDump {
 public:
  explicit AudioDump(const MediaFormat& format) : SampleDump(format), wav_(format) {}

  FileEdits finish() override { return wav_.finish(); }

 private:
  Result<void> put(const MediaSample& sample, FileEdits& edits) override {
    wav_.add(sample.bytes, sample.media_time, edits);
    return {};
  }
  void reset() override {
    SampleDump::reset();
    wav_.begin_anew();
  }

  WavWriter wav_;
};

template <class Dump>
std::unique_ptr<DumpWriter> make(const MediaFormat& format) {
  return std::make_unique<Dump>(format);
}

struct DumpFormat {
  std::string_view encoding;
  MediaKind media;
  std::string_view extension;
  std::unique_ptr<DumpWriter> (*make)(const MediaFormat& format);
};
constexpr std::array kDumpFormats = {
    DumpFormat{"L16", MediaKind::Audio, ".wav", make<AudioDump>},
    DumpFormat{"PCMU", MediaKind::Audio, ".wav", make<AudioDump>},
    DumpFormat{"PCMA", MediaKind::Audio, ".wav", make<AudioDump>},
    DumpFormat{"H264", MediaKind::Video, ".h264", make<AnnexBDump>},
    DumpFormat{"H265", MediaKind::Video, ".h265", make<AnnexBDump>},
    DumpFormat{"MP2T", MediaKind::Video, ".ts", make<TransportDump>},
    DumpFormat{"t140", MediaKind::Text, ".txt", make<TextDump>},
    DumpFormat{"red", MediaKind::Text, ".txt", make<TextDump>},
};

const DumpFormat* row_of(const MediaFormat& format) {
  for (const DumpFormat& row : kDumpFormats) {
    if (format.media == row.media && format.is(row.encoding)) return &row;
  }
  return nullptr;
}

}  // namespace

Result<FileEdits> DumpWriter::take(const Frame& frame) {
  const bool has_gap = last_.value != 0 && frame.number.value != last_.value + 1;
  last_ = frame.number;
  if (has_gap) skip();
  if (frame.sync_point) waits_ = false;
  if (waits_) return FileEdits{};
  auto edits = convert(frame);
  if (!edits) skip();
  return edits;
}

void DumpWriter::begin_anew() {
  skip();
  last_ = {};
  reset();
}

std::string_view dump_extension(const MediaFormat& format) {
  const DumpFormat* row = row_of(format);
  return row == nullptr ? std::string_view() : row->extension;
}

std::unique_ptr<DumpWriter> make_dump_writer(const MediaFormat& format) {
  const DumpFormat* row = row_of(format);
  return row == nullptr ? nullptr : row->make(format);
}

}  // namespace ott
