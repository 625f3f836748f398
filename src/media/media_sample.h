// Access units as decoders and containers want them, and the RTP payload formats between them and packets:
// a depacketizer (packets to samples) for recordings, files and browsers, a packetizer (samples to packets)
// for sources that are not RTP. Relays and RTP outlets need neither. What comes from the network is looked at
// as strictly as anything else: nothing is read past its end, and an error says what is wrong. No I/O, no
// clock.
//
// The form of a sample, by encoding:
//
//     H264, H265          NAL units, each behind its length in 4 bytes (ISO/IEC 14496-15)
//     AV1                 OBUs with their sizes, without temporal delimiters (AV1-ISOBMFF, section 2.4)
//     VP8, VP9, opus      the frame as it is
//     MPEG4-GENERIC       a raw AAC frame, without ADTS
//     PCMU, PCMA, L16     samples, L16 in network order (RFC 3551)
//     MP2T                transport stream packets of 188 bytes
//     t140                UTF-8, whole characters; "red" of text is taken as t140
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "media/outlet.h"
#include "ott/media_format.h"
#include "ott/result.h"
#include "ott/types.h"

namespace ott {

struct MediaSample {
  ByteSpan bytes;
  std::uint32_t media_time = 0;  // RTP timestamp, in units of the format's clock rate
  bool sync_point = true;
};

/// What a decoder needs to know beside the samples; it may change at a sync point.
struct CodecConfig {
  /// As MP4 and Matroska hold it: avcC, hvcC, av1C (without box headers), vpcC (its fields behind the
  /// FullBox's version and flags), an AudioSpecificConfig (ISO/IEC 14496-3), an OpusHead (RFC 7845,
  /// section 5.1); empty where there is none.
  std::vector<std::uint8_t> record;
  std::string codecs;  // RFC 6381: "avc1.64001f", "opus", "mp4a.40.2"
  unsigned width = 0;  // of video
  unsigned height = 0;
  unsigned sample_rate = 0;  // of audio
  unsigned channels = 0;

  bool operator==(const CodecConfig&) const = default;
};

class MediaDepacketizer {
 public:
  virtual ~MediaDepacketizer() = default;
  /// The samples of one frame (several where RTP has aggregated them), valid until the next call. REQUIRES:
  /// !frame.is_jpeg(). After an error, samples come again from the next sync point on.
  virtual Result<std::vector<MediaSample>> take(const Frame& frame) = 0;
  /// Null until it is known, from the format's parameters or from the stream itself.
  [[nodiscard]] virtual const CodecConfig* config() const = 0;
};

/// Null if the encoding is none of those above.
std::unique_ptr<MediaDepacketizer> make_depacketizer(const MediaFormat& format);

/// RTP packets one behind the other.
struct PacketList {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> ends;

  void clear() {
    bytes.clear();
    ends.clear();
  }
  /// Valid until the list changes.
  [[nodiscard]] std::vector<ByteSpan> spans() const;
};

class MediaPacketizer {
 public:
  virtual ~MediaPacketizer() = default;
  /// Cuts one sample into packets of at most `packet_bytes_max` bytes, and appends them. Sequence numbers go
  /// on from the last call's. The error says why the sample is none; then nothing is appended.
  virtual Result<void> cut(const MediaSample& sample, PacketList& packets) = 0;
};

/// Packets have the payload type of the format. Null if the encoding is none of those above. REQUIRES:
/// packet_bytes_max of 128 to kRtpBytesMax - kRtpInstantBytes.
std::unique_ptr<MediaPacketizer> make_packetizer(const MediaFormat& format, std::uint32_t ssrc,
                                                 std::uint16_t first_sequence,
                                                 std::size_t packet_bytes_max = 1'400);

/// What SDP says of a stream with such a configuration: encoding, clock rate, channels and parameters
/// (sprop-parameter-sets, config=…). REQUIRES: an encoding of those above.
MediaFormat format_of(MediaKind media, const std::string& encoding, const CodecConfig& config);

}  // namespace ott
