#include "media/byte_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ott {

ByteInput::ByteInput(SourceInfo info, InputSink& sink, std::string name)
    : Input(std::move(info)), sink_(sink), name_(std::move(name)) {}

void ByteInput::stop(Now) {
  started_ = false;
  begin_anew();
}

void ByteInput::begin_anew() {
  splitter_.reset();
  frames_ = 0;
}

void ByteInput::hold(bool held, Now now) {
  held_ = held;
  push_frames(now);
}

void ByteInput::advance(std::size_t bytes, Now now) {
  splitter_.advance(bytes);
  arrived_ = now;
  push_frames(now);
}

void ByteInput::feed(ByteSpan bytes, Now now) {
  while (!bytes.empty()) {
    const MutableByteSpan into = splitter_.space();
    const std::size_t count = std::min(into.size(), bytes.size());
    std::memcpy(into.data(), bytes.data(), count);
    splitter_.advance(count);
    bytes = bytes.subspan(count);
  }
  arrived_ = now;
  push_frames(now);
}

void ByteInput::finish(Now now) {
  splitter_.finish();
  push_frames(now);
}

void ByteInput::push_frames(Now now) {
  while (started_ && !held_ && !over_) {
    const auto frame = splitter_.next();
    if (frame && !*frame) break;
    ++frames_;
    if (!frame) {
      sink_.refuse(fmt::format("{}: frame {}: {}", name_, frames_, frame.error().message), now);
      continue;
    }
    const std::string place = fmt::format("{}: frame {}: byte {}", name_, frames_, splitter_.frame_offset());
    sink_.push({.bytes = **frame, .arrived = arrived_, .place = place});
  }
  if (over_ || held_ || !splitter_.at_end()) return;
  over_ = true;
  sink_.on_end(now);
}

}  // namespace ott
