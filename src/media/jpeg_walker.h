// Finds where a JPEG ends whose bytes come in pieces, by walking its marker segments and then scanning its
// entropy-coded data: a thumbnail inside a segment is never taken for its end. Each byte is looked at once.
//
//     Segments --SOS--> Scan --a marker--> Segments --EOI, SOI, or nonsense--> found
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ott/types.h"

namespace ott {

/// Whether an SOI and the 0xFF of the next marker are here: a JPEG begins.
bool begins_jpeg(ByteSpan data);
/// The offset of the first JPEG that begins here; data.size() if none does.
std::size_t find_jpeg(ByteSpan data);

class JpegWalker {
 public:
  enum class Found : std::uint8_t {
    NeedBytes,  // it goes on
    Eoi,        // at() is behind it
    NextSoi,    // another one begins at at(), and this one has image data: it had no EOI
    Broken,     // why() says so
  };

  /// `jpeg`: what has come so far of one that begins_jpeg(): the same bytes as before, and more. Once
  /// something else than NeedBytes was found, reset() comes first.
  Found walk(ByteSpan jpeg);
  void reset() { *this = {}; }

  /// What is read next. It may be behind what has come.
  [[nodiscard]] std::size_t at() const { return at_; }
  /// Where another JPEG may begin if this one proves broken.
  [[nodiscard]] std::size_t resume_at() const { return resume_at_; }
  /// True if some of its image data is before `end`.
  [[nodiscard]] bool has_image_data(std::size_t end) const { return scan_at_ != 0 && end > scan_at_; }
  /// "the frame has no marker at its byte 100".
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  static constexpr std::size_t kSoiBytes = 2;

  bool walk_segment(ByteSpan jpeg, Found& found);
  bool walk_scan(ByteSpan jpeg);
  bool stop(Found& found, Found what) {
    found = what;
    return false;
  }
  bool broken(Found& found, std::string why);

  std::size_t at_ = kSoiBytes;
  std::size_t scan_at_ = 0;  // where its image data begins; 0: not known yet
  std::size_t resume_at_ = kSoiBytes;
  bool in_scan_ = false;
  std::string why_;
};

}  // namespace ott
