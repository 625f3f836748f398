#include "network.h"

#include <algorithm>
#include <array>

#include "ott/assert.h"

namespace ott::sim {

Network::Network(std::uint64_t seed, NetworkOptions options) : options_(std::move(options)), random_(seed) {}

Duration Network::latency(const Connection& connection) const {
  return latency(connection.ends[0].host->address, connection.ends[1].host->address);
}

void Network::at(MonoTime time, std::function<void()> act) {
  events_.push_back({std::max(time, now_), next_order_++, std::move(act)});
  std::push_heap(events_.begin(), events_.end());
}

Network::Host* Network::find(const IpAddress& address) {
  for (const auto& host : hosts_) {
    if (host->alive && host->address == address) return host.get();
  }
  return nullptr;
}

Machine* Network::machine(const IpAddress& address) {
  Host* host = find(address);
  return host == nullptr ? nullptr : host->machine.get();
}

std::optional<Requests::Exit> Network::exit_of(const IpAddress& address) const {
  for (auto host = hosts_.rbegin(); host != hosts_.rend(); ++host) {
    if ((*host)->address == address) return (*host)->exit;
  }
  return std::nullopt;
}

bool Network::silent(const Host& a, const Host& b) const {
  if (silent_.empty()) return false;
  return silent_.contains({std::min(a.address, b.address), std::max(a.address, b.address)});
}

Duration Network::latency(const IpAddress& a, const IpAddress& b) const {
  const Duration usual = options_.latency_between ? options_.latency_between(a, b) : options_.latency;
  if (latencies_.empty()) return usual;
  const auto own = latencies_.find({std::min(a, b), std::max(a, b)});
  return own == latencies_.end() ? usual : own->second;
}

double Network::rate(const IpAddress& a, const IpAddress& b) const {
  if (rates_.empty()) return options_.bytes_per_second;
  const auto own = rates_.find({std::min(a, b), std::max(a, b)});
  return own == rates_.end() ? options_.bytes_per_second : own->second;
}

Now Network::now_at(const IpAddress& address) const {
  const auto ahead = clocks_.find(address);
  Now now = this->now();
  if (ahead != clocks_.end()) now.wall += ahead->second;
  return now;
}

std::size_t Network::some_of(std::size_t bytes) {
  if (!options_.partial || bytes <= 1 || random_() % 4 != 0) return bytes;
  return 1 + random_() % bytes;
}

// ---- hosts -----------------------------------------------------------------------------------------------

void Network::start(const IpAddress& address, std::unique_ptr<Machine> machine) {
  OTT_ASSERT(find(address) == nullptr);
  hosts_.push_back(std::make_unique<Host>());
  Host& host = *hosts_.back();
  host.address = address;
  host.clock_ahead = &clocks_[address];
  host.machine = std::move(machine);
  at(now_, [this, &host] {
    if (!host.alive) return;
    host.machine->begin(now(host));
    perform(host);
  });
}

void Network::finish_host(Host& host) {
  host.alive = false;
  host.listening.reset();
  const auto links = host.links;
  for (const auto& [link, end] : links) break_connection(end.first, "reset by peer");
  host.links.clear();
  host.machine.reset();
}

void Network::kill(const IpAddress& address) {
  if (Host* host = find(address)) finish_host(*host);
}

void Network::stop(const IpAddress& address) { find(address)->stopped = true; }

void Network::resume(const IpAddress& address) {
  Host& host = *find(address);
  host.stopped = false;
  // As in a round of the driver's loop: first all that has arrived, then the timers, then sending.
  const auto links = host.links;
  host.catching_up = true;
  for (const auto& [link, end] : links) {
    if (!host.alive) return;
    read(end.first, end.second);
  }
  timer(host);
  host.catching_up = false;
  perform(host);
  for (const auto& [link, end] : links) {
    if (!host.alive) return;
    unblock(end.first, end.second);
  }
}

void Network::set_silent(const IpAddress& a, const IpAddress& b, bool is_silent) {
  const auto pair = std::make_pair(std::min(a, b), std::max(a, b));
  if (is_silent) {
    silent_.insert(pair);
    return;
  }
  silent_.erase(pair);
  // An end that has closed meanwhile is not among its host's links any more, but the other end is.
  for (const auto& [here, there] : {std::pair(a, b), std::pair(b, a)}) {
    Host* host = find(here);
    if (host == nullptr) continue;
    const auto links = host->links;
    for (const auto& [link, end] : links) {
      const auto& [connection, mine] = end;
      if (connection->ends[1 - mine].host->address != there) continue;
      for (int side : {0, 1}) release(connection, side);
      if (connection->ends[1 - mine].closed && !connection->ends[mine].closed)
        tell_of_close(connection, mine);
    }
  }
}

/// TCP repeats a close, too, until it gets through.
void Network::tell_of_close(const std::shared_ptr<Connection>& connection, int side) {
  if (silent(*connection->ends[0].host, *connection->ends[1].host)) return;
  connection->ends[side].peer_closed = true;
  read(connection, side);
}

void Network::release(const std::shared_ptr<Connection>& connection, int side) {
  std::deque<std::vector<std::uint8_t>>& held = connection->ends[side].held;
  if (held.empty()) return;
  auto last = std::move(held.back());
  held.pop_back();
  deliver(connection, side, std::move(last));
}

void Network::break_connections(const IpAddress& a, const IpAddress& b) {
  Host* host = find(a);
  if (host == nullptr) return;
  const auto links = host->links;
  for (const auto& [link, end] : links) {
    if (end.first->ends[1 - end.second].host->address == b) break_connection(end.first, "reset by peer");
  }
}

void Network::signal(const IpAddress& address, Signal signal) {
  Host* host = find(address);
  if (host == nullptr) return;
  host->machine->signal(signal, now(*host));
  perform(*host);
}

void Network::wake(const IpAddress& address) {
  if (Host* host = find(address)) perform(*host);
}

// ---- what machines ask for -------------------------------------------------------------------------------

void Network::perform(Host& host) {
  if (host.performing || !host.alive) return;
  host.performing = true;
  if (!host.catching_up && !host.stopped) host.machine->tick(now(host));
  Requests& requests = host.machine->requests();
  const auto to_send = [&] { return !requests.send.empty() && !host.catching_up; };
  while (!requests.listen.empty() || !requests.connect.empty() || to_send() || !requests.close.empty() ||
         !requests.sample.empty()) {
    for (const LinkId link : std::exchange(requests.sample, {}))
      host.machine->set_flight(link, {}, now(host));  // nothing is lost here, nor sent again
    for (const NodeId& id : std::exchange(requests.listen, {})) {
      host.listening = id;
      host.machine->listening(id, std::nullopt, now(host));
    }
    for (const auto& request : std::exchange(requests.connect, {})) connect(host, request);
    if (to_send()) {
      host.sending.swap(requests.send);  // both keep their memory, as a machine may expect
      for (const LinkId link : host.sending) pump(host, link);
      host.sending.clear();
    }
    for (const LinkId link : std::exchange(requests.close, {})) close(host, link);
  }
  host.performing = false;
  if (requests.exit) {
    host.exit = requests.exit;
    return finish_host(host);
  }
  const MonoTime deadline = host.machine->next_deadline();
  if (deadline >= host.timer_at) return;
  host.timer_at = deadline;
  at(deadline, [this, &host, deadline] {
    if (host.timer_at == deadline) timer(host);
  });
}

void Network::timer(Host& host) {
  if (!host.alive || host.stopped) return;
  host.timer_at = MonoTime::max();
  host.machine->tick(now(host));
  perform(host);
  if (host.alive && std::exchange(host.reads_later, false)) read_all(host);
}

void Network::read_all(Host& host) {
  const auto links = host.links;
  for (const auto& [link, end] : links) {
    if (host.alive) read(end.first, end.second);
  }
}

void Network::connect(Host& host, const Requests::Connect& request) {
  const NodeId from{request.from.empty() ? host.address : request.from.front(), host.next_port++};
  at(now_ + latency(host.address, request.to.address),
     [this, &host, request, from] { establish(host, request, from); });
}

void Network::establish(Host& host, const Requests::Connect& request, const NodeId& from) {
  if (!host.alive) return;
  Host* other = find(request.to.address);
  if (other != nullptr && silent(host, *other)) return;  // its handshake timeout will end it
  if (other == nullptr || other->listening != request.to) {
    at(now_ + latency(host.address, request.to.address), [this, &host, request] {
      if (!host.alive) return;
      host.machine->closed(request.link, "Connection refused", now(host));
      perform(host);
    });
    return;
  }
  auto connection = std::make_shared<Connection>();
  connection->ends[0].host = &host;
  connection->ends[0].link = request.link;
  connection->ends[1].host = other;
  connection->ends[1].link = other->machine->accepted(from, now(*other));
  other->links[connection->ends[1].link] = {connection, 1};
  perform(*other);
  at(now_ + latency(*connection), [this, connection, from] {
    Host& opener = *connection->ends[0].host;
    if (!opener.alive || connection->ends[0].closed) return;
    opener.links[connection->ends[0].link] = {connection, 0};
    connection->open = true;
    opener.machine->opened(connection->ends[0].link, from, now(opener));
    perform(opener);
    read(connection, 0);
  });
}

void Network::pump(Host& host, LinkId link) {
  const auto found = host.links.find(link);
  if (found == host.links.end() || host.stopped) return;
  const auto connection = found->second.first;
  const int side = found->second.second;
  End& mine = connection->ends[side];
  End& other = connection->ends[1 - side];
  if (mine.closed || mine.blocked) return;
  while (true) {
    std::array<ByteSpan, 3> pieces;
    const std::size_t count = host.machine->send_slices(link, now(host), pieces);
    if (count == 0) return;
    std::vector<std::uint8_t> slice;
    for (std::size_t i = 0; i < count; ++i) slice.insert(slice.end(), pieces[i].begin(), pieces[i].end());
    const std::size_t room = options_.buffer_bytes - std::min(options_.buffer_bytes, other.unread_bytes);
    const std::size_t bytes = some_of(std::min(slice.size(), room));
    if (bytes > 0) {
      std::vector<std::uint8_t> packet(slice.begin(), slice.begin() + static_cast<std::ptrdiff_t>(bytes));
      other.unread_bytes += bytes;
      const double bytes_per_second = rate(host.address, other.host->address);
      const double seconds = bytes_per_second > 0 ? static_cast<double>(bytes) / bytes_per_second : 0;
      other.last_delivery = std::max(other.last_delivery, now_ + latency(*connection)) +
                            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
      at(other.last_delivery, [this, connection, side, packet = std::move(packet)]() mutable {
        deliver(connection, 1 - side, std::move(packet));
      });
      host.machine->send_advance(link, bytes, now(host));
    }
    if (bytes == slice.size()) continue;
    mine.blocked = true;
    host.machine->set_blocked(link, true, now(host));
    // A write that was cut at random goes on soon; one without room goes on when the other end has read.
    if (bytes < room)
      at(now_ + latency(*connection), [this, connection, side] { unblock(connection, side); });
    return;
  }
}

void Network::unblock(const std::shared_ptr<Connection>& connection, int side) {
  End& mine = connection->ends[side];
  if (!mine.blocked || mine.closed || !mine.host->alive || mine.host->stopped) return;
  if (connection->ends[1 - side].unread_bytes >= options_.buffer_bytes) return;
  mine.blocked = false;
  mine.host->machine->set_blocked(mine.link, false, now(*mine.host));
  pump(*mine.host, mine.link);
  perform(*mine.host);
}

// ---- bytes on their way ----------------------------------------------------------------------------------

void Network::deliver(const std::shared_ptr<Connection>& connection, int to,
                      std::vector<std::uint8_t> bytes) {
  End& end = connection->ends[to];
  const Host& from = *connection->ends[1 - to].host;
  if (silent(*end.host, from)) {  // TCP repeats it until it gets through or an end gives up
    end.held.push_back(std::move(bytes));
    return;
  }
  if (end.closed && !connection->ends[1 - to].peer_closed) break_connection(connection, "reset by peer");
  if (end.closed || end.broken || !end.host->alive) return;
  if (end.delivered == nullptr) end.delivered = &bytes_[{from.address, end.host->address}];
  const auto receive = [&end](std::vector<std::uint8_t>&& packet) {
    *end.delivered += packet.size();
    end.received.push_back(std::move(packet));
  };
  while (!end.held.empty()) {  // bytes that were held back come first
    receive(std::move(end.held.front()));
    end.held.pop_front();
  }
  receive(std::move(bytes));
  read(connection, to);
}

void Network::read(const std::shared_ptr<Connection>& connection, int side) {
  End& end = connection->ends[side];
  Host& host = *end.host;
  while (host.alive && !host.stopped && !end.closed && !end.received.empty()) {
    if (!host.links.contains(end.link)) return;
    const std::vector<std::uint8_t>& packet = end.received.front();
    const MutableByteSpan into = host.machine->recv_slice(end.link);
    if (into.empty()) {
      host.reads_later = true;
      break;
    }
    const std::size_t bytes = some_of(std::min(into.size(), packet.size() - end.received_offset));
    std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(end.received_offset), bytes, into.begin());
    end.received_offset += bytes;
    end.unread_bytes -= bytes;
    if (end.received_offset == packet.size()) {
      end.received.pop_front();
      end.received_offset = 0;
    }
    host.machine->recv_advance(end.link, bytes, now(host));
    perform(host);
    unblock(connection, 1 - side);
  }
  if (end.peer_closed && (end.received.empty() || end.closed)) tell_closed(connection, side);
}

void Network::close(Host& host, LinkId link) {
  const auto found = host.links.find(link);
  if (found == host.links.end()) {  // not connected yet
    host.machine->closed(link, "", now(host));
    return;
  }
  const auto [connection, side] = found->second;
  pump(host, link);
  End& mine = connection->ends[side];
  if (mine.closed) return;
  mine.closed = true;
  host.links.erase(link);
  host.machine->closed(link, "", now(host));
  End& other = connection->ends[1 - side];
  at(std::max(other.last_delivery, now_ + latency(*connection)),
     [this, connection = connection, side = side] { tell_of_close(connection, 1 - side); });
}

void Network::tell_closed(const std::shared_ptr<Connection>& connection, int side) {
  End& end = connection->ends[side];
  if (end.closed || !end.host->alive || end.host->stopped) return;
  end.closed = true;
  end.host->links.erase(end.link);
  end.host->machine->closed(end.link, end.close_reason.empty() ? "closed by peer" : end.close_reason,
                            now(*end.host));
  perform(*end.host);
}

void Network::break_connection(const std::shared_ptr<Connection>& connection, const std::string& why) {
  for (int side : {0, 1}) {
    End& end = connection->ends[side];
    end.close_reason = why;
    end.peer_closed = true;
    end.broken = true;
    end.received.clear();
    end.received_offset = 0;
    at(now_ + latency(*connection), [this, connection, side] {
      if (silent(*connection->ends[0].host, *connection->ends[1].host)) return;
      read(connection, side);
    });
  }
}

// ---- time ------------------------------------------------------------------------------------------------

void Network::run_for(Duration duration) {
  const MonoTime end = now_ + duration;
  run_until([] { return false; }, end - now_);
  now_ = end;
}

bool Network::run_until(const std::function<bool()>& condition, Duration at_most) {
  const MonoTime end = now_ + at_most;
  while (!condition()) {
    if (events_.empty() || events_.front().at > end) {
      now_ = end;
      return condition();
    }
    std::pop_heap(events_.begin(), events_.end());
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.at;
    event.act();
  }
  return true;
}

std::uint64_t Network::bytes_between(const IpAddress& from, const IpAddress& to) const {
  const auto found = bytes_.find({from, to});
  return found == bytes_.end() ? 0 : found->second;
}

}  // namespace ott::sim
