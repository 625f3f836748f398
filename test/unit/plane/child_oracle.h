// A child of a flow as a link drives it, what it has received, and an oracle that says what is wrong with
// that.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "records.h"

namespace ott::test {

/// Sends to its child as role/data_path does for a link that carries nothing else.
class TestChild {
 public:
  Bytes received;
  std::uint64_t frames = 0;  // as the feed counted them
  MonoTime now{};
  Duration lag_max = std::chrono::hours(1);
  std::uint64_t started_after = 0;
  bool gap = false;  // it has not got that one

  TestChild(Flow& flow, LinkId link) : flow_(&flow), child_(flow.add_child(link, NodeId{})) {}

  [[nodiscard]] Feed& feed() { return child_.feed; }
  /// Returns what the parent answers: the frame after which it begins.
  std::uint64_t start(std::uint64_t last, MonoTime at, MonoTime oldest = {}, bool in_gap = false) {
    gap = in_gap;
    started_after = child_.feed.start(flow_->buffer, FrameNumber{last}, in_gap, oldest, at).value;
    return started_after;
  }

  /// Its feed has been started in the buffer of another flow.
  void move_to(Flow& flow) { flow_ = &flow; }

  /// What one writable moment takes: at most `bytes_max`, from one run. Returns the bytes sent.
  std::size_t send(std::size_t bytes_max = ~std::size_t{0}) {
    const StreamBuffer& buffer = flow_->buffer;
    if (!told_.empty()) return take(told_, bytes_max);
    if (child_.feed.rest_of_record(buffer).empty()) {
      child_.feed.pass_over_known(buffer, now);
      child_.feed.limit_lag(buffer, now, lag_max);
      if (const auto skip = child_.feed.take_skip()) {
        told_ = skip_record(skip->first.value, skip->last.value);
        const std::size_t sent = take(told_, bytes_max);
        return sent < bytes_max ? sent + send(bytes_max - sent) : sent;
      }
    }
    const bool late = child_.feed.late(buffer, now, lag_max);
    const ByteSpan run = late ? child_.feed.rest_of_frame(buffer) : child_.feed.pending(buffer);
    const ByteSpan sent = run.first(std::min(run.size(), bytes_max));
    received.insert(received.end(), sent.begin(), sent.end());
    if (!sent.empty()) frames += child_.feed.advance(buffer, sent.size(), now);
    return sent.size();
  }

  [[nodiscard]] std::string text() const { return describe(received); }

 private:
  std::size_t take(Bytes& from, std::size_t bytes_max) {
    const auto bytes = static_cast<std::ptrdiff_t>(std::min(from.size(), bytes_max));
    received.insert(received.end(), from.begin(), from.begin() + bytes);
    from.erase(from.begin(), from.begin() + bytes);
    return static_cast<std::size_t>(bytes);
  }

  Flow* flow_;
  Child& child_;
  Bytes told_;  // a SKIP that is not sent yet
};

/// Frames from `first` to `last` that neither came whole nor were named by a SKIP.
inline std::set<std::uint64_t> missing_without_a_word(ByteSpan received, std::uint64_t first,
                                                      std::uint64_t last) {
  std::set<std::uint64_t> missing;
  for (std::uint64_t frame = first; frame <= last; ++frame) missing.insert(frame);
  while (!received.empty()) {
    const Record record = record_of(received);
    received = received.subspan(record.header.total());
    if (record.is_skip()) {
      missing.erase(missing.lower_bound(record.frame.value),
                    missing.upper_bound(record.last_skipped().value));
    } else if (record.last()) {
      missing.erase(record.frame.value);
    }
  }
  return missing;
}

/// All that was ever put into a flow, and what follows from it for a child.
class History {
 public:
  /// Each `gop` frames there is a sync point, and one right after what is missing.
  explicit History(Flow& flow, unsigned gop = 1) : flow_(flow), gop_(gop) {}

  /// The next record of the frame under way (its last one, if `ends`), or of a new one.
  void record(bool ends, std::size_t rtp_bytes, MonoTime now) {
    const bool begins = !open_;
    if (begins) {
      ++last_;
      if (since_sync_ == gop_) since_sync_ = 0;
      if (since_sync_++ == 0) sync_points_.insert(last_);
    }
    const auto flags = static_cast<std::uint8_t>((begins ? kFirstOfFrame : 0) | (ends ? kLastOfFrame : 0));
    Bytes bytes = data_record(last_, ++sequence_, flags, rtp_bytes, sync_points_.contains(last_));
    OTT_ASSERT(put(flow_, bytes, now));
    open_ = !ends;
    if (ends) whole_.insert(last_);
    frames_[last_].push_back(std::move(bytes));
  }
  /// Frames that somebody upstream left out, with the one under way.
  void skip(std::uint64_t count, MonoTime now) {
    const std::uint64_t first = open_ ? last_ : last_ + 1;
    OTT_ASSERT(put(flow_, skip_record(first, last_ + count), now));
    for (std::uint64_t frame = first; frame <= last_ + count; ++frame) named_.insert(frame);
    last_ += count;
    open_ = false;
    since_sync_ = 0;
  }
  /// Frames that never came, and nobody knows why.
  void lose(std::uint64_t count) {
    last_ += count;
    open_ = false;
    since_sync_ = 0;
  }
  [[nodiscard]] bool is_whole(std::uint64_t frame) const { return whole_.contains(frame); }
  [[nodiscard]] std::uint64_t last_some(std::uint64_t ago) const { return last_ > ago ? last_ - ago : last_; }

  /// What is wrong with what a child got, which is now all there is; empty if nothing is.
  [[nodiscard]] std::string complaint_about(TestChild& child) const {
    std::uint64_t accounted = child.started_after;
    std::uint64_t under_way = 0;
    std::uint64_t last_whole = child.gap ? 0 : child.started_after;
    std::size_t next = 0;
    std::uint64_t skipped = 0;
    bool begun = false;
    ByteSpan rest(child.received);
    while (!rest.empty()) {
      const Framed framed = next_message(rest, kBodyBytesMax);
      if (framed.kind != Framed::Kind::Whole) return "not whole records: " + child.text();
      const ByteSpan message = rest.first(framed.header.total());
      rest = rest.subspan(message.size());
      const auto parsed = parse_record(framed.header, message);
      if (!parsed) return "not a record";
      const std::uint64_t frame = parsed->frame.value;
      const std::string what = describe(*parsed) + " in " + child.text();
      if (parsed->is_skip()) {
        const std::uint64_t last = parsed->last_skipped().value;
        if (begun && frame > accounted + 1 && under_way != frame && !all_lost(accounted + 1, frame - 1))
          return "a gap before " + what;
        if (under_way != 0 && under_way < frame && whole_.contains(under_way))
          return "an unnamed rest before " + what;
        if (last <= accounted) continue;  // what was left out here came after it, and is named already
        for (std::uint64_t f = frame; f <= last; ++f) skipped += named_.contains(f) ? 0 : 1;
        begun = true;
        accounted = last;
        under_way = 0;
        continue;
      }
      if (frame <= accounted) {  // the rest of a frame that the ring could not hold
        if (frame < accounted || parsed->first()) return "again: " + what;
        continue;
      }
      if (frame != under_way) {
        if (!parsed->first()) return "no beginning: " + what;
        if (under_way != 0 && whole_.contains(under_way)) return "half a frame before " + what;
        const std::uint64_t from = under_way != 0 ? under_way + 1 : accounted + 1;
        if (begun && frame > from && !all_lost(from, frame - 1)) return "a gap before " + what;
        if (!sync_points_.contains(frame) && (last_whole == 0 || last_whole != frame - 1))
          return "without what it needs: " + what;
        begun = true;
        accounted = frame - 1;
        under_way = frame;
        next = 0;
      }
      const auto& records = frames_.at(frame);
      if (next >= records.size() || !std::ranges::equal(records[next], message)) return "altered: " + what;
      ++next;
      if (!parsed->last()) continue;
      accounted = last_whole = frame;
      under_way = 0;
    }
    if (begun && under_way == 0 && accounted != last_ && !all_lost(accounted + 1, last_))
      return "no end: " + child.text();
    if (under_way != 0 && (whole_.contains(under_way) || !all_lost(under_way + 1, last_))) {
      return "half a frame at the end of " + child.text();
    }
    if (skipped > child.feed().frames_skipped()) return "more skipped than counted";
    return "";
  }

 private:
  /// Frames that never were whole and that nobody named.
  [[nodiscard]] bool all_lost(std::uint64_t first, std::uint64_t last) const {
    for (std::uint64_t frame = first; frame <= last; ++frame) {
      if (whole_.contains(frame) || named_.contains(frame)) return false;
    }
    return true;
  }

  Flow& flow_;
  std::map<std::uint64_t, std::vector<Bytes>> frames_;
  std::set<std::uint64_t> whole_;
  std::set<std::uint64_t> sync_points_;
  unsigned gop_;
  unsigned since_sync_ = 0;
  std::set<std::uint64_t> named_;  // by SKIPs in the flow
  std::uint64_t last_ = 0;
  std::uint16_t sequence_ = 0;
  bool open_ = false;
};

}  // namespace ott::test
