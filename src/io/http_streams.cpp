#include "io/http_streams.h"

#include <algorithm>

#include "media/http_response.h"
#include "ott/assert.h"

namespace ott {

HttpStream::HttpStream(WatchableStreams& streams, const std::string& name, const SendNow& send_now)
    : name_(name), send_now_(send_now), subscription_(streams.subscribe(name, *this)) {
  // Others may be watching it already.
  if (const FramePtr frame = subscription_->newest(); frame && count_ == 0) on_frame(frame);
}

void HttpStream::on_frame(const FramePtr& frame) {
  // Pictures that come at once are all for a viewer that takes them.
  if (fresh_) send_now_(*this);
  number_ = before_ + frame->number.value;
  newest_ = std::make_shared<const HttpPart>(HttpPart{frame, part_head(*frame, number_)});
  ++count_;
  fresh_ = true;
}

HttpStream& HttpStreams::join(const std::string& name, HttpConnection& connection) {
  auto& stream = wanted_[name];
  if (!stream) stream = std::make_unique<HttpStream>(streams_, name, send_now_);
  stream->connections.push_back(&connection);
  return *stream;
}

void HttpStreams::leave(HttpStream& stream, HttpConnection& connection) {
  auto& all = stream.connections;
  const auto at = std::ranges::find(all, &connection);
  OTT_ASSERT(at != all.end());
  *at = all.back();
  all.pop_back();
}

void HttpStreams::drop_unwanted() {
  std::erase_if(wanted_, [](const auto& each) { return each.second->connections.empty(); });
}

}  // namespace ott
