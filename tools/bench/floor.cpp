// The floor: the cost of a relay that does nothing else. One epoll loop receives from a source into a
// mirrored ring and sends each child what is contiguous and whole from there, with the socket options of
// ottd, whose sockets and ring it borrows. A record is four bytes of length (big-endian) and as many bytes as
// that says. There is no policy: a child that lags makes the source wait.
//
//     floor LISTEN SOURCE      addresses as ADDRESS or ADDRESS:PORT
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "io/socket.h"
#include "ott/bytes.h"
#include "plane/mirrored_ring.h"

namespace ott {
namespace {

constexpr std::size_t kRingBytes = std::size_t{4} << 20U;
constexpr std::size_t kReceiveBytesMax = 256U << 10U;
constexpr std::size_t kLengthBytes = 4;

struct Child {
  Fd fd;
  std::uint64_t position = 0;
  bool lags = false;
  std::size_t index = 0;
};

class Floor {
 public:
  Floor(MirroredRing ring, Fd listener, Fd source)
      : ring_(std::move(ring)), listener_(std::move(listener)), source_(std::move(source)) {}

  /// Ends with its source.
  Result<void> run() {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN, &listener_);
    watch(EPOLL_CTL_ADD, source_, EPOLLIN, &source_);
    std::array<epoll_event, 256> events;
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == &listener_) {
          if (auto accepted = accept_children(); !accepted) return accepted;
        } else if (event.data.ptr == &source_) {
          if (!receive()) return {};
        } else {
          child_ready(*static_cast<Child*>(event.data.ptr), event.events);
        }
      }
      gone_.clear();
    }
  }

 private:
  void watch(int operation, const Fd& fd, std::uint32_t events, void* what) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = what;
    (void)::epoll_ctl(epoll_.get(), operation, fd.get(), &event);
  }

  Result<void> accept_children() {
    while (true) {
      auto accepted = accept_from(listener_);
      if (!accepted) return tl::unexpected(accepted.error());
      if (!*accepted) return {};
      auto child = std::make_unique<Child>();
      child->fd = std::move((*accepted)->fd);
      child->position = recent_;
      child->index = children_.size();
      watch(EPOLL_CTL_ADD, child->fd, EPOLLIN, child.get());
      children_.push_back(std::move(child));
      send(*children_.back());
    }
  }

  [[nodiscard]] std::size_t room() const {
    std::uint64_t oldest = whole_;
    if (lagging_ > 0) {
      for (const auto& child : children_) oldest = std::min(oldest, child->position);
    }
    return ring_.capacity() - (head_ - oldest);
  }

  /// False at the source's end.
  bool receive() {
    const std::size_t bytes = std::min(room(), kReceiveBytesMax);
    if (bytes == 0) {
      source_waits_ = true;
      watch(EPOLL_CTL_MOD, source_, 0, &source_);
      return true;
    }
    const ssize_t got = ::recv(source_.get(), ring_.at(Position{head_}), bytes, 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    head_ += static_cast<std::size_t>(got);
    recent_ = std::exchange(last_whole_, whole_);
    while (head_ - whole_ >= kLengthBytes) {
      const std::uint64_t record = kLengthBytes + load_be<std::uint32_t>(ring_.at(Position{whole_}));
      if (head_ - whole_ < record) break;
      whole_ += record;
    }
    // In the order in which they came, which is that of their sockets in memory: any other order costs more
    // with a thousand of them.
    for (std::size_t i = 0; i < children_.size();) {
      Child& child = *children_[i];
      if (!child.lags) send(child);
      if (i < children_.size() && children_[i].get() == &child) ++i;  // it may be lost
    }
    return true;
  }

  void send(Child& child) {
    const std::size_t bytes = whole_ - child.position;
    if (bytes == 0) return;
    const ssize_t sent =
        ::send(child.fd.get(), ring_.at(Position{child.position}), bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return lose(child);
    if (sent > 0) child.position += static_cast<std::size_t>(sent);
    const bool lags = child.position < whole_;
    if (lags == child.lags) return;
    child.lags = lags;
    lagging_ = lags ? lagging_ + 1 : lagging_ - 1;
    watch(EPOLL_CTL_MOD, child.fd, lags ? EPOLLIN | EPOLLOUT : EPOLLIN, &child);
  }

  void child_ready(Child& child, std::uint32_t events) {
    if (!child.fd.valid()) return;
    if ((events & ~EPOLLOUT) != 0 && !hear(child)) {
      lose(child);
    } else {
      send(child);
    }
    if (source_waits_) {
      source_waits_ = false;
      watch(EPOLL_CTL_MOD, source_, EPOLLIN, &source_);
    }
  }

  /// Discards what a child sends; false when it is gone.
  static bool hear(const Child& child) {
    std::array<std::uint8_t, 256> unread;
    const ssize_t got = ::recv(child.fd.get(), unread.data(), unread.size(), MSG_DONTWAIT);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }

  void lose(Child& child) {
    if (child.lags) --lagging_;
    const std::size_t index = child.index;
    Fd(std::move(child.fd));
    gone_.push_back(std::move(children_[index]));
    if (index + 1 < children_.size()) children_[index] = std::move(children_.back());
    children_.pop_back();
    if (index < children_.size()) children_[index]->index = index;
  }

  MirroredRing ring_;
  Fd listener_;
  Fd source_;
  Fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  std::uint64_t head_ = 0;   // received so far
  std::uint64_t whole_ = 0;  // the end of the last whole record
  // The same before the last receive, and the one before: a new child begins there, as ottd's children begin
  // with the newest frame. This also opens their windows: in a small one a frame travels as two segments.
  std::uint64_t last_whole_ = 0;
  std::uint64_t recent_ = 0;
  std::vector<std::unique_ptr<Child>> children_;
  std::vector<std::unique_ptr<Child>> gone_;  // until the round of events is over
  std::size_t lagging_ = 0;
  bool source_waits_ = false;
};

Result<void> start(const char* listen_text, const char* source_text) {
  const auto listen_id = parse_node_id(listen_text);
  if (!listen_id) return tl::unexpected(listen_id.error());
  const auto source_id = parse_node_id(source_text);
  if (!source_id) return tl::unexpected(source_id.error());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
  auto ring = MirroredRing::create(kRingBytes);
  if (!ring) return tl::unexpected(ring.error());
  auto listener = listen_on(*listen_id);
  if (!listener) return tl::unexpected(listener.error());
  auto source = connect_to(*source_id, {});
  if (!source) return tl::unexpected(source.error());
  return Floor(std::move(*ring), std::move(*listener), std::move(*source)).run();
}

}  // namespace
}  // namespace ott

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: floor LISTEN SOURCE\n", stderr);
    return 2;
  }
  const auto ended = ott::start(argv[1], argv[2]);
  if (!ended) std::fprintf(stderr, "floor: %s\n", ended.error().message.c_str());
  return ended ? 0 : 1;
}
