#include "io/http_streams.h"

#include <algorithm>

#include "io/clock.h"
#include "media/http_response.h"
#include "media/live_events.h"
#include "media/live_mp4.h"
#include "media/live_pictures.h"
#include "media/live_text.h"
#include "ott/assert.h"

namespace ott {
namespace {

void remove(std::vector<HttpConnection*>& from, const HttpConnection& connection) {
  const auto at = std::ranges::find(from, &connection);
  OTT_ASSERT(at != from.end());
  *at = from.back();
  from.pop_back();
}

}  // namespace

HttpStream::HttpStream(WatchableStreams& streams, const std::string& name, const SendNow& send_now)
    : name_(name), send_now_(send_now), subscription_(streams.subscribe(name, *this)) {
  // Others may be watching it already.
  if (const FramePtr frame = subscription_->newest(); frame && count_ == 0) on_frame(frame);
}

void HttpStream::on_frame(const FramePtr& frame) {
  if (!frame->is_jpeg()) return;
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
  remove(stream.connections, connection);
}

bool HttpStreams::has_room(const HttpFollow& wanted) const {
  if (wanted.form != HttpFollow::Form::Pictures || followed_.contains({wanted.form, wanted.stream}))
    return true;
  const auto is_pictures = [](const auto& each) { return each.first.first == HttpFollow::Form::Pictures; };
  return std::ranges::count_if(followed_, is_pictures) < static_cast<std::ptrdiff_t>(kPictureSetsMax);
}

std::unique_ptr<LiveContent> HttpStreams::content_of(const HttpFollow& wanted, EventLog* events) {
  switch (wanted.form) {
    case HttpFollow::Form::Mp4:
      return std::make_unique<LiveMp4>(streams_, wanted.stream, clock_now());
    case HttpFollow::Form::Pictures:
      return std::make_unique<LivePictures>(streams_, wanted.names, wanted.interval);
    case HttpFollow::Form::Events:
      return std::make_unique<LiveEvents>(*events);
    case HttpFollow::Form::Text:
      break;
  }
  return std::make_unique<LiveText>(streams_, wanted.stream);
}

HttpLive& HttpStreams::join(const HttpFollow& wanted, EventLog* events, HttpConnection& connection) {
  HttpLive& live = followed_[{wanted.form, wanted.stream}];
  if (live.content == nullptr) {
    live.name = wanted.stream;
    live.content = content_of(wanted, events);
  }
  live.connections.push_back(&connection);
  live.unused_at = MonoTime::max();
  return live;
}

void HttpStreams::leave(HttpLive& live, HttpConnection& connection) { remove(live.connections, connection); }

void HttpStreams::drop_unwanted(Now now) {
  std::erase_if(wanted_, [](const auto& each) { return each.second->connections.empty(); });
  for (auto& [key, live] : followed_) {
    if (live.connections.empty() && live.unused_at == MonoTime::max()) live.unused_at = now.mono + kLinger;
  }
  std::erase_if(followed_, [now](const auto& each) { return now.mono >= each.second.unused_at; });
}

}  // namespace ott
