#include "media/live_pictures.h"

#include <fmt/format.h>

#include <algorithm>

#include "media/http_request.h"
#include "media/http_response.h"
#include "media/http_site.h"

namespace ott {
namespace {

/// How often the list of streams is looked at for others.
constexpr Duration kLookInterval = std::chrono::seconds(1);

void append(std::vector<std::uint8_t>& to, std::string_view text) {
  to.insert(to.end(), text.begin(), text.end());
}

}  // namespace

/// One stream: its newest picture as a part, made when it is due.
class LivePictures::Stream final : public FrameTaker {
 public:
  Stream(LivePictures& all, const std::string& name)
      : all_(all), name_(name), subscription_(all.streams_.subscribe(name, *this)) {
    if (const FramePtr frame = subscription_->newest(); frame && part == nullptr) on_frame(frame);
  }

  void on_frame(const FramePtr& frame) override {
    if (!frame->is_jpeg() || frame->arrived.mono < due_) return;
    due_ = std::max(due_ + all_.interval_, frame->arrived.mono + all_.interval_ / 2);
    auto bytes = std::make_shared<std::vector<std::uint8_t>>();
    append(*bytes, fmt::format("Content-Type: image/jpeg\r\nContent-Length: {}\r\nContent-Location: /{}\r\n"
                               "X-Stream: {}\r\n\r\n",
                               frame->bytes.size(), path_of(name_, ".jpg"), percent_encode(name_)));
    bytes->insert(bytes->end(), frame->bytes.begin(), frame->bytes.end());
    append(*bytes, kMixedReplaceNext);
    part = std::move(bytes);
    number = ++all_.count_;
  }

  LiveBytes part;
  std::uint64_t number = 0;  // of the part, among all of all streams

 private:
  LivePictures& all_;
  std::string name_;
  MonoTime due_{};
  std::unique_ptr<Subscription> subscription_;  // the last, since it may call at once
};

LivePictures::LivePictures(WatchableStreams& streams, std::vector<std::string> names, Duration interval)
    : streams_(streams), names_(std::move(names)), interval_(interval) {
  take_streams();
}

LivePictures::~LivePictures() = default;

void LivePictures::take_streams() {
  const std::vector<StreamInfo> all = streams_.all();
  const auto is_wanted = [&](const std::string& name) {
    const bool named = names_.empty() || std::ranges::count(names_, name) > 0;
    const auto same = [&name](const StreamInfo& info) { return info.name == name && info.format.is_jpeg(); };
    return named && std::ranges::any_of(all, same);
  };
  std::erase_if(wanted_, [&](const auto& entry) { return !is_wanted(entry.first); });
  for (const StreamInfo& info : all) {
    if (wanted_.size() >= kStreamsMax) return;
    if (!info.on_request && is_wanted(info.name) && !wanted_.contains(info.name))
      wanted_[info.name] = std::make_unique<Stream>(*this, info.name);
  }
}

void LivePictures::step(Now now) {
  if (now.mono - looked_at_ < kLookInterval) return;
  looked_at_ = now.mono;
  take_streams();
}

std::string LivePictures::content_type() const { return std::string(kMixedReplaceType); }

/// A cursor's place is the number of the last part that it was sent: the oldest of the newer ones comes next.
LiveBytes LivePictures::next(LiveCursor& cursor, Now) {
  if (cursor.head == nullptr) {
    std::vector<std::uint8_t> begin;
    append(begin, kMixedReplaceBegin);
    return cursor.head = std::make_shared<const std::vector<std::uint8_t>>(std::move(begin));
  }
  const Stream* next = nullptr;
  for (const auto& [name, stream] : wanted_) {
    if (stream->number > cursor.next && (next == nullptr || stream->number < next->number))
      next = stream.get();
  }
  if (next == nullptr) return nullptr;
  cursor.next = next->number;
  return next->part;
}

}  // namespace ott
