#include "port.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

namespace ott::wire {
namespace {

constexpr int kReceiveBufferBytes = 8 << 20;
constexpr std::size_t kTagBytes = 4;
constexpr std::uint8_t kNeedsChecksum = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM
constexpr std::size_t kAddressesBytes = 2 * ETH_ALEN;

Duration clock_time(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + Duration(now.tv_nsec);
}

Result<void> set(int fd, int level, int option, const void* value, socklen_t size, const char* what) {
  if (::setsockopt(fd, level, option, value, size) == 0) return {};
  return fail(fmt::format("cannot set {}: {}", what, std::strerror(errno)));
}
Result<void> set(int fd, int level, int option, int value, const char* what) {
  return set(fd, level, option, &value, sizeof value, what);
}

Result<int> mtu_of(int fd, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(fd, SIOCGIFMTU, &request) == 0) return request.ifr_mtu;
  return fail(fmt::format("cannot ask for its MTU: {}", std::strerror(errno)));
}

Result<void> set_up(int fd, unsigned index) {
  if (auto done = set(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING"); !done)
    return done;
  if (auto done = set(fd, SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR"); !done) return done;
  if (auto done = set(fd, SOL_PACKET, PACKET_AUXDATA, 1, "PACKET_AUXDATA"); !done) return done;
  if (auto done = set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"); !done) return done;
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBufferBytes, "SO_RCVBUFFORCE")) {
    (void)set(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes, "SO_RCVBUF");
  }
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = static_cast<int>(index);
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (auto done =
          set(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous, "promiscuous mode");
      !done) {
    return done;
  }
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return {};
  return fail(fmt::format("cannot bind a socket to it: {}", std::strerror(errno)));
}

/// What the kernel says beside a frame.
struct Said {
  std::optional<Duration> stamp;  // wall clock
  std::optional<std::uint32_t> tag;
};

Said said_of(msghdr& message) {
  Said said;
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
      timespec stamp{};
      std::memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
      said.stamp = std::chrono::seconds(stamp.tv_sec) + Duration(stamp.tv_nsec);
    } else if (control->cmsg_level == SOL_PACKET && control->cmsg_type == PACKET_AUXDATA) {
      tpacket_auxdata data{};
      std::memcpy(&data, CMSG_DATA(control), sizeof data);
      if ((data.tp_status & TP_STATUS_VLAN_VALID) == 0) continue;
      const bool named = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
      const std::uint32_t protocol = named ? data.tp_vlan_tpid : ETH_P_8021Q;
      said.tag = protocol << 16U | data.tp_vlan_tci;
    }
  }
  return said;
}

/// The kernel takes a VLAN tag out of a frame that it gives us; it goes back behind the addresses.
void put_back(std::uint32_t tag, Frame& frame) {
  const std::uint32_t bytes = htonl(tag);
  const auto* first = reinterpret_cast<const std::uint8_t*>(&bytes);
  frame.insert(frame.begin() + kNoteBytes + kAddressesBytes, first, first + kTagBytes);
  Note note;
  std::memcpy(&note, frame.data(), sizeof note);
  if ((note.flags & kNeedsChecksum) == 0) return;
  note.csum_start = static_cast<std::uint16_t>(note.csum_start + kTagBytes);
  std::memcpy(frame.data(), &note, sizeof note);
}

}  // namespace

Result<Port> Port::open(const std::string& interface) {
  const auto failed = [&](const std::string& why) { return fail(fmt::format("{}: {}", interface, why)); };
  const unsigned index = interface.size() < IFNAMSIZ ? ::if_nametoindex(interface.c_str()) : 0;
  if (index == 0) return failed("there is no such interface here");
  // Of no protocol until it is bound, so that no frame of another interface gets in.
  Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return failed(fmt::format("cannot open a packet socket: {}", std::strerror(errno)));
  auto mtu = mtu_of(socket.get(), interface);
  if (!mtu) return failed(mtu.error().message);
  if (auto done = set_up(socket.get(), index); !done) return failed(done.error().message);
  return Port(interface, std::move(socket), *mtu);
}

Result<bool> Port::read(std::vector<Arrival>& into, std::vector<Frame>& spare) {
  struct Beside {
    alignas(
        cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(tpacket_auxdata))> bytes;
  };
  const std::size_t bytes_max = kNoteBytes + ETH_HLEN + kTagBytes + static_cast<std::size_t>(mtu_);
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> places;
  std::array<Beside, kBatch> beside;
  for (std::size_t i = 0; i < kBatch; ++i) {
    Frame& frame = prepared_.at(i);
    if (frame.capacity() == 0 && !spare.empty()) {
      frame = std::move(spare.back());
      spare.pop_back();
    }
    frame.reserve(bytes_max + kTagBytes);
    frame.resize(bytes_max);
    places.at(i) = {frame.data(), frame.size()};
    messages.at(i).msg_hdr.msg_iov = &places.at(i);
    messages.at(i).msg_hdr.msg_iovlen = 1;
    messages.at(i).msg_hdr.msg_control = beside.at(i).bytes.data();
    messages.at(i).msg_hdr.msg_controllen = beside.at(i).bytes.size();
  }
  const int count = ::recvmmsg(socket_.get(), messages.data(), kBatch, 0, nullptr);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return false;
    const int error = errno;  // ENETDOWN comes when it goes down, and when it goes away
    if (error == ENETDOWN && ::if_nametoindex(interface_.c_str()) != 0) return false;
    return fail(fmt::format("{}: cannot read from it: {}", interface_, std::strerror(error)));
  }
  const Duration wall = clock_time(CLOCK_REALTIME);
  const MonoTime mono(clock_time(CLOCK_MONOTONIC));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    mmsghdr& message = messages.at(i);
    if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++counters_.too_large;
      continue;
    }
    if (message.msg_len < kNoteBytes + ETH_HLEN) continue;
    Frame frame = std::move(prepared_.at(i));
    frame.resize(message.msg_len);
    const Said said = said_of(message.msg_hdr);
    if (said.tag) put_back(*said.tag, frame);
    // The wall clock may have been set since; a frame has never waited that long.
    constexpr Duration kAgeMax = std::chrono::seconds(1);
    const Duration age = said.stamp ? wall - *said.stamp : Duration{};
    into.push_back({std::move(frame), mono - (age > Duration{} && age < kAgeMax ? age : Duration{})});
  }
  return static_cast<std::size_t>(count) == kBatch;
}

void Port::send(std::vector<Frame>& frames) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> places;
  const std::size_t count = std::min(frames.size(), kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    places.at(i) = {frames[i].data(), frames[i].size()};
    messages.at(i).msg_hdr.msg_iov = &places.at(i);
    messages.at(i).msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t begin = 0; begin < count;) {
    const int sent = ::sendmmsg(socket_.get(), &messages.at(begin), static_cast<unsigned>(count - begin), 0);
    if (sent > 0) {
      begin += static_cast<std::size_t>(sent);
    } else if (errno != EINTR) {  // it concerns the first of them
      ++counters_.refused;
      ++begin;
    }
  }
}

const PortCounters& Port::counters() {
  tpacket_stats since{};
  socklen_t size = sizeof since;
  if (::getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &since, &size) == 0) {
    counters_.unread += since.tp_drops;  // reading sets it back
  }
  return counters_;
}

}  // namespace ott::wire
