// The log says each of these once for a stream: that its frames are converted and how, that they have no end,
// and which parts of them do not travel.
#pragma once

#include <string>
#include <vector>

#include "media/source.h"

namespace ott {

class FrameNotices {
 public:
  /// What there is to say of this frame that was not said before, a sentence each; mostly none.
  std::vector<std::string> look(const SourceFrame& frame);

 private:
  bool transcoded_said_ = false;
  bool reencoded_said_ = false;
  bool cut_off_said_ = false;
  bool dropped_said_ = false;
  bool profile_said_ = false;
};

}  // namespace ott
