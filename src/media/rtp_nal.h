// What H.264 (RFC 6184) and H.265 (RFC 7798) over RTP have in common: packets that hold one NAL unit, several
// (aggregation packets) or a part of one (fragmentation units). They differ in the numbers of NalScheme.
#pragma once

#include "media/rtp_payload.h"

namespace ott {

struct NalScheme {
  std::size_t head_bytes;        // of each NAL unit; its type is in the first
  unsigned aggregate, fragment;  // types of payloads
  unsigned fragment_type_mask;   // of the byte that a fragment has behind the payload's head
  unsigned (*type)(std::uint8_t first_byte);
  std::uint8_t (*with_type)(std::uint8_t first_byte, unsigned type);
  bool (*is_slice)(unsigned type);
  bool (*is_nal)(unsigned type);  // one that a payload may be by itself
  /// Of the modes in which order of decoding and of sending differ, which nobody uses.
  bool (*is_interleaved)(unsigned type);
};

class NalDepacketizer : public PayloadDepacketizer {
 protected:
  explicit NalDepacketizer(const NalScheme& scheme) : PayloadDepacketizer(Coding::Inter), scheme_(scheme) {}

  /// A whole NAL unit, with its head.
  virtual void on_nal(ByteSpan nal) = 0;

 private:
  Result<void> unpack(const RtpPacket& packet) override;
  Result<void> finish() override;
  void reset() override;
  Result<void> take_aggregate(ByteSpan payload);
  Result<void> take_fragment(ByteSpan payload);
  void take_nal(ByteSpan nal);
  void begin_nal();
  void end_nal();

  const NalScheme& scheme_;
  /// Of an access unit that came without a picture (a sender that sends parameter sets by themselves): they
  /// belong to the next one.
  std::vector<std::uint8_t> ahead_;
  std::size_t nal_at_ = 0;   // of the NAL unit under way, in the sample
  bool fragmented_ = false;  // the NAL unit under way waits for its last fragment
  bool has_slice_ = false;
  std::uint32_t media_time_ = 0;
};

class NalPacketizer : public PayloadPacketizer {
 public:
  Result<void> cut(const MediaSample& sample, PacketList& packets) final;

 protected:
  NalPacketizer(const NalScheme& scheme, const Flow& flow) : PayloadPacketizer(flow), scheme_(scheme) {}

 private:
  void cut_nal(ByteSpan nal, std::uint32_t media_time, bool last, PacketList& packets);

  const NalScheme& scheme_;
};

}  // namespace ott
