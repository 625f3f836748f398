#include "media/live_text.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "media/http_response.h"
#include "media/text.h"

namespace ott {
namespace {

constexpr std::string_view kRetry = "retry: 1000\n\n";

std::string event_of(const StreamInfo& stream, const Frame& frame, std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const auto member = [&json](const char* key, const std::string& value) {
    json.Key(key);
    json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  json.StartObject();
  member("stream", to_utf8(stream.name));
  json.Key("time");
  const std::string time = unix_seconds(frame.source_time);
  json.RawValue(time.data(), time.size(), rapidjson::kNumberType);
  member("text", to_utf8(text));
  json.EndObject();
  return fmt::format("id: {}\ndata: {}\n\n", frame.number.value,
                     std::string_view(buffer.GetString(), buffer.GetSize()));
}

LiveBytes shared(std::string_view text) {
  return std::make_shared<const std::vector<std::uint8_t>>(text.begin(), text.end());
}

}  // namespace

bool is_live_text(const MediaFormat& format) { return format.media == MediaKind::Text && format.is("t140"); }

class LiveText::Part final : public FrameTaker {
 public:
  Part(LiveText& owner, StreamInfo stream)
      : owner_(owner), stream_(std::move(stream)), depacketizer_(make_depacketizer(stream_.format)) {}

  void on_stream(const StreamInfo& now) override {
    if (now.id == stream_.id) return;
    stream_ = now;
    depacketizer_ = is_live_text(now.format) ? make_depacketizer(now.format) : nullptr;
  }
  void on_frame(const FramePtr& frame) override {
    if (depacketizer_ == nullptr || frame->is_jpeg()) return;
    const auto samples = depacketizer_->take(*frame);
    if (!samples) return;
    for (const MediaSample& sample : *samples) {
      const std::string_view text(reinterpret_cast<const char*>(sample.bytes.data()), sample.bytes.size());
      if (!text.empty()) owner_.append(event_of(stream_, *frame, text));
    }
  }

 private:
  LiveText& owner_;
  StreamInfo stream_;
  std::unique_ptr<MediaDepacketizer> depacketizer_;
};

LiveText::LiveText(WatchableStreams& streams, const std::string& name)
    : head_(shared(kRetry)), subscription_(streams.subscribe_parts(name, *this)) {}

LiveText::~LiveText() { subscription_.reset(); }

FrameTaker* LiveText::on_part(const StreamInfo& stream) {
  if (!is_live_text(stream.format)) return nullptr;
  parts_.push_back(std::make_unique<Part>(*this, stream));
  return parts_.back().get();
}

void LiveText::append(std::string_view event) {
  kept_bytes_ += event.size();
  events_.push_back(shared(event));
  while (events_.size() > kKeptMax || kept_bytes_ > kKeptBytesMax) {
    kept_bytes_ -= events_.front()->size();
    events_.pop_front();
    ++first_;
  }
}

LiveBytes LiveText::next(LiveCursor& cursor, Now) {
  if (cursor.head == nullptr) return cursor.head = head_;
  if (cursor.next < first_) cursor.skipped += first_ - std::exchange(cursor.next, first_);
  if (cursor.next == end()) return nullptr;
  return events_[cursor.next++ - first_];
}

}  // namespace ott
