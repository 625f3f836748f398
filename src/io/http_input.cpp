#include "io/http_input.h"

#include <algorithm>
#include <random>

#include "io/clock.h"

namespace ott {
namespace {

SourceInfo http_info() {
  SourceInfo info;
  info.kind = "http";
  info.at_end = AtEnd::Wait;
  info.live = true;
  info.linger = kLinger;
  info.on_demand = true;
  return info;
}

}  // namespace

HttpInput::HttpInput(struct ev_loop* loop, HttpSource source, InputSink& sink)
    : Input(http_info()),
      loop_(loop),
      camera_(std::move(source), sink, std::random_device()()),
      timer_(loop) {}

HttpInput::~HttpInput() = default;

void HttpInput::start(Now now) {
  started_ = true;
  camera_.start(now);
  settle(now);
}

void HttpInput::stop(Now now) {
  started_ = false;
  camera_.stop();
  settle(now);
}

void HttpInput::on_byte() { camera_.on_byte(clock_now()); }

void HttpInput::on_head(const HttpHead& head) { camera_.on_head(head, clock_now()); }

bool HttpInput::on_body(ByteSpan bytes) {
  camera_.on_body(bytes, clock_now());
  return camera_.asking();
}

void HttpInput::on_end(const std::string& error) { camera_.on_end(error, clock_now()); }

/// A camera that sends all the time leaves the timer no turn.
void HttpInput::on_progress() { on_time(); }

void HttpInput::on_time() {
  const Now now = clock_now();
  camera_.step(now);
  settle(now);
}

void HttpInput::settle(Now now) {
  if (transfer_ != nullptr && transfer_->acting()) return;  // on_progress() follows
  if (!started_) {
    timer_.stop();
    transfer_.reset();
    return;
  }
  if (transfer_ == nullptr) transfer_ = std::make_unique<CurlTransfer>(loop_, camera_.source(), *this);
  if (!camera_.asking()) transfer_->end();
  if (const auto request = camera_.take_request()) transfer_->begin(*request);
  timer_.start<&HttpInput::on_time>(*this, std::max(camera_.next_deadline() - now.mono, Duration{}));
}

namespace {

Result<std::unique_ptr<Input>> open_http(const std::string& source, InputSink& sink,
                                         const InputContext& context) {
  auto parsed = parse_http_source(source);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  return std::make_unique<HttpInput>(context.loop, std::move(*parsed), sink);
}

}  // namespace

const InputSpec kHttpInput{"http://", "http://[USER:PASSWORD@]HOST[/PATH]", open_http};
const InputSpec kHttpsInput{"https://", "https://...", open_http};

}  // namespace ott
