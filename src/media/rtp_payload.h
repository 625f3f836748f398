// What all depacketizers and packetizers have in common: packets of a frame in order, samples that are put
// together in one buffer, what follows a broken frame, and RTP headers.
#pragma once

#include <optional>

#include "media/media_sample.h"
#include "ott/rtp.h"

namespace ott {

class PayloadDepacketizer : public MediaDepacketizer {
 public:
  Result<std::vector<MediaSample>> take(const Frame& frame) final;
  [[nodiscard]] const CodecConfig* config() const override { return config_ ? &*config_ : nullptr; }

 protected:
  /// Whether samples need those before them: after an error, of these none comes until the next sync point.
  enum class Coding : bool { Alone, Inter };
  explicit PayloadDepacketizer(Coding coding) : coding_(coding) {}

  /// Takes the payload of one packet, in order. Bytes go to sample(), and end_sample() ends one.
  virtual Result<void> unpack(const RtpPacket& packet) = 0;
  /// All packets of the frame have been taken.
  virtual Result<void> finish() { return {}; }
  /// A frame was broken: what has been kept of it is of no use.
  virtual void reset() {}

  /// The bytes of all samples of this frame; the one under way is at its end.
  [[nodiscard]] std::vector<std::uint8_t>& sample() { return bytes_; }
  void append(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void end_sample(std::uint32_t media_time) { ends_.push_back({bytes_.size(), media_time}); }

  std::optional<CodecConfig> config_;

 private:
  Result<void> take_packets(const Frame& frame);

  struct End {
    std::size_t at;
    std::uint32_t media_time;
  };
  Coding coding_;
  bool waiting_ = false;  // for a sync point
  std::vector<std::uint8_t> bytes_;
  std::vector<End> ends_;
};

/// Writes packets of one flow into a list.
class PayloadPacketizer : public MediaPacketizer {
 public:
  struct Flow {
    std::uint8_t payload_type;
    std::uint32_t ssrc;
    std::uint16_t sequence;  // of the next packet
    std::size_t packet_bytes_max;
  };

 protected:
  explicit PayloadPacketizer(const Flow& flow);

  /// How much payload fits into a packet.
  [[nodiscard]] std::size_t payload_bytes_max() const;
  /// Appends a packet of these bytes of payload, one part behind the other. REQUIRES: they fit.
  void put(PacketList& packets, std::uint32_t media_time, bool marker,
           std::initializer_list<ByteSpan> payload);

 private:
  Flow flow_;
};

}  // namespace ott
