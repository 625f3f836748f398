// Any bytes as what a camera answers: a line that is its Content-Type, then the body. The first byte says how
// large the pieces are, the second one the status and whether it is polled.
#include "media/http_camera.h"

#include "ott/assert.h"

namespace {

using namespace ott;

struct Sink : InputSink {
  void push(const AccessUnit& unit) override { OTT_ASSERT(!unit.bytes.empty()); }
  void refuse(const std::string& why, Now /*now*/) override { check(why); }
  void on_connected(const std::string& what, Now /*now*/) override { check(what); }
  void on_lost(const std::string& why, Now /*now*/) override { check(why); }
  void on_end(Now /*now*/) override { OTT_ASSERT(false); }

  /// What is logged holds nothing that a terminal would act on, and no password.
  static void check(const std::string& text) {
    for (const char c : text) OTT_ASSERT(c >= ' ' && c <= '~');
    OTT_ASSERT(text.size() < 500 && text.find("hush") == std::string::npos);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (all.find("hush") != std::string_view::npos) return 0;  // the password, which must not be seen
  const std::size_t line = std::min(all.find('\n'), all.size());
  const std::string_view source =
      (data[1] & 1) != 0 ? "http://u:hush@cam/?poll=1s" : "http://u:hush@cam/?pwd=hush";
  Sink sink;
  HttpCamera camera(parse_http_source(source).value(), sink, 1);
  Now now{MonoTime(std::chrono::seconds(1)), {}};
  camera.start(now);
  for (int answer = 0; answer < 3; ++answer) {
    OTT_ASSERT(camera.take_request());
    camera.on_head({(data[1] & 2) != 0 ? 200U : 100U * (data[1] >> 5), std::string(all.substr(0, line)),
                    std::string(all.substr(0, line)), "x"},
                   now);
    ByteSpan body(data + 2 + line, size - 2 - line);
    while (!body.empty() && camera.asking()) {
      const auto piece = body.first(std::min(body.size(), std::size_t{data[0]} + 1));
      camera.on_body(piece, now);
      body = body.subspan(piece.size());
    }
    camera.on_end((data[1] & 4) != 0 ? "error" : "", now);
    OTT_ASSERT(!camera.asking() && camera.next_deadline() != MonoTime::max());
    now.mono = camera.next_deadline();
    camera.step(now);
    OTT_ASSERT(camera.asking());
  }
  return 0;
}
