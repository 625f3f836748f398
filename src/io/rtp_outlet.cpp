#include "io/rtp_outlet.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/clock.h"
#include "media/stream_sdp.h"

namespace ott {
namespace {

/// A stream and those of its name have ports by what they are.
bool is_alone(const StreamInfo& stream, const std::string& name) {
  return stream.name == name || stream.name.find('/') == std::string::npos;
}

RtpDestination for_slot(const RtpDestination& to, std::size_t slot) {
  RtpDestination shifted = to;
  shifted.at.port = static_cast<std::uint16_t>(to.at.port + 2 * slot);
  return shifted;
}

}  // namespace

RtpOutlet::RtpOutlet(Config config, struct ev_loop* loop, Workers& workers, Log& log)
    : config_(std::move(config)), loop_(loop), log_(log), report_timer_(loop), sdp_timer_(loop) {
  if (!config_.sdp_path.empty()) sdp_file_.emplace(config_.sdp_path, workers);
}

RtpOutlet::~RtpOutlet() = default;

Result<void> RtpOutlet::begin(WatchableStreams& streams, Now) {
  for (const RtpDestination& to : config_.destinations) {
    if (auto sockets = open_rtp_sockets(to); !sockets)
      return fail(fmt::format("--rtp {}: {}", to_string(to), sockets.error().message));
  }
  if (sdp_file_) {
    if (auto writable = sdp_file_->check(); !writable) return fail("--sdp: " + writable.error().message);
  }
  report_timer_.start<&RtpOutlet::report_due>(*this, RtpSender::kReportInterval);
  subscription_ = streams.subscribe_parts(config_.stream, *this);
  return {};
}

// ---- parts -----------------------------------------------------------------------------------------------

/// Those of a stream that is alone are the destination's own; else there is a pair for the first one of each
/// kind of media, and more pairs above these.
std::optional<std::size_t> RtpOutlet::free_slot(const StreamInfo& stream) const {
  const auto is_free = [this](std::size_t slot) {
    return std::ranges::count(parts_, slot, &Part::slot) == 0;
  };
  std::size_t slot = is_alone(stream, config_.stream) ? 0 : static_cast<std::size_t>(stream.format.media);
  if (!is_free(slot)) slot = kMediaKindLast + 1;
  while (!is_free(slot)) ++slot;
  const bool fits = std::ranges::all_of(
      config_.destinations, [slot](const RtpDestination& to) { return to.at.port + 2 * slot + 1 <= 65'535; });
  return fits && slot < kPartsMax ? std::optional(slot) : std::nullopt;
}

FrameTaker* RtpOutlet::on_part(const StreamInfo& stream) {
  const auto slot = free_slot(stream);
  if (!slot) {
    log_.warning(fmt::format("--rtp: '{}' is not sent: there are no ports for it", stream.name));
    return nullptr;
  }
  std::vector<RtpDestination> destinations;
  for (const RtpDestination& to : config_.destinations) destinations.push_back(for_slot(to, *slot));
  auto part = std::make_unique<RtpOutletPart>(stream, loop_, log_, [this] { write_sdp(); });
  if (auto opened = part->open(destinations); !opened) {
    log_.warning(fmt::format("'{}' is not sent: {}", stream.name, opened.error().message));
    return nullptr;
  }
  const bool alone = is_alone(stream, config_.stream);
  if (parts_.empty()) sdp_due_ = clock_now().mono + (alone ? Duration{} : kPartsTime);
  parts_.push_back({*slot, std::move(part)});
  sdp_timer_.start<&RtpOutlet::write_sdp>(*this, alone ? Duration{} : kPartsTime);
  return parts_.back().part.get();
}

// ---- reports and the SDP file ----------------------------------------------------------------------------

void RtpOutlet::report_due() {
  report_timer_.start<&RtpOutlet::report_due>(*this, RtpSender::kReportInterval);
  const Now now = clock_now();
  for (const Part& one : parts_) one.part->report(now);
  if (!sdp_file_) return;
  if (const std::string failure = sdp_file_->take_failure(); !failure.empty()) {
    log_.warning(failure);
    described_.clear();
  }
  write_sdp();
}

std::optional<Sdp> RtpOutlet::described() const {
  const RtpDestination& to = config_.destinations.front();
  std::vector<DescribedPart> described;
  for (const StreamInfo& stream : subscription_->parts()) {
    const auto same =
        std::ranges::find(parts_, stream.name, [](const Part& one) { return one.part->name(); });
    if (same == parts_.end() || !same->part->is_described()) continue;
    DescribedPart part{stream, stream_media(stream, same->part->size())};
    part.media.port = for_slot(to, same->slot).at.port;
    described.push_back(std::move(part));
  }
  if (described.empty()) return std::nullopt;
  Sdp sdp = stream_sdp(std::move(described));
  sdp.connection = SdpConnection{to_string(to.at.address), std::nullopt};
  if (is_multicast(to.at.address) && to.at.address.is_v4())
    sdp.connection->ttl = static_cast<std::uint8_t>(to.ttl);
  return sdp;
}

/// Players read it once: it waits for what comes a bit later, but not for what does not come.
void RtpOutlet::write_sdp() {
  if (!sdp_file_ || subscription_ == nullptr || parts_.empty()) return;
  const MonoTime now = clock_now().mono;
  const bool whole = std::ranges::all_of(parts_, [](const Part& one) { return one.part->is_described(); });
  if (now < (whole ? sdp_due_ : sdp_due_ + kPictureTime)) return;
  auto sdp = described();
  if (!sdp) return sdp_timer_.start<&RtpOutlet::write_sdp>(*this, kPartsTime);  // not listed yet
  std::string text = to_string(*sdp);
  if (text == described_) return;
  sdp->origin.version = ++sdp_version_;
  if (sdp_file_->write(to_string(*sdp))) described_ = std::move(text);
}

bool RtpOutlet::finish(bool give_up, Now now) {
  if (subscription_ != nullptr) {
    subscription_.reset();
    report_timer_.stop();
    sdp_timer_.stop();
    for (const Part& one : parts_) one.part->say_bye(now);
  }
  return give_up || !sdp_file_ || sdp_file_->idle();
}

OutletFigures RtpOutlet::figures() const {
  OutletFigures figures;
  figures.kind = "rtp";
  for (const RtpDestination& to : config_.destinations) {
    if (!figures.at.empty()) figures.at += ',';
    figures.at += to_string(to);
  }
  const Now now = clock_now();
  for (const Part& one : parts_) {
    // A receiver of several parts sends reports on each, and is one viewer.
    figures.viewers = std::max<std::uint64_t>(figures.viewers, one.part->receivers(now));
    figures.frames += one.part->sender().frames_sent();
    figures.frames_skipped += one.part->sender().frames_skipped();
    figures.bytes += one.part->bytes();
  }
  return figures;
}

// ---- the row --------------------------------------------------------------------------------------------

namespace {

constexpr OutletFlag kSdp = {"--sdp", "FILE",
                             "with --rtp: write to this file what comes there, as players read it"};

Result<std::unique_ptr<Outlet>> open_rtp(const OutletArguments& arguments, const OutletContext& context) {
  auto destinations = parse_rtp_destinations(arguments.value);
  if (!destinations) return tl::unexpected<Error>(std::move(destinations.error()));
  RtpOutlet::Config config{arguments.stream, std::move(*destinations), {}};
  if (const auto sdp = arguments.options.find(kSdp.name); sdp != arguments.options.end())
    config.sdp_path = sdp->second;
  return std::make_unique<RtpOutlet>(std::move(config), context.loop, context.workers, context.log);
}

}  // namespace

const OutletSpec kRtpOutlet = {
    .flag = {"--rtp", "ADDR:PORT[?ttl=N],...",
             "send the stream by RTP to hosts and multicast groups (RTCP on PORT+1; audio on PORT+2, text on "
             "PORT+4)"},
    .options = std::span(&kSdp, 1),
    .of_one_stream = true,
    .open = open_rtp,
};

}  // namespace ott
