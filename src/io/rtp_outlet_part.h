// One stream of --rtp, to all its receivers: its frames as packets, with reports beside them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/rtp_destination.h"
#include "io/watcher.h"
#include "media/outlet.h"
#include "media/receiver_reports.h"
#include "media/rtp_sender.h"
#include "media/sdp.h"
#include "ott/log.h"
#include "ott/repeated_warning.h"

namespace ott {

class RtpOutletPart final : public FrameTaker {
 public:
  /// `changed` is called when what SDP says of the stream may have changed.
  RtpOutletPart(StreamInfo stream, struct ev_loop* loop, Log& log, std::function<void()> changed);
  ~RtpOutletPart() override;
  /// The error says which of them cannot be sent to, and why.
  Result<void> open(const std::vector<RtpDestination>& destinations);

  void on_frame(const FramePtr& frame) override;
  void on_stream(const StreamInfo& stream) override;

  /// A sender report to all; warns of receivers that lose packets.
  void report(Now now);
  void say_bye(Now now);

  [[nodiscard]] const std::string& name() const { return stream_.name; }
  /// True if all is known that SDP says of the stream: of JPEG a picture.
  [[nodiscard]] bool is_described() const { return !stream_.format.is_jpeg() || size_; }
  [[nodiscard]] const std::optional<SdpSize>& size() const { return size_; }
  [[nodiscard]] const RtpSender& sender() const { return sender_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t receivers(Now now) const { return receivers_.count(now); }

 private:
  struct Destination;

  void note_size(const RtpFrame& frame);
  void send_due();
  void send_report(Now now);
  void send_to_all(std::span<const ByteSpan> packets);
  void send_control(ByteSpan packet);
  void warn_of_large_packets(Now now);
  void warn(RepeatedWarning& warning, std::uint64_t count, const std::string& what, Now now);

  StreamInfo stream_;
  struct ev_loop* loop_;
  Log& log_;
  std::function<void()> changed_;
  RtpSender sender_;
  std::vector<std::unique_ptr<Destination>> destinations_;
  TimerWatcher packet_timer_;
  std::vector<std::uint8_t> batch_;  // packets, one after the other
  ReceiverReports receivers_;
  std::optional<SdpSize> size_;  // of the last JPEG

  std::uint64_t bytes_ = 0;
  std::uint64_t packets_not_sent_ = 0;
  std::uint64_t frames_refused_ = 0;
  std::uint64_t lossy_reports_ = 0;
  RepeatedWarning not_sent_warning_, refused_warning_, lossy_warning_, large_warning_;
};

}  // namespace ott
