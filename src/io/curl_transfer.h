// One HTTP request at a time, by libcurl's multi interface on our loop. libcurl says which sockets and which
// time it waits for; we tell it when they are there. Its callbacks come from within its calls, where it may
// not be told to end a request: on_progress() comes behind them, and there it may.
#pragma once

#include <curl/curl.h>

#include <array>
#include <map>
#include <memory>
#include <string>

#include "io/watcher.h"
#include "media/http_camera.h"

namespace ott {

class CurlTransfer {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    /// Bytes of a head, or of an answer that leads elsewhere.
    virtual void on_byte() = 0;
    virtual void on_head(const HttpHead& head) = 0;
    /// False: the rest of the answer is not wanted.
    virtual bool on_body(ByteSpan bytes) = 0;
    /// `error`: libcurl's, in its words; empty if there is none.
    virtual void on_end(const std::string& error) = 0;
    /// After any of these; the transfer may be told what to do.
    virtual void on_progress() = 0;
  };

  /// Of all heads of an answer, with those of redirects and challenges.
  static constexpr std::size_t kHeadBytesMax = std::size_t{64} << 10;
  static constexpr long kRedirectsMax = 5;
  static constexpr Duration kConnectTimeout = std::chrono::seconds(5);

  CurlTransfer(struct ev_loop* loop, const HttpSource& source, Owner& owner);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  /// Instead of the one under way, if there is one.
  void begin(const HttpCamera::Request& request);
  /// Drops the request under way, and its connection.
  void end();
  /// True within the calls of an Owner but the last: the transfer is not to be changed.
  [[nodiscard]] bool acting() const { return acting_; }

 private:
  /// A socket of libcurl's.
  struct Socket {
    Socket(CurlTransfer& transfer, curl_socket_t number)
        : owner(transfer), fd(number), watcher(transfer.loop_) {}
    void on_ready(int events) { owner.act(fd, events); }
    CurlTransfer& owner;
    curl_socket_t fd;
    IoWatcher watcher;
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long timeout_ms, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* self);

  void on_time() { act(CURL_SOCKET_TIMEOUT, 0); }
  void act(curl_socket_t fd, int events);
  bool take_header(std::string_view line);
  /// Tells of the head once, when it is certain that no other follows.
  void tell_head();
  void finish(CURLcode code);

  struct ev_loop* loop_;
  Owner& owner_;
  std::string why_ended_;  // where it was us, libcurl does not know
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::map<curl_socket_t, std::unique_ptr<Socket>> sockets_;
  TimerWatcher timer_;
  bool under_way_ = false;
  bool acting_ = false;
  HttpHead head_;  // the last one that has come
  std::size_t head_bytes_ = 0;
  bool head_told_ = false;
};

}  // namespace ott
