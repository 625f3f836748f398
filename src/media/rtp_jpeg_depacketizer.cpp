// Packets to JPEG.
#include <algorithm>
#include <string>
#include <utility>

#include "media/rtp_jpeg_format.h"
#include "ott/rtp_jpeg.h"

namespace ott {

/// One packet's JPEG headers (section 3.1). The spans point into the packet.
struct RtpJpegDepacketizer::Fragment {
  FrameId id;
  bool last = false;
  std::size_t offset = 0;
  std::array<std::uint8_t, 4> shape{};  // type, Q, width and height as they are in the header
  PictureSize size;                     // the true one; of a first fragment
  std::uint16_t restart_interval = 0;
  ByteSpan beside;  // marker segments; of a first fragment
  bool has_tables = false;
  std::array<ByteSpan, 2> tables;
  ByteSpan data;

  [[nodiscard]] std::uint8_t type() const { return shape[0]; }
  [[nodiscard]] std::uint8_t q() const { return shape[1]; }
};

namespace {

/// Takes the next marker segment from the front of an extension's data; empty: there is none any more.
ByteSpan take_segment(ByteSpan& rest) {
  while (rest.size() >= 4 && rest[0] == 0xFF && rest[1] == 0xFF) rest = rest.subspan(1);  // padding
  if (rest.size() < 4 || rest[0] != 0xFF) return {};
  const std::size_t length = load_be<std::uint16_t>(rest.data() + 2);
  if (length < 2 || length + 2 > rest.size()) return {};
  const ByteSpan segment = rest.first(2 + length);
  rest = rest.subspan(2 + length);
  return segment;
}

/// The size in an extension's SOF0, if it has one.
std::optional<PictureSize> size_beside(ByteSpan beside) {
  for (ByteSpan segment; !(segment = take_segment(beside)).empty();) {
    if ((segment[1] == kSof0 || segment[1] == kSof1) && segment.size() >= 9) {
      return PictureSize{load_be<std::uint16_t>(segment.data() + 7),
                         load_be<std::uint16_t>(segment.data() + 5)};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<RtpJpegDepacketizer::Fragment> RtpJpegDepacketizer::parse_fragment(const RtpPacket& packet) const {
  const RtpHeader& header = packet.header;
  if (header.payload_type != payload_type_) {
    return fail("RTP payload type " + std::to_string(header.payload_type) + " instead of " +
                std::to_string(payload_type_) + " (JPEG)");
  }
  ByteSpan rest = packet.payload;
  if (rest.size() < kMainHeaderBytes) return fail("an RTP/JPEG packet ends within its header");
  Fragment fragment;
  fragment.id = {header.timestamp, header.ssrc};
  fragment.last = header.marker;
  fragment.offset = (std::size_t{rest[1]} << 16) | load_be<std::uint16_t>(rest.data() + 2);
  std::ranges::copy(rest.subspan(4, 4), fragment.shape.begin());
  rest = rest.subspan(kMainHeaderBytes);

  const std::uint8_t type = fragment.type();
  if ((type & ~(kTypeRestart | 1U)) != 0) {
    return fail("RTP/JPEG type " + std::to_string(type) + "; RFC 2435 defines 0, 1, 64 and 65");
  }
  if (fragment.q() == 0 || (fragment.q() > 99 && fragment.q() < kQInBandMin)) {
    return fail("RTP/JPEG Q " + std::to_string(fragment.q()) + " is reserved");
  }
  if (type >= kTypeRestart) {
    if (rest.size() < kRestartHeaderBytes) return fail("an RTP/JPEG packet ends within its restart header");
    fragment.restart_interval = load_be<std::uint16_t>(rest.data());
    if (fragment.restart_interval == 0) return fail("an RTP/JPEG restart interval of 0");
    rest = rest.subspan(kRestartHeaderBytes);
  }
  fragment.data = rest;
  if (fragment.offset == 0) {
    if (header.extension && header.extension->profile == kRtpJpegExtensionProfile) {
      fragment.beside = header.extension->data;
    }
    fragment.size = size_of(fragment);
    if (auto read = parse_tables(fragment); !read) return tl::unexpected<Error>(std::move(read.error()));
  }
  if (fragment.offset + fragment.data.size() > kJpegScanBytesMax)
    return fail("an RTP/JPEG frame over 16 MiB");
  return fragment;
}

PictureSize RtpJpegDepacketizer::size_of(const Fragment& fragment) const {
  if (const auto size = size_beside(fragment.beside)) return *size;
  const auto fits = [](std::uint8_t field, std::uint16_t side) {
    return field == 0 || field == ((side + 7U) / 8 & 0xFFU);
  };
  const std::uint8_t width = fragment.shape[2], height = fragment.shape[3];
  if (told_size_ && fits(width, told_size_->width) && fits(height, told_size_->height)) return *told_size_;
  return {static_cast<std::uint16_t>(width * 8), static_cast<std::uint16_t>(height * 8)};
}

Result<void> RtpJpegDepacketizer::parse_tables(Fragment& fragment) {
  if (fragment.q() < kQInBandMin) return {};
  ByteSpan& rest = fragment.data;
  if (rest.size() < kQuantHeaderBytes) return fail("an RTP/JPEG packet ends within its table header");
  const std::uint8_t precision = rest[1];
  const std::size_t length = load_be<std::uint16_t>(rest.data() + 2);
  rest = rest.subspan(kQuantHeaderBytes);
  if (length > rest.size()) return fail("an RTP/JPEG packet ends within its quantisation tables");
  ByteSpan tables = rest.first(length);
  rest = rest.subspan(length);
  if (length == 0) return {};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::size_t bytes = ((precision >> i) & 1) != 0 ? kTable16Bytes : kTable8Bytes;
    if (i == 1 && tables.empty()) {  // some senders leave out the second of two equal tables
      fragment.tables[1] = fragment.tables[0];
      break;
    }
    if (tables.size() < bytes)
      return fail("RTP/JPEG quantisation tables of " + std::to_string(length) + " bytes");
    fragment.tables[i] = tables.first(bytes);
    tables = tables.subspan(bytes);
  }
  fragment.has_tables = true;
  return {};
}

void RtpJpegDepacketizer::reset() {
  current_.reset();
  broken_.reset();
  cached_tables_.clear();
}

tl::unexpected<Error> RtpJpegDepacketizer::give_up(std::string why) {
  current_.reset();
  ++frames_broken_;
  return fail(std::move(why));
}

Result<std::optional<ByteSpan>> RtpJpegDepacketizer::push(ByteSpan rtp_packet) {
  const auto packet = parse_rtp(rtp_packet);
  if (!packet) return tl::unexpected<Error>(packet.error());
  const auto fragment = parse_fragment(*packet);
  if (!fragment) {
    const FrameId id{packet->header.timestamp, packet->header.ssrc};
    if (std::exchange(broken_, id) == id) return std::nullopt;
    if (current_ && *current_ != id) ++frames_broken_;  // that one has lost its end
    return give_up(fragment.error().message);
  }

  Result<void> previous;
  if (current_ && *current_ != fragment->id) {
    previous =
        give_up("a frame lost its end after " + std::to_string(frame_.size() - headers_bytes_) + " bytes");
  }
  if (broken_ == fragment->id && fragment->offset != 0) return std::nullopt;
  if (auto placed = place(*fragment); !placed) {
    broken_ = fragment->id;
    return tl::unexpected<Error>(std::move(placed.error()));
  }
  if (fragment->last) {
    auto jpeg = finish();
    if (!jpeg) return tl::unexpected<Error>(std::move(jpeg.error()));
    return std::optional<ByteSpan>(*jpeg);
  }
  if (!previous) return tl::unexpected<Error>(std::move(previous.error()));
  return std::nullopt;
}

Result<void> RtpJpegDepacketizer::place(const Fragment& fragment) {
  if (fragment.offset == 0) {
    if (auto begun = begin(fragment); !begun) return give_up(std::move(begun.error().message));
  } else if (!current_) {
    return give_up("a frame lost its first " + std::to_string(fragment.offset) + " bytes");
  } else if (const std::size_t have = frame_.size() - headers_bytes_; fragment.offset != have) {
    return give_up("a frame goes on at byte " + std::to_string(fragment.offset) + " instead of " +
                   std::to_string(have));
  } else if (fragment.shape != shape_) {
    return give_up("a frame changes its type, Q or size between its packets");
  }
  frame_.insert(frame_.end(), fragment.data.begin(), fragment.data.end());
  return {};
}

Result<RtpJpegDepacketizer::QuantTables> RtpJpegDepacketizer::tables_of(const Fragment& fragment) {
  const auto join = [](ByteSpan luma, ByteSpan chroma) {
    QuantTables tables;
    std::ranges::copy(chroma, std::ranges::copy(luma, tables.bytes.begin()).out);
    tables.sizes = {static_cast<std::uint16_t>(luma.size()), static_cast<std::uint16_t>(chroma.size())};
    return tables;
  };
  const std::uint8_t q = fragment.q();
  if (q < kQInBandMin) {
    const ByteSpan scaled = rtp_jpeg_quant_tables(q);
    return join(scaled.first(kTable8Bytes), scaled.last(kTable8Bytes));
  }
  if (fragment.has_tables) {
    const QuantTables tables = join(fragment.tables[0], fragment.tables[1]);
    if (q != kQDynamic) cached_tables_[q] = tables;
    return tables;
  }
  const auto cached = cached_tables_.find(q);
  if (cached == cached_tables_.end()) {
    return fail("the quantisation tables of Q " + std::to_string(q) + " have not been sent");
  }
  return cached->second;
}

/// The picture's own JFIF header comes first if it has one, else the usual one, so that decoders agree on
/// what the colours are.
void RtpJpegDepacketizer::put_metadata(ByteSpan beside) {
  std::optional<ByteSpan> jfif;
  for (ByteSpan rest = beside, segment; !(segment = take_segment(rest)).empty();) {
    if (!jfif && is_jfif(segment)) jfif = segment;
  }
  const ByteSpan first = jfif.value_or(kJfifHeader);
  frame_.insert(frame_.end(), first.begin(), first.end());
  for (ByteSpan rest = beside, segment; !(segment = take_segment(rest)).empty();) {
    const bool is_first = jfif && segment.data() == jfif->data();
    if (is_metadata(segment[1]) && !is_first) frame_.insert(frame_.end(), segment.begin(), segment.end());
  }
}

Result<void> RtpJpegDepacketizer::begin(const Fragment& fragment) {
  if (fragment.size.width == 0 || fragment.size.height == 0) {
    return fail(
        "an RTP/JPEG frame does not say its size, as one over 2040 pixels cannot; it is to be told "
        "(?size=WIDTHxHEIGHT)");
  }
  const auto tables = tables_of(fragment);
  if (!tables) return tl::unexpected<Error>(tables.error());

  const auto put = [this](ByteSpan bytes) { frame_.insert(frame_.end(), bytes.begin(), bytes.end()); };
  const auto put_segment = [&](std::uint8_t marker, std::size_t body_bytes) {
    const std::size_t length = body_bytes + 2;
    put(std::to_array<std::uint8_t>(
        {0xFF, marker, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)}));
  };
  frame_.clear();
  put(std::to_array<std::uint8_t>({0xFF, kSoi}));
  put_metadata(fragment.beside);
  ByteSpan rest(tables->bytes);
  for (std::uint8_t id = 0; id < 2; ++id) {
    const std::size_t bytes = tables->sizes[id];
    put_segment(kDqt, 1 + bytes);
    frame_.push_back(static_cast<std::uint8_t>((bytes == kTable16Bytes ? 0x10U : 0U) | id));
    put(rest.first(bytes));
    rest = rest.subspan(bytes);
  }
  // 16-bit tables are outside baseline; SOF1 says so and is the same otherwise (T.81, section B.2.4.1).
  const bool baseline = tables->sizes[0] == kTable8Bytes && tables->sizes[1] == kTable8Bytes;
  put(frame_header(baseline ? kSof0 : kSof1, fragment.type(), fragment.size.width, fragment.size.height));
  if (fragment.restart_interval != 0) {
    put_segment(kDri, 2);
    put(std::to_array<std::uint8_t>({static_cast<std::uint8_t>(fragment.restart_interval >> 8),
                                     static_cast<std::uint8_t>(fragment.restart_interval)}));
  }
  put_segment(kDht, kStandardDht.size());
  put(kStandardDht);
  put(std::to_array<std::uint8_t>({0xFF, kSos, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0}));
  headers_bytes_ = frame_.size();
  current_ = fragment.id;
  shape_ = fragment.shape;
  return {};
}

Result<ByteSpan> RtpJpegDepacketizer::finish() {
  const ByteSpan scan = ByteSpan(frame_).subspan(headers_bytes_);
  const std::size_t end = find_scan_end(scan);
  if (end == 0 || scan.empty()) return give_up("a frame without image data");
  if (end < scan.size() && scan[end + 1] != kEoi) {
    return give_up("a frame's image data holds the JPEG marker " + hex_byte(scan[end + 1]));
  }
  frame_.resize(headers_bytes_ + end);  // without the EOI and padding that some senders leave in
  frame_.insert(frame_.end(), {0xFF, kEoi});
  current_.reset();
  return ByteSpan(frame_);
}

}  // namespace ott
