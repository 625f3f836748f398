#include "media/placeholder.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

#include "media/pattern_source.h"
#include "media/picture_encoder.h"

namespace ott {
namespace {

std::string text_of(WallTime since) {
  const std::time_t time = std::chrono::floor<std::chrono::seconds>(since.time_since_epoch()).count();
  std::tm local{};
  std::array<char, 48> text{};
  if (::localtime_r(&time, &local) == nullptr) return "no signal";
  return {text.data(), std::strftime(text.data(), text.size(), "no signal since %H:%M", &local)};
}

}  // namespace

/// Draws and encodes one picture.
class Placeholder::Drawing : public Job {
 public:
  Drawing(unsigned w, unsigned h, WallTime from) : width(w), height(h), since(from) {}

  void run() override {
    TestPicture picture(width, height, 1);
    picture.draw_words(text_of(since));
    PictureEncoder encoder(picture, width, height);
    if (const auto encoded = encoder.encode()) jpeg.assign(encoded->begin(), encoded->end());
  }

  unsigned width, height;
  WallTime since;
  std::vector<std::uint8_t> jpeg;
};

Placeholder::Placeholder(PlaceholderKind kind, Workers& workers)
    : kind_(kind), queue_(workers.make_queue(WorkKind::Input, {.jobs = 1})) {}

Placeholder::~Placeholder() = default;

void Placeholder::on_frame(const SourceFrame& frame) {
  width_ = frame.image.width;
  height_ = frame.image.height;
  if (kind_ == PlaceholderKind::Freeze) last_.assign(frame.jpeg.begin(), frame.jpeg.end());
}

const SourceFrame* Placeholder::frame(WallTime since) {
  shown_.reset();
  ByteSpan jpeg = last_;
  if (kind_ == PlaceholderKind::Text) {
    while (auto done = queue_->collect()) drawing_.reset(static_cast<Drawing*>(done.release()));
    const unsigned width = std::clamp(width_, PatternSource::kSideMin, PatternSource::kSideMax);
    const unsigned height = std::clamp(height_, PatternSource::kSideMin, PatternSource::kSideMax);
    const bool drawn =
        drawing_ && drawing_->since == since && drawing_->width == width && drawing_->height == height;
    if (!drawn && queue_->has_room()) queue_->submit(std::make_unique<Drawing>(width, height, since));
    if (!drawn) return nullptr;
    jpeg = drawing_->jpeg;
  }
  const auto image = parse_jpeg(jpeg);
  if (!image || !image->carriable()) return nullptr;
  return &shown_.emplace(SourceFrame{jpeg, *image});
}

}  // namespace ott
