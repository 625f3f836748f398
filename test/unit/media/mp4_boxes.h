// Reads what fmp4_writer.h writes, as strictly as its format is: each box ends where the one around it goes
// on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ott/bytes.h"
#include "ott/types.h"

namespace ott::test {

struct Mp4Box {
  std::string type;
  ByteSpan content;
};

/// Nothing if the bytes are not whole boxes, one behind the other.
inline std::optional<std::vector<Mp4Box>> boxes_in(ByteSpan bytes) {
  constexpr std::size_t kHead = 8;
  std::vector<Mp4Box> boxes;
  while (!bytes.empty()) {
    if (bytes.size() < kHead) return std::nullopt;
    const std::size_t size = load_be<std::uint32_t>(bytes.data());
    if (size < kHead || size > bytes.size()) return std::nullopt;
    boxes.push_back({std::string(bytes.begin() + 4, bytes.begin() + 8), bytes.subspan(kHead, size - kHead)});
    bytes = bytes.subspan(size);
  }
  return boxes;
}

/// The content of a box by its path; the first of each type. Nothing if there is none.
inline std::optional<ByteSpan> box_at(ByteSpan bytes, const std::vector<std::string>& path) {
  for (const std::string& type : path) {
    const auto boxes = boxes_in(bytes);
    if (!boxes) return std::nullopt;
    const Mp4Box* found = nullptr;
    for (const Mp4Box& box : *boxes) {
      if (box.type == type && found == nullptr) found = &box;
    }
    if (found == nullptr) return std::nullopt;
    bytes = found->content;
  }
  return bytes;
}

struct Mp4Fragment {
  std::uint32_t number;
  std::uint32_t track;
  std::uint64_t decode_time;
  std::int64_t presentation_time;
  std::uint32_t duration;
  bool sync_point;
  std::vector<std::uint8_t> sample;
};

/// One fragment of one sample; nothing if it is anything else.
inline std::optional<Mp4Fragment> fragment_in(ByteSpan bytes) {
  const auto boxes = boxes_in(bytes);
  if (!boxes || boxes->size() != 2 || (*boxes)[0].type != "moof" || (*boxes)[1].type != "mdat")
    return std::nullopt;
  const ByteSpan moof = (*boxes)[0].content;
  const auto header = box_at(moof, {"mfhd"});
  const auto track = box_at(moof, {"traf", "tfhd"});
  const auto time = box_at(moof, {"traf", "tfdt"});
  const auto run = box_at(moof, {"traf", "trun"});
  if (!header || !track || !time || !run || header->size() != 8 || track->size() != 8 || time->size() != 12 ||
      run->size() != 28)
    return std::nullopt;
  const auto at = [&](std::size_t where) { return load_be<std::uint32_t>(run->data() + where); };
  const std::size_t head_bytes = moof.size() + 16;
  if (at(4) != 1 || at(8) != head_bytes || at(16) != (*boxes)[1].content.size()) return std::nullopt;
  Mp4Fragment fragment{};
  fragment.number = load_be<std::uint32_t>(header->data() + 4);
  fragment.track = load_be<std::uint32_t>(track->data() + 4);
  fragment.decode_time = load_be<std::uint64_t>(time->data() + 4);
  fragment.duration = at(12);
  fragment.sync_point = (at(20) & 0x1'0000U) == 0;
  fragment.presentation_time =
      static_cast<std::int64_t>(fragment.decode_time) + static_cast<std::int32_t>(at(24));
  fragment.sample.assign((*boxes)[1].content.begin(), (*boxes)[1].content.end());
  return fragment;
}

}  // namespace ott::test
