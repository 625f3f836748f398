#include "io/rtp_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>

#include "io/clock.h"
#include "io/random.h"
#include "io/udp_socket.h"
#include "io/watcher.h"
#include "media/rtp_address.h"
#include "media/rtp_frames.h"
#include "media/sdp.h"
#include "media/text.h"
#include "ott/repeated_warning.h"
#include "ott/retry.h"
#include "ott/text.h"

namespace ott {
namespace {

constexpr Retry::Pauses kPauses = {std::chrono::milliseconds(500), std::chrono::seconds(30)};
/// A few frames of the largest cameras; the kernel may give less.
constexpr std::size_t kReceiveBufferBytes = std::size_t{8} << 20;
/// Datagrams above this size are dropped; senders keep to the network's, which is at most 9,000.
constexpr std::size_t kDatagramBytesMax = std::size_t{16} << 10;
constexpr unsigned kBatchesPerRound = 4;

/// Bound and joined to what the address says, at this port.
Result<UdpSocket> listen_at(const RtpAddress& address, std::uint16_t port) {
  auto socket = UdpSocket::bind({address.at.address, port}, address.interface);
  if (!socket && address.at == NodeId{{}, address.at.port}) {  // perhaps this host has no IPv6
    if (auto v4 = UdpSocket::bind({*parse_ip("0.0.0.0"), port}, address.interface)) socket = std::move(v4);
  }
  if (!socket || !is_multicast(address.at.address)) return socket;
  if (auto joined = socket->join(address.at.address, address.source); !joined)
    return tl::unexpected<Error>(std::move(joined.error()));
  return socket;
}

class RtpInput final : public Input {
 public:
  RtpInput(SourceInfo info, std::string name, RtpAddress address, InputSink& sink,
           const InputContext& context)
      : Input(std::move(info)),
        name_(std::move(name)),
        address_(std::move(address)),
        sink_(sink),
        log_(context.log),
        media_ready_(context.loop),
        control_ready_(context.loop),
        timer_(context.loop),
        random_(random_number<std::uint64_t>()),
        frames_(name_, flow(), sink) {}

  void start(Now now) override {
    rooms_ = std::make_unique_for_overwrite<std::uint8_t[]>(kDatagramsMax * kDatagramBytesMax);
    for (std::size_t i = 0; i < kDatagramsMax; ++i)
      batch_[i].room = MutableByteSpan(rooms_.get() + i * kDatagramBytesMax, kDatagramBytesMax);
    listen(now);
  }

  void stop(Now /*now*/) override {
    close();
    retry_.succeeded();
    timer_.stop();
    rooms_.reset();
    frames_.begin(flow());
  }

  [[nodiscard]] InputFigures figures() const override { return frames_.figures(oversized_); }

 private:
  [[nodiscard]] RtpFrames::Flow flow() const { return {address_.payload_type, address_.size}; }

  void listen(Now now) {
    auto media = listen_at(address_, address_.at.port);
    if (!media) return lose(media.error().message, now);
    retry_.succeeded();
    receive_buffer_ = media->set_receive_buffer(kReceiveBufferBytes);
    dropped_ = 0;
    media_ = std::move(*media);
    media_ready_.start<&RtpInput::on_media>(*this, media_->fd(), EV_READ);
    if (address_.at.port == UINT16_MAX) return;
    auto control = listen_at(address_, static_cast<std::uint16_t>(address_.at.port + 1));
    if (!control) return;  // RTCP only adds to what is known; another program may have the port
    control_ = std::move(*control);
    control_ready_.start<&RtpInput::on_control>(*this, control_->fd(), EV_READ);
  }

  void close() {
    media_ready_.stop();
    control_ready_.stop();
    media_.reset();
    control_.reset();
  }

  void lose(const std::string& why, Now now) {
    close();
    sink_.on_lost(fmt::format("{}: {}", name_, why), now);
    retry_.schedule(kPauses, random_, now);
    set_timer(now);
  }

  void set_timer(Now now) {
    const MonoTime next = std::min(frames_.next_deadline(), retry_.due_at());
    if (next == MonoTime::max()) return timer_.stop();
    timer_.start<&RtpInput::on_time>(*this, std::max(next - now.mono, Duration{}));
  }

  void on_time() {
    const Now now = clock_now();
    if (retry_.take_due(now)) listen(now);
    frames_.step(now);
    set_timer(now);
  }

  void on_media(int) {
    const Now now = clock_now();
    for (unsigned batches = 0; batches < kBatchesPerRound; ++batches) {
      const auto count = media_->receive(batch_);
      if (!count) return lose(count.error().message, now);
      for (const Datagram& datagram : std::span(batch_).first(*count)) take(datagram, now);
      if (*count < kDatagramsMax) break;
    }
    say_strange(now);
    say_dropped(now);
    set_timer(now);
  }

  void on_control(int) {
    const auto count = control_->receive(batch_);
    if (!count) {
      control_ready_.stop();
      return;
    }
    const Now now = clock_now();
    for (const Datagram& datagram : std::span(batch_).first(*count)) {
      if (is_wanted(datagram)) take_rtcp(datagram.bytes, now);
    }
  }

  [[nodiscard]] bool is_wanted(const Datagram& datagram) const {
    return !address_.source || *address_.source == datagram.from.address;
  }

  void take(const Datagram& datagram, Now now) {
    if (!is_wanted(datagram)) return;
    if (is_rtcp(datagram.bytes)) return take_rtcp(datagram.bytes, now);
    if (datagram.cut_short) {
      ++oversized_;
      return;
    }
    const std::uint64_t wrong_type = frames_.packets().wrong_type;
    const std::uint64_t senders = frames_.senders();
    frames_.push(datagram.bytes, now);
    if (frames_.packets().wrong_type != wrong_type) wrong_type_ = datagram.bytes[1] & 0x7FU;
    if (frames_.senders() == senders) return;
    sink_.on_connected(
        fmt::format("{}: from {} port {}", name_, to_string(datagram.from.address), datagram.from.port), now);
  }

  void take_rtcp(ByteSpan bytes, Now now) {
    const auto bye = frames_.push_rtcp(bytes);
    if (!bye) return;
    const std::string reason = bye->bye_reason.empty() ? "" : " (" + printable(bye->bye_reason) + ")";
    sink_.on_lost(fmt::format("{}: the sender says that it ends{}", name_, reason), now);
  }

  /// What comes and is not what was asked for; at a rate.
  void say_strange(Now now) {
    const RtpReceiver::Counters counters = frames_.packets();
    warn(wrong_type_warning_, counters.wrong_type, "packet", now, [this] {
      return fmt::format("of payload type {} instead of {}; ?pt={} takes them, if they are JPEG", wrong_type_,
                         address_.payload_type, wrong_type_);
    });
    warn(malformed_warning_, counters.malformed, "datagram", now, [] { return "without an RTP header"; });
    warn(strange_warning_, counters.strange, "packet", now,
         [] { return "of another sender; one alone can send here, ?source=ADDRESS says which"; });
    warn(oversized_warning_, oversized_, "datagram", now, [] {
      return fmt::format("of more than {} bytes; the sender is to use smaller ones", kDatagramBytesMax);
    });
  }

  /// A frame that is incomplete may be so since the kernel had no room for it.
  void say_dropped(Now now) {
    if (frames_.frames_incomplete() == incomplete_) return;
    incomplete_ = frames_.frames_incomplete();
    if (media_) dropped_ = media_->dropped();
    warn(dropped_warning_, dropped_, "datagram", now, [this] {
      return fmt::format(
          "dropped, since this host's receive buffer of {} KiB was full; raise net.core.rmem_max",
          receive_buffer_ >> 10U);
    });
  }

  void warn(RepeatedWarning& warning, std::uint64_t total, std::string_view noun, Now now, const auto& what) {
    if (const std::uint64_t count = warning.due(total, now))
      log_.warning(fmt::format("{}: {} {}", name_, counted(count, noun), what()));
  }

  std::string name_;
  RtpAddress address_;
  InputSink& sink_;
  Log& log_;
  IoWatcher media_ready_;
  IoWatcher control_ready_;
  TimerWatcher timer_;
  std::mt19937_64 random_;
  Retry retry_;
  std::optional<UdpSocket> media_;
  std::optional<UdpSocket> control_;  // RTCP
  std::unique_ptr<std::uint8_t[]> rooms_;
  std::array<Datagram, kDatagramsMax> batch_;

  RtpFrames frames_;
  std::uint64_t incomplete_ = 0;  // of them, when it was looked last

  std::size_t receive_buffer_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t oversized_ = 0;
  unsigned wrong_type_ = 0;
  RepeatedWarning wrong_type_warning_, malformed_warning_, strange_warning_, oversized_warning_,
      dropped_warning_;
};

std::unique_ptr<Input> make_input(std::string name, RtpAddress address, InputSink& sink,
                                  const InputContext& context) {
  SourceInfo info{"rtp"};
  info.live = true;
  info.linger = kLinger;
  info.linger = std::chrono::seconds(10);
  return std::make_unique<RtpInput>(std::move(info), std::move(name), std::move(address), sink, context);
}

Result<std::unique_ptr<Input>> open_rtp(const std::string& source, InputSink& sink,
                                        const InputContext& context) {
  auto address = parse_rtp_address(source);
  if (!address) return tl::unexpected<Error>(std::move(address.error()));
  return make_input(printable(cut(source, '?').first), std::move(*address), sink, context);
}

Result<std::unique_ptr<Input>> open_sdp(const std::string& source, InputSink& sink,
                                        const InputContext& context) {
  const auto [name, options] = cut(source, '?');
  std::ifstream file{std::string(name.substr(kSdpInput.prefix.size()))};
  std::string text(kSdpBytesMax + 1, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && file.gcount() == 0)
    return fail(fmt::format("source '{}': cannot read this file, a session description (SDP)", name));
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto address = parse_sdp_address(text, options);
  if (!address) return fail(fmt::format("source '{}': {}", name, address.error().message));
  return make_input(std::string(name), std::move(*address), sink, context);
}

}  // namespace

const InputSpec kRtpInput{"rtp://", "rtp://[ADDRESS]:PORT", open_rtp};
const InputSpec kSdpInput{"sdp:", "sdp:FILE", open_sdp};

}  // namespace ott
