#include "io/curl_transfer.h"

#include <system_error>

#include "media/text.h"
#include "ott/assert.h"

namespace ott {
namespace {

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  OTT_ASSERT(code == CURLE_OK);
}

long in_ms(Duration time) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

void set_what_is_allowed(CURL* easy, const HttpSource& source) {
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(easy, CURLOPT_FOLLOWLOCATION, 1L);
  set(easy, CURLOPT_MAXREDIRS, CurlTransfer::kRedirectsMax);
  set(easy, CURLOPT_HTTP09_ALLOWED, 1L);  // an answer without a head, such as GStreamer's tcpserversink gives
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, in_ms(CurlTransfer::kConnectTimeout));
  set(easy, CURLOPT_NOSIGNAL, 1L);
  // Else the end of a request whose name is still being looked up waits for the end of that.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  if (!source.proxy) set(easy, CURLOPT_PROXY, "");
  if (source.insecure) {
    set(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

void set_who_asks(CURL* easy, const HttpSource& source) {
  set(easy, CURLOPT_USERAGENT, "ottd");
  if (!source.url.has_user) return;
  set(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC | CURLAUTH_DIGEST));
  set(easy, CURLOPT_USERNAME, source.url.user.c_str());
  set(easy, CURLOPT_PASSWORD, source.url.password.c_str());
}

}  // namespace

CurlTransfer::CurlTransfer(struct ev_loop* loop, const HttpSource& source, Owner& owner)
    : loop_(loop), owner_(owner), timer_(loop) {
  // Once in a process, before its threads use libcurl; it counts its calls.
  OTT_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  OTT_ASSERT(multi_ != nullptr && easy_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlTransfer::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlTransfer::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  set(easy_, CURLOPT_URL, to_string(source.url).c_str());
  set(easy_, CURLOPT_ERRORBUFFER, error_.data());
  set(easy_, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(easy_, CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(easy_, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_write);
  set(easy_, CURLOPT_WRITEDATA, static_cast<void*>(this));
  set_what_is_allowed(easy_, source);
  set_who_asks(easy_, source);
}

CurlTransfer::~CurlTransfer() {
  end();
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);  // its connections end: sockets_ is empty then
  curl_slist_free_all(headers_);
  curl_global_cleanup();
}

void CurlTransfer::begin(const HttpCamera::Request& request) {
  end();
  curl_slist_free_all(headers_);
  headers_ = nullptr;
  if (!request.if_none_match.empty()) {
    headers_ = curl_slist_append(headers_, ("If-None-Match: " + request.if_none_match).c_str());
  }
  set(easy_, CURLOPT_HTTPHEADER, headers_);
  error_[0] = '\0';
  why_ended_.clear();
  head_ = {};
  head_bytes_ = 0;
  head_told_ = false;
  under_way_ = true;
  const CURLMcode code = curl_multi_add_handle(multi_, easy_);
  OTT_ASSERT(code == CURLM_OK);
}

void CurlTransfer::end() {
  if (!std::exchange(under_way_, false)) return;
  curl_multi_remove_handle(multi_, easy_);
}

// ---- libcurl and the loop --------------------------------------------------------------------------------

int CurlTransfer::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self, void* /*socket*/) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (what == CURL_POLL_REMOVE) {
    transfer.sockets_.erase(fd);
    return 0;
  }
  auto& socket = transfer.sockets_[fd];
  if (socket == nullptr) socket = std::make_unique<Socket>(transfer, fd);
  const int events =
      ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0);
  socket->watcher.start<&Socket::on_ready>(*socket, fd, events);
  return 0;
}

int CurlTransfer::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (timeout_ms < 0) {
    transfer.timer_.stop();
  } else {
    transfer.timer_.start<&CurlTransfer::on_time>(transfer, std::chrono::milliseconds(timeout_ms));
  }
  return 0;
}

void CurlTransfer::act(curl_socket_t fd, int events) {
  const int ready =
      ((events & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((events & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
  acting_ = true;
  int running = 0;
  curl_multi_socket_action(multi_, fd, ready, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) finish(message->data.result);
  }
  acting_ = false;
  owner_.on_progress();  // it may be the end of us
}

void CurlTransfer::finish(CURLcode code) {
  end();
  if (code == CURLE_OK) tell_head();
  std::string error = std::exchange(why_ended_, {});
  if (code != CURLE_OK && error.empty()) error = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  long os_error = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_COULDNT_CONNECT && os_error != 0) {
    error += " (" + std::system_category().message(static_cast<int>(os_error)) + ")";
  }
  if (code == CURLE_PEER_FAILED_VERIFICATION) error += "; ?insecure leaves the certificate unverified";
  owner_.on_end(error);
}

// ---- an answer -------------------------------------------------------------------------------------------

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  return transfer.take_header({data, size * count}) ? size * count : 0;
}

bool CurlTransfer::take_header(std::string_view line) {
  owner_.on_byte();
  head_bytes_ += line.size();
  if (head_bytes_ > kHeadBytesMax) {
    why_ended_ = "its answer's head has more than 64 KiB";
    return false;
  }
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    head_ = {};
    take_until(line, ' ');
    head_.status = parse_number<unsigned>(trimmed(take_until(line, ' '))).value_or(0);
    head_.reason = trimmed(line);
    return true;
  }
  const auto [name, value] = cut(line, ':');
  if (equal_no_case(trimmed(name), "Content-Type")) head_.content_type = trimmed(value);
  if (equal_no_case(trimmed(name), "ETag")) head_.etag = trimmed(value);
  return true;
}

void CurlTransfer::tell_head() {
  if (std::exchange(head_told_, true)) return;
  owner_.on_head(head_);
}

std::size_t CurlTransfer::on_write(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  transfer.tell_head();
  const ByteSpan bytes(reinterpret_cast<const std::uint8_t*>(data), size * count);
  return transfer.owner_.on_body(bytes) ? bytes.size() : 0;
}

}  // namespace ott
