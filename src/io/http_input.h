// An http:// or https:// camera: media/http_camera.h, performed by libcurl's multi interface on our loop. The
// connection, its name's lookup (a thread of libcurl's), TLS, redirects and authentication are libcurl's;
// nothing in it waits. User and password go to the host that was named, and nowhere else: not to where a
// redirect leads, not into a log.
#pragma once

#include <memory>

#include "io/curl_transfer.h"
#include "io/inputs.h"
#include "io/watcher.h"
#include "media/http_camera.h"
#include "media/input.h"

namespace ott {

class HttpInput final : public Input, public CurlTransfer::Owner {
 public:
  HttpInput(struct ev_loop* loop, HttpSource source, InputSink& sink);
  ~HttpInput() override;

  void start(Now now) override;
  void stop(Now now) override;

 private:
  void on_byte() override;
  void on_head(const HttpHead& head) override;
  bool on_body(ByteSpan bytes) override;
  void on_end(const std::string& error) override;
  void on_progress() override;
  void on_time();
  /// Does what the camera wants.
  void settle(Now now);

  struct ev_loop* loop_;
  HttpCamera camera_;
  bool started_ = false;
  TimerWatcher timer_;                      // the camera's deadline
  std::unique_ptr<CurlTransfer> transfer_;  // while it is started
};

/// See media/http_source.h for what a SOURCE says.
extern const InputSpec kHttpInput, kHttpsInput;

}  // namespace ott
