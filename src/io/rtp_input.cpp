#include "io/rtp_input.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "io/rtp_port.h"
#include "media/sdp.h"
#include "media/text.h"

namespace ott {
namespace {

SourceInfo rtp_info() {
  SourceInfo info{"rtp"};
  info.live = true;
  info.linger = kLinger;
  return info;
}

class RtpInput final : public Input {
 public:
  RtpInput(const std::string& name, SdpAddresses addresses, InputSink& sink, const InputContext& context)
      : Input(rtp_info()), name_(name), addresses_(std::move(addresses)), sink_(sink), log_(context.log) {
    const std::vector<RtpAddress>& parts = addresses_.parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string of_part =
          parts.size() == 1 ? name : fmt::format("{} ({})", name, describe(parts[i].format));
      ports_.push_back(std::make_unique<RtpPort>(of_part, parts[i], i, sink, context));
    }
  }

  void probe(Now now) override { say_parts(now); }

  void start(Now now) override {
    say_parts(now);
    rooms_ = std::make_unique<DatagramRooms>();
    for (const auto& port : ports_) port->open(*rooms_, now);
  }

  void stop(Now /*now*/) override {
    for (const auto& port : ports_) port->close();
    rooms_.reset();
  }

  [[nodiscard]] InputFigures figures_of(std::size_t part) const override {
    return part < ports_.size() ? ports_[part]->figures() : InputFigures{};
  }

 private:
  void say_parts(Now now) {
    if (std::exchange(said_, true)) return;
    for (const std::string& one : addresses_.unusable)
      log_.warning(fmt::format("{}: what is not taken: {}", name_, one));
    std::vector<MediaPart> parts;
    for (const RtpAddress& address : addresses_.parts) parts.push_back(media_part(address.part()));
    sink_.on_parts(parts, now);
  }

  const std::string name_;
  const SdpAddresses addresses_;
  InputSink& sink_;
  Log& log_;
  std::vector<std::unique_ptr<RtpPort>> ports_;
  std::unique_ptr<DatagramRooms> rooms_;
  bool said_ = false;
};

Result<std::unique_ptr<Input>> open_rtp(const std::string& source, InputSink& sink,
                                        const InputContext& context) {
  auto address = parse_rtp_address(source);
  if (!address) return tl::unexpected<Error>(std::move(address.error()));
  return make_rtp_input(printable(cut(source, '?').first), {{std::move(*address)}, {}}, sink, context);
}

Result<std::unique_ptr<Input>> open_sdp(const std::string& source, InputSink& sink,
                                        const InputContext& context) {
  const auto [name, options] = cut(source, '?');
  std::ifstream file{std::string(name.substr(kSdpInput.prefix.size()))};
  std::string text(kSdpBytesMax + 1, '\0');
  if (!file || (!file.read(text.data(), static_cast<std::streamsize>(text.size())) && file.bad())) {
    return fail(fmt::format("source '{}': cannot read this file, a session description (SDP): {}", name,
                            std::strerror(errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto addresses = parse_sdp_addresses(text, options);
  if (!addresses) return fail(fmt::format("source '{}': {}", name, addresses.error().message));
  return make_rtp_input(std::string(name), *addresses, sink, context);
}

}  // namespace

std::unique_ptr<Input> make_rtp_input(const std::string& name, const SdpAddresses& addresses, InputSink& sink,
                                      const InputContext& context) {
  return std::make_unique<RtpInput>(name, addresses, sink, context);
}

const InputSpec kRtpInput{"rtp://", "rtp://[ADDRESS]:PORT", open_rtp};
const InputSpec kSdpInput{"sdp:", "sdp:FILE", open_sdp};

}  // namespace ott
