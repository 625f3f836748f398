#include <fmt/format.h>

#include <algorithm>

#include "ott/message.h"
#include "session.h"

namespace ott::load {
namespace {

/// What is read of a record: up to its RTP sequence number (RFC 3550, section 5.1).
constexpr std::size_t kRecordSeenBytes = kRecordHeaderBytes + 4;

class OttSession : public Session {
 public:
  OttSession(FrameTally& tally, std::uint64_t incarnation, std::string stream, std::size_t choice)
      : Session(tally), incarnation_(incarnation), stream_name_(std::move(stream)), choice_(choice) {}

  void opened(const NodeId& local) override {
    Ack ack;
    ack.greeting.kind = PeerKind::Guest;
    ack.greeting.incarnation = incarnation_;
    ack.ids = {local};
    encode(out, ack);
  }

  [[nodiscard]] std::size_t want(ByteSpan pending) const override {
    if (pending.size() < kHeaderBytes) return kRecordSeenBytes - pending.size();
    const Framed framed = next_message(pending, kBodyBytesMax);
    const std::size_t due =
        framed.header.type == MessageType::Data ? kRecordSeenBytes : framed.header.total();
    return due - std::min(due, pending.size());
  }

  Result<Step> take(ByteSpan bytes) override {
    const Framed framed = next_message(bytes, kBodyBytesMax);
    if (framed.kind == Framed::Kind::Malformed) {
      return fail(fmt::format("it sends what is no message: {}", framed.complaint));
    }
    if (!framed.has_header) return Step{};
    if (framed.header.type == MessageType::Data) {
      return bytes.size() < kRecordSeenBytes ? Step{} : take_data(framed.header, bytes);
    }
    if (framed.kind == Framed::Kind::Incomplete) return Step{};
    const ByteSpan message = bytes.first(framed.header.total());
    if (auto handled = handle(framed.header, message); !handled) return tl::unexpected(handled.error());
    return Step{message.size(), 0, std::nullopt};
  }

  void beat() override {
    if (attached_) encode(out, Heartbeat{false, 0});
  }
  void leave() override { encode(out, Bye{ByeReason::Leaving, "the measurement is over"}); }

 private:
  Result<Step> take_data(const Header& header, ByteSpan bytes) {
    if (header.total() < kRecordHeaderBytes + kRtpBytesMin) return fail("it sends malformed DATA");
    const Label label{load_be<std::uint64_t>(bytes.data() + kHeaderBytes)};
    const auto number = load_be<std::uint64_t>(bytes.data() + kHeaderBytes + 8);
    const auto time = load_be<std::uint64_t>(bytes.data() + kHeaderBytes + 16);
    const auto sequence = load_be<std::uint16_t>(bytes.data() + kRecordHeaderBytes + 2);
    Step step{kRecordSeenBytes, header.total() - kRecordSeenBytes, std::nullopt};
    if (!watched_ || stream_of(label) != *watched_ || !started_) return step;
    if ((header.flags & kFirstOfFrame) != 0) {
      if (open_ != 0) tally_.broken();  // the frame before has no end
      open_ = number;
    } else if (open_ != number || sequence != next_sequence_) {
      if (open_ != 0 || number != broken_) tally_.broken();
      open_ = 0;
      broken_ = number;
    }
    next_sequence_ = static_cast<std::uint16_t>(sequence + 1);
    if ((header.flags & kLastOfFrame) == 0) return step;
    if (open_ == number) {
      step.ends = FrameEnd{number, static_cast<std::int64_t>(time)};
      last_done_ = number;
    }
    open_ = 0;
    return step;
  }

  Result<void> handle(const Header& header, ByteSpan message) {
    const ByteSpan body = message.subspan(kHeaderBytes);
    bool good = true;
    switch (header.type) {
      case MessageType::Speers:
        good = on_speers(decode<Speers>(body));
        break;
      case MessageType::FinalAck:
        attached_ = true;
        break;
      case MessageType::Streams:
        good = on_streams(decode<Streams>(body));
        break;
      case MessageType::Tracker:
        good = on_tracker(decode<TrackerMessage>(body));
        break;
      case MessageType::Started:
        good = on_started(decode<Started>(body));
        break;
      case MessageType::Skip:
        good = on_skip(header, message);
        break;
      case MessageType::Heartbeat:
        good = on_heartbeat(decode<Heartbeat>(body));
        break;
      case MessageType::Bye: {
        const auto bye = decode<Bye>(body);
        return fail(bye ? fmt::format("it says goodbye: {}", bye->text) : "it sends a malformed BYE");
      }
      default:
        break;  // PING and LINKS mean nothing to a viewer
    }
    if (!good)
      return fail(fmt::format("it sends a malformed message (type {})", static_cast<int>(header.type)));
    return {};
  }

  bool on_speers(const std::optional<Speers>& speers) {
    if (!speers || attached_) return false;
    self_ = speers->you;
    access_ = speers->me;
    encode(out, FinalAck{Relation::Guest});
    return true;
  }

  bool on_streams(const std::optional<Streams>& streams) {
    if (!streams) return false;
    std::vector<StreamId> wanted;
    for (const StreamInfo& stream : streams->streams) {
      if (stream.id == watched_) return true;
      if (stream_name_.empty() || stream.name == stream_name_) wanted.push_back(stream.id);
    }
    if (wanted.empty()) return true;  // it may be listed later
    watched_ = wanted[choice_ % wanted.size()];
    Watch watch;
    watch.tracker.hops = 1;
    watch.tracker.visited = {self_};
    watch.tracker.path.entries = {{access_, 1, true}};
    watch.stream = *watched_;
    watch.watcher = self_;
    watch.incarnation = incarnation_;
    watch.viewers = 1;
    watch.wants_tracker = true;
    encode(out, watch);
    return true;
  }

  bool on_tracker(const std::optional<TrackerMessage>& tracker) {
    if (!tracker) return false;
    if (tracker->stream.id != watched_ || (started_ && !tracker->expects_start)) return true;
    started_ = false;
    encode(out, Start{*watched_, FrameNumber{last_done_}, ++start_number_});
    return true;
  }

  bool on_started(const std::optional<Started>& started) {
    if (!started) return false;
    if (started->stream == watched_ && started->number == start_number_) started_ = true;
    return true;
  }

  bool on_skip(const Header& header, ByteSpan message) {
    const auto record = parse_record(header, message);
    if (!record) return false;
    if (!watched_ || stream_of(record->label) != *watched_ || !started_) return true;
    // The frame under way may be among those left out: then it has no end, and is not broken.
    if (open_ >= record->frame.value && open_ <= record->last_skipped().value) open_ = 0;
    tally_.skip(record->frame.value, record->last_skipped().value);
    return true;
  }

  bool on_heartbeat(const std::optional<Heartbeat>& heartbeat) {
    if (!heartbeat) return false;
    if (!heartbeat->reply && heartbeat->time != 0) encode(out, Heartbeat{true, heartbeat->time});
    return true;
  }

  std::uint64_t incarnation_;
  std::string stream_name_;
  std::size_t choice_;
  NodeId self_;
  NodeId access_;
  bool attached_ = false;
  std::optional<StreamId> watched_;
  std::uint32_t start_number_ = 0;
  bool started_ = false;
  std::uint64_t last_done_ = 0;
  std::uint64_t open_ = 0;    // the frame under way; 0: none
  std::uint64_t broken_ = 0;  // the frame that was last found to be
  std::uint16_t next_sequence_ = 0;
};

}  // namespace

std::unique_ptr<Session> make_ott_session(FrameTally& tally, std::uint64_t incarnation, std::string stream,
                                          std::size_t choice) {
  return std::make_unique<OttSession>(tally, incarnation, std::move(stream), choice);
}

}  // namespace ott::load
