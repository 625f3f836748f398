#include "io/http_input.h"

#include <algorithm>
#include <random>
#include <utility>

#include "io/clock.h"
#include "io/rtp_input.h"
#include "media/content_type.h"
#include "media/rtp_address.h"
#include "media/sdp.h"
#include "media/text.h"

namespace ott {
namespace {

SourceInfo http_info(const HttpSource& source) {
  SourceInfo info;
  info.parts_unknown = cut(source.url.path, '?').first.ends_with(".sdp");
  info.kind = "http";
  info.at_end = AtEnd::Wait;
  info.live = true;
  info.linger = kLinger;
  info.on_demand = true;
  return info;
}

}  // namespace

HttpInput::HttpInput(const InputContext& context, HttpSource source, InputSink& sink)
    : Input(http_info(source)),
      context_(context),
      sink_(sink),
      camera_(std::move(source), sink, std::random_device()()),
      timer_(context.loop) {}

HttpInput::~HttpInput() = default;

void HttpInput::start(Now now) {
  started_ = true;
  camera_.start(now);
  settle(now);
}

void HttpInput::stop(Now now) {
  started_ = false;
  camera_.stop();
  sdp_.reset();
  if (std::exchange(receiving_, false)) rtp_->stop(now);
  settle(now);
}

InputFigures HttpInput::figures_of(std::size_t part) const {
  return rtp_ == nullptr ? InputFigures{} : rtp_->figures_of(part);
}

void HttpInput::on_byte() { camera_.on_byte(clock_now()); }

void HttpInput::on_head(const HttpHead& head) {
  sdp_.reset();
  constexpr unsigned kOk = 200;
  const bool is_sdp = parse_content_type(head.content_type).type == "application/sdp";
  if (head.status != kOk || !is_sdp) return camera_.on_head(head, clock_now());
  camera_.on_byte(clock_now());
  sdp_.emplace();
}

bool HttpInput::on_body(ByteSpan bytes) {
  if (!sdp_) {
    camera_.on_body(bytes, clock_now());
    return camera_.asking();
  }
  camera_.on_byte(clock_now());
  const std::size_t room = kSdpBytesMax + 1 - sdp_->size();  // one more is too many
  sdp_->append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
  return sdp_->size() <= kSdpBytesMax;
}

void HttpInput::on_end(const std::string& error) {
  if (!sdp_) return camera_.on_end(error, clock_now());
  take_description(sdp_->size() > kSdpBytesMax ? "" : error, clock_now());
}

void HttpInput::take_description(const std::string& error, Now now) {
  const std::string text = *std::exchange(sdp_, std::nullopt);
  const auto addresses = error.empty() ? parse_sdp_addresses(text, "") : fail(error);
  if (!addresses) return camera_.on_end("its session description: " + addresses.error().message, now);
  camera_.stop();
  if (rtp_ == nullptr || described_ != text) {
    described_ = text;
    rtp_ = make_rtp_input(camera_.source().shown, *addresses, sink_, context_);
  }
  sink_.on_connected(camera_.source().shown + ": a session description", now);
  rtp_->start(now);
  receiving_ = true;
}

/// A camera that sends all the time leaves the timer no turn.
void HttpInput::on_progress() { on_time(); }

void HttpInput::on_time() {
  const Now now = clock_now();
  camera_.step(now);
  settle(now);
}

void HttpInput::settle(Now now) {
  if (transfer_ != nullptr && transfer_->acting()) return;  // on_progress() follows
  if (!started_ || receiving_) {
    timer_.stop();
    transfer_.reset();
    return;
  }
  if (transfer_ == nullptr)
    transfer_ = std::make_unique<CurlTransfer>(context_.loop, camera_.source(), *this);
  if (!camera_.asking()) transfer_->end();
  if (const auto request = camera_.take_request()) transfer_->begin(*request);
  timer_.start<&HttpInput::on_time>(*this, std::max(camera_.next_deadline() - now.mono, Duration{}));
}

namespace {

Result<std::unique_ptr<Input>> open_http(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  auto parsed = parse_http_source(source);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  return std::make_unique<HttpInput>(context, std::move(*parsed), sink);
}

}  // namespace

const InputSpec kHttpInput{"http://", "http://[USER:PASSWORD@]HOST[/PATH]", open_http};
const InputSpec kHttpsInput{"https://", "https://...", open_http};

}  // namespace ott
