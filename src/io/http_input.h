// An http:// or https:// camera: media/http_camera.h, performed by libcurl's multi interface on our loop. The
// connection, its name's lookup (a thread of libcurl's), TLS, redirects and authentication are libcurl's;
// nothing in it waits. User and password go to the host that was named, and nowhere else: not to where a
// redirect leads, not into a log. An answer that is a session description is taken as sdp:FILE is.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/curl_transfer.h"
#include "io/inputs.h"
#include "io/watcher.h"
#include "media/http_camera.h"
#include "media/input.h"

namespace ott {

class HttpInput final : public Input, public CurlTransfer::Owner {
 public:
  HttpInput(const InputContext& context, HttpSource source, InputSink& sink);
  ~HttpInput() override;

  void start(Now now) override;
  void stop(Now now) override;
  [[nodiscard]] InputFigures figures_of(std::size_t part) const override;

 private:
  void on_byte() override;
  void on_head(const HttpHead& head) override;
  bool on_body(ByteSpan bytes) override;
  void on_end(const std::string& error) override;
  void on_progress() override;
  void on_time();
  /// What the session description describes takes the camera's place.
  void take_description(const std::string& error, Now now);
  /// Does what the camera wants.
  void settle(Now now);

  const InputContext context_;
  InputSink& sink_;
  HttpCamera camera_;
  bool started_ = false;
  std::optional<std::string> sdp_;  // an answer that is one, as far as it has come
  std::string described_;           // the one that rtp_ is of
  std::unique_ptr<Input> rtp_;
  bool receiving_ = false;                  // rtp_ is started
  TimerWatcher timer_;                      // the camera's deadline
  std::unique_ptr<CurlTransfer> transfer_;  // while it is started
};

/// See media/http_source.h for what a SOURCE says.
extern const InputSpec kHttpInput, kHttpsInput;

}  // namespace ott
