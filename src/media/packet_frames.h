// The access units of one RTP flow of any format but JPEG, as they came: packets are put in order and side by
// side, and nothing in them is changed. Video's units end with the marker bit, or where the timestamp
// changes; each packet of audio, text, MPEG-TS and of what is not known here is a unit by itself.
//
// A unit of which a packet is missing is refused. What would show its loss, up to the next sync point, is
// left out as well, and so is what a sender sends before its first one: so decoders at the far end see no
// damage. No I/O and no clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/payload_format.h"
#include "media/rtp_clock_watch.h"
#include "media/rtp_flow.h"
#include "ott/rtp.h"

namespace ott {

class PacketFrames final : public RtpFlow {
 public:
  /// For so long a sync point is waited for; some senders never send one.
  static constexpr Duration kSyncWaitMax = std::chrono::seconds(10);
  /// Where markers are not set, a unit is over when nothing has come for so long.
  static constexpr Duration kUnmarkedMax = std::chrono::milliseconds(40);

  PacketFrames(std::string name, const MediaFormat& format, std::size_t part, InputSink& sink);

  [[nodiscard]] InputFigures figures(std::uint64_t refused = 0) const override;

 private:
  void take(const RtpReceiver::Ordered& ordered) override;
  void forget() override;
  void on_time(Now now) override;
  [[nodiscard]] MonoTime own_deadline() const override;

  void watch_sender(const RtpHeader& header, Now arrived);
  void watch_clock(const RtpHeader& header, Now arrived);
  void take_packet(const RtpReceiver::Ordered& ordered, const RtpHeader& header);
  void add(ByteSpan packet, const RtpHeader& header, Now arrived);
  void complete(Now now);
  void give_out(RtpPackets packets, Now now);
  void drop_unit();

  const MediaFormat format_;
  const PayloadFormat& payload_;
  RtpClockWatch clock_watch_;
  std::optional<RtpHeader> last_;  // of the packet before; its extension is not kept

  // The unit under way.
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> ends_;  // of each packet in them
  std::vector<ByteSpan> packets_;  // made when it is complete
  std::uint32_t timestamp_ = 0;
  Now begun_{};  // when its first packet was here
  MonoTime last_at_{};
  std::string flaw_;   // why it is refused; empty: it is not
  bool held_ = false;  // so far it is only what the next one needs

  bool markers_ = false;                   // the sender sets them
  std::optional<MonoTime> waiting_since_;  // for a sync point
  bool lost_ = false;                      // since something was lost; else since the sender has begun
  std::uint64_t before_sync_ = 0;          // units left out
};

}  // namespace ott
