#include "role/stream_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "media/frames_since_sync.h"

namespace ott {
namespace {

/// How long a viewer stays with a stream that is not listed any more, while there are others.
constexpr Duration kLetGoAfter = std::chrono::seconds(3);

/// Of the streams that a guest may watch, so many are kept free of those that only linger, since the access
/// node hears of their end a bit later.
constexpr std::size_t kSpareWatches = 4;

std::string names_of(const std::vector<KnownStream>& streams) {
  std::string names;
  for (const KnownStream& stream : streams) names += (names.empty() ? "" : ", ") + stream.info.name;
  return names;
}

/// "video", "audio2": what a part of a source is called behind the source's name. Other names with a slash
/// are streams by themselves, such as the clips of a folder.
bool is_name_of_part(std::string_view name) {
  constexpr std::array<std::string_view, 4> kMedia = {"video", "audio", "text", "application"};
  const std::string_view media = name.substr(0, name.find_last_not_of("0123456789") + 1);
  return std::ranges::find(kMedia, media) != kMedia.end();
}

}  // namespace

/// One stream that is read: hands on what comes to all whose choice it is.
class StreamHub::Reading final : public FrameTaker {
 public:
  Reading(const StreamHub& hub, KnownStream what) : stream(std::move(what)), viewer(*this), hub_(hub) {}

  void on_stream(const StreamInfo& info) override {
    described = true;
    newest.reset();
    history.clear();
    each([&](FrameTaker& taker) { taker.on_stream(info); });
  }
  void on_frame(const FramePtr& frame) override {
    newest = frame;
    if (film != nullptr) film->on_frame(frame->number);
    if (frame->is_jpeg()) return each([&](FrameTaker& taker) { taker.on_frame(frame); });
    history.push(frame);
    each([&](FrameTaker& taker) { taker.on_frame(frame); }, true);
  }
  void on_skip(FrameNumber first, FrameNumber last) override {
    each([&](FrameTaker& taker) { taker.on_skip(first, last); });
  }
  void on_duplicate(FrameNumber frame) override {
    each([&](FrameTaker& taker) { taker.on_duplicate(frame); });
  }
  void on_broken(const std::string& why, Now now) override {
    each([&](FrameTaker& taker) { taker.on_broken(why, now); });
  }

  /// The stream whose records are read; null while there is none yet.
  [[nodiscard]] const KnownStream* carrier() const { return film == nullptr ? &stream : film->stream(); }

  KnownStream stream;                 // as it is listed
  std::unique_ptr<FilmViewing> film;  // null: it is no film on request
  bool begun = false;
  bool described = false;  // on_stream() has been called
  Viewer viewer;
  FramePtr newest;
  FramesSinceSync history;  // of a stream that is not JPEG

 private:
  /// `joined`: only for those that have had the history.
  template <class Call>
  void each(Call call, bool joined = false);

  const StreamHub& hub_;
};

struct StreamHub::Choice {
  std::string name;    // empty: the default stream
  bool exact = false;  // no part of a stream of that name will do
  Reading* reading = nullptr;
  Reading* next = nullptr;   // takes its place as soon as it has a frame
  std::vector<Want*> wants;  // null: given up while they were being called
  std::optional<std::uint64_t> seen_version;
  MonoTime let_go_at = MonoTime::max();  // when a stream that is not listed any more is left for another
  MonoTime unused_at = MonoTime::max();  // when it is given up, since nobody wants it any more
  bool complained = false;
};

class StreamHub::Want final : public Subscription {
 public:
  Want(StreamHub& hub, std::string name, bool exact, Whose whose, FrameTaker& to)
      : taker(to), hub_(hub), name_(std::move(name)), exact_(exact) {
    if (whose == Whose::Own) hub_.own_.push_back(this);
    if (whose != Whose::Own || !hub_.own_paused_) enter();
  }
  ~Want() override {
    leave();
    std::erase(hub_.own_, this);
    hub_.wake_();
  }
  [[nodiscard]] FramePtr newest() const override {
    return reading() == nullptr ? nullptr : reading()->newest;
  }
  [[nodiscard]] const StreamInfo* stream() const override {
    return reading() == nullptr ? nullptr : &reading()->stream.info;
  }
  [[nodiscard]] std::string why_nothing() const override {
    if (choice_ == nullptr) return "it is paused";
    const bool comes = newest() != nullptr && hub_.absence(name_) == nullptr;
    return comes ? "" : hub_.why_nothing(name_);
  }

  void enter() {
    choice_ = &hub_.choice_of(name_, exact_);
    choice_->wants.push_back(this);
    choice_->unused_at = MonoTime::max();
    choice_->seen_version.reset();
    joined = false;
  }
  void leave() {
    if (choice_ == nullptr) return;
    // The list may be gone through at this moment.
    std::ranges::replace(choice_->wants, this, static_cast<Want*>(nullptr));
    choice_ = nullptr;
  }

  FrameTaker& taker;
  bool joined = false;  // it has had the frames since the newest sync point

 private:
  [[nodiscard]] Reading* reading() const { return choice_ == nullptr ? nullptr : choice_->reading; }

  StreamHub& hub_;
  std::string name_;
  bool exact_;
  Choice* choice_ = nullptr;  // null: paused
};

/// A stream whose encoding its origin does not know yet is wanted as well: it is found out when the input is
/// started. Nobody takes its frames.
class StreamHub::PartsWant final : public PartsSubscription, public FrameTaker {
 public:
  /// Under all names that parts of the source have had; an origin that makes up more has no more taken.
  static constexpr std::size_t kPartsMax = 64;

  PartsWant(StreamHub& hub, std::string name, Whose whose, PartsTaker& taker)
      : hub_(hub), name_(std::move(name)), whose_(whose), taker_(taker) {
    hub_.parts_wants_.push_back(this);
  }
  ~PartsWant() override {
    // The list may be gone through at this moment.
    std::ranges::replace(hub_.parts_wants_, this, static_cast<PartsWant*>(nullptr));
  }

  [[nodiscard]] std::vector<StreamInfo> parts() const override {
    std::vector<StreamInfo> all;
    for (const Part& part : parts_) {
      if (part.taken && part.want->stream() != nullptr) all.push_back(*part.want->stream());
    }
    return all;
  }
  [[nodiscard]] std::string why_nothing() const override {
    std::string why;
    for (const Part& part : parts_) {
      if (!part.taken) continue;
      why = part.want->why_nothing();
      if (why.empty()) return "";
    }
    return why.empty() ? hub_.why_nothing(name_) : why;
  }
  void on_frame(const FramePtr&) override {}

  void look() {
    if (seen_version_ == hub_.overlay_.streams_version()) return;
    seen_version_ = hub_.overlay_.streams_version();
    const std::vector<StreamInfo> listed = hub_.all();
    if (listed.empty()) return;
    const std::string& first = listed.front().name;
    const std::string name = name_.empty() ? source_of(first) : name_;
    // Where the parts of a source are known, the stream that stood for all of them is none.
    const bool has_parts = std::ranges::any_of(
        listed, [&](const StreamInfo& one) { return one.name != name && is_part_of(one.name, name); });
    std::erase_if(parts_, [&](const Part& part) { return has_parts && !part.taken; });
    for (const StreamInfo& one : listed) {
      if (is_part_of(one.name, name) && !(has_parts && one.format.encoding.empty())) take(one);
    }
  }

 private:
  struct Part {
    std::string name;
    bool taken = false;  // what comes is handed on
    std::unique_ptr<Subscription> want;
  };

  void take(const StreamInfo& stream) {
    const bool known = !stream.format.encoding.empty();
    const auto same = std::ranges::find(parts_, stream.name, &Part::name);
    if (same != parts_.end() && (same->taken || !known || same->want == nullptr)) return;
    if (same == parts_.end() && parts_.size() == kPartsMax) return;
    FrameTaker* taker = known ? taker_.on_part(stream) : this;
    auto want = taker == nullptr ? nullptr : hub_.want(stream.name, true, whose_, *taker);
    Part part{stream.name, known && taker != nullptr, std::move(want)};
    if (same != parts_.end()) {
      *same = std::move(part);
    } else {
      parts_.push_back(std::move(part));
    }
  }

  StreamHub& hub_;
  std::string name_;
  Whose whose_;
  PartsTaker& taker_;
  std::vector<Part> parts_;
  std::optional<std::uint64_t> seen_version_;
};

template <class Call>
void StreamHub::Reading::each(Call call, bool joined) {
  // Takers may subscribe and give up meanwhile: lists grow, and their members become null.
  for (std::size_t i = 0; i < hub_.choices_.size(); ++i) {
    Choice& choice = *hub_.choices_[i];
    if (choice.reading != this) continue;
    for (std::size_t k = 0; k < choice.wants.size(); ++k) {
      if (choice.wants[k] != nullptr && (choice.wants[k]->joined || !joined)) call(choice.wants[k]->taker);
    }
  }
}

bool is_part_of(const std::string& stream_name, const std::string& name) {
  if (name.empty() || stream_name == name) return true;
  return stream_name.size() > name.size() && stream_name.starts_with(name) &&
         stream_name[name.size()] == '/' && is_name_of_part(stream_name.substr(name.size() + 1));
}

std::string source_of(const std::string& stream_name) {
  const std::size_t slash = stream_name.rfind('/');
  const bool is_part =
      slash != std::string::npos && slash > 0 && is_name_of_part(stream_name.substr(slash + 1));
  return is_part ? stream_name.substr(0, slash) : stream_name;
}

/// What the outlets of the viewer itself take, so that they pause with it.
class StreamHub::OwnStreams final : public WatchableStreams {
 public:
  explicit OwnStreams(StreamHub& hub) : hub_(hub) {}
  [[nodiscard]] std::vector<StreamInfo> all() const override { return hub_.all(); }
  std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) override {
    return hub_.want(name, false, Whose::Own, taker);
  }
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override {
    return hub_.want_parts(name, Whose::Own, taker);
  }

 private:
  StreamHub& hub_;
};

StreamHub::StreamHub(Overlay& overlay, std::function<void()> wake)
    : overlay_(overlay), wake_(std::move(wake)), own_streams_(std::make_unique<OwnStreams>(*this)) {}

StreamHub::~StreamHub() = default;

std::vector<StreamInfo> StreamHub::all() const {
  std::vector<StreamInfo> streams;
  for (const KnownStream& stream : overlay_.streams()) streams.push_back(stream.info);
  return streams;
}

std::unique_ptr<Subscription> StreamHub::subscribe(const std::string& name, FrameTaker& taker) {
  return want(name, false, Whose::Others, taker);
}

std::unique_ptr<PartsSubscription> StreamHub::subscribe_parts(const std::string& name, PartsTaker& taker) {
  return want_parts(name, Whose::Others, taker);
}

WatchableStreams& StreamHub::own_streams() { return *own_streams_; }

std::unique_ptr<PartsSubscription> StreamHub::want_parts(const std::string& name, Whose whose,
                                                         PartsTaker& taker) {
  wake_();
  return std::make_unique<PartsWant>(*this, name, whose, taker);
}

std::unique_ptr<Subscription> StreamHub::want(const std::string& name, bool exact, Whose whose,
                                              FrameTaker& taker) {
  wake_();
  return std::make_unique<Want>(*this, name, exact, whose, taker);
}

void StreamHub::pause_own(Now now) {
  own_paused_ = true;
  for (Want* want : own_) want->leave();
  for (const auto& choice : choices_) {
    std::erase(choice->wants, nullptr);
    if (choice->wants.empty()) choice->unused_at = std::min(choice->unused_at, now.mono);
  }
  linger(now);
}

void StreamHub::resume_own() {
  if (!std::exchange(own_paused_, false)) return;
  for (Want* want : own_) want->enter();
  wake_();
}

StreamHub::Choice& StreamHub::choice_of(const std::string& name, bool exact) {
  for (const auto& choice : choices_) {
    if (choice->name == name && choice->exact == exact) return *choice;
  }
  choices_.push_back(std::make_unique<Choice>());
  choices_.back()->name = name;
  choices_.back()->exact = exact;
  return *choices_.back();
}

StreamHub::Reading* StreamHub::find(StreamId stream) const {
  for (const auto& reading : readings_) {
    if (reading->stream.info.id == stream) return reading.get();
  }
  return nullptr;
}

void StreamHub::step(Now now) {
  read_at_ = MonoTime::max();
  for (std::size_t i = 0; i < parts_wants_.size(); ++i) {
    if (parts_wants_[i] != nullptr) parts_wants_[i]->look();
  }
  std::erase(parts_wants_, nullptr);
  take_answers(now);
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    choose(*choices_[i], now);
    if (choices_[i]->next != nullptr && choices_[i]->next->newest != nullptr) go_over(*choices_[i], now);
    join(*choices_[i]);
  }
  for (std::size_t i = 0; i < readings_.size(); ++i) {
    Reading& reading = *readings_[i];
    if (reading.film != nullptr && reading.film->step(now)) reading.begun = false;
    const KnownStream* carrier = reading.carrier();
    if (carrier == nullptr) continue;
    if (!std::exchange(reading.begun, true)) {
      read_at_ = now.mono;  // as soon as an origin that is this node has seen that somebody watches
      continue;
    }
    if (const Flow* flow = overlay_.flow(carrier->info.id)) reading.viewer.read(*flow, now);
  }
  linger(now);
}

/// Whoever comes to a stream that is read already has a picture at once.
void StreamHub::join(Choice& choice) {
  const auto is_new = [](const Want* want) { return want != nullptr && !want->joined; };
  if (choice.reading == nullptr || std::ranges::none_of(choice.wants, is_new)) return;
  const std::vector<FramePtr> history = choice.reading->history.frames();
  for (std::size_t i = 0; i < choice.wants.size(); ++i) {
    if (choice.wants[i] == nullptr || std::exchange(choice.wants[i]->joined, true)) continue;
    for (const FramePtr& frame : history) {
      if (choice.wants[i] != nullptr) choice.wants[i]->taker.on_frame(frame);
    }
  }
}

MonoTime StreamHub::next_deadline() const {
  MonoTime next = read_at_;
  for (const auto& choice : choices_) next = std::min({next, choice->let_go_at, choice->unused_at});
  for (const auto& reading : readings_) {
    if (reading->film != nullptr) next = std::min(next, reading->film->next_deadline());
  }
  return next;
}

/// What origins say of the films that are seen here.
void StreamHub::take_answers(Now now) {
  for (const FilmAnswer& answer : overlay_.films().take_answers()) {
    for (const auto& reading : readings_) {
      if (reading->film != nullptr && reading->film->take(answer, now)) break;
    }
  }
}

// ---- which stream ----------------------------------------------------------------------------------------

/// The stream that a choice means: the one that it means already, unless that has no frames and another one
/// of its name has, or another one is nearer by the measured metric that it goes by; else one of the name;
/// else, where any will do, the first. Null if there is none.
const KnownStream* StreamHub::best(const Choice& choice) const {
  const KnownStream* before = choice.reading == nullptr ? nullptr : &choice.reading->stream;
  const std::string& name = before == nullptr ? choice.name : before->info.name;
  const KnownStream* same = nullptr;
  const KnownStream* live = nullptr;  // of the name
  const KnownStream* named = nullptr;
  const KnownStream* part = nullptr;  // of that name: the video, or else the first
  for (const KnownStream& stream : overlay_.streams()) {
    const bool is_named = name.empty() || stream.info.name == name;
    const bool is_video = stream.info.format.media == MediaKind::Video;
    const bool better = part == nullptr || (is_video && part->info.format.media != MediaKind::Video);
    const bool is_part = is_part_of(stream.info.name, choice.name.empty() ? name : choice.name);
    if (!choice.exact && better && is_part) part = &stream;
    if (before != nullptr && stream.info.id == before->info.id) same = &stream;
    if (is_named && named == nullptr) named = &stream;
    if (is_named && live == nullptr && stream.info.state == StreamState::Live) live = &stream;
  }
  const bool by_distance = same != nullptr && same->info.metric != Metric::Cost && !same->info.on_request;
  const bool stays =
      same != nullptr && (same->info.state == StreamState::Live ? !by_distance : live == nullptr);
  if (stays || (same != nullptr && live == nullptr)) return same;
  if (live != nullptr && before != nullptr) return live;
  if (named != nullptr) return named;
  if (part != nullptr) return part;
  const bool any = choice.name.empty() && !overlay_.streams().empty();
  return any ? &overlay_.streams().front() : nullptr;
}

void StreamHub::choose(Choice& choice, Now now) {
  if (choice.seen_version == overlay_.streams_version() && now.mono < choice.let_go_at) return;
  choice.seen_version = overlay_.streams_version();
  const KnownStream* found = best(choice);
  // A stream that has ended is left only when another one takes its place: its origin may just be
  // unreachable.
  if (found == nullptr) return complain(choice);
  const KnownStream* before = choice.reading == nullptr ? nullptr : &choice.reading->stream;
  if (before != nullptr && found->info.id == before->info.id) {
    choice.reading->stream = *found;
    if (choice.reading->film != nullptr) choice.reading->film->describe(found->info);
    choice.let_go_at = MonoTime::max();
    return forget_next(choice, now);
  }
  // One of the same name stands in at once. Another one has to wait: the origin may just be out of reach for
  // a moment, or somebody may have spoken in its name.
  // So do the parts of a source of which it was not known yet what it has.
  const bool stands_in =
      before == nullptr || found->info.name == before->info.name ||
      (before->info.format.encoding.empty() && is_part_of(found->info.name, before->info.name));
  if (!stands_in && choice.let_go_at == MonoTime::max()) choice.let_go_at = now.mono + kLetGoAfter;
  if (!stands_in && now.mono < choice.let_go_at) return;
  choice.let_go_at = MonoTime::max();
  const KnownStream stream = *found;
  if (before != nullptr && stream.info.name == before->info.name && comes(*choice.reading))
    return prepare(choice, stream, now);
  if (choice.next != nullptr && choice.next->stream.info.id == stream.info.id) return go_over(choice, now);
  // A film whose origin has restarted goes on where it was.
  const bool goes_on = before != nullptr && stands_in && choice.reading->film != nullptr;
  const Duration film_start = goes_on ? choice.reading->film->position() : film_start_;
  let_go(choice, now);
  take_up(choice, stream, film_start, now);
}

void StreamHub::complain(Choice& choice) {
  const std::vector<KnownStream>& streams = overlay_.streams();
  const bool had_one = choice.reading != nullptr;
  if (had_one || streams.empty() || choice.name.empty() || std::exchange(choice.complained, true)) return;
  overlay_.peer_log().warning(fmt::format("there is no stream '{}' (there are: {}); waiting for it to come",
                                          choice.name, names_of(streams)));
}

/// True if the stream that is read is listed, and has frames.
bool StreamHub::comes(const Reading& reading) const {
  return std::ranges::any_of(overlay_.streams(), [&reading](const KnownStream& listed) {
    return listed.info.id == reading.stream.info.id && listed.info.state == StreamState::Live;
  });
}

void StreamHub::take_up(Choice& choice, const KnownStream& stream, Duration film_start, Now now) {
  Reading* there = find(stream.info.id);
  if (there == nullptr) {
    choice.reading = read(stream, film_start, now);
    if (choice.reading->described) tell_of_stream(choice);  // it was flowing here already
    return;
  }
  choice.reading = there;  // by another name
  tell_of_stream(choice);
  // A film that has ended begins again for who comes now.
  if (there->film != nullptr && there->film->ended()) there->film->seek_to(film_start, now);
}

void StreamHub::tell_of_stream(Choice& choice) {
  const StreamInfo stream = choice.reading->stream.info;
  for (std::size_t i = 0; i < choice.wants.size(); ++i) {
    if (choice.wants[i] == nullptr) continue;
    choice.wants[i]->joined = false;
    choice.wants[i]->taker.on_stream(stream);
  }
}

/// Begins to read a stream.
StreamHub::Reading* StreamHub::read(const KnownStream& stream, Duration film_start, Now now) {
  if (overlay_.is_guest() && readings_.size() + kSpareWatches > Limits{}.watches_per_guest) make_room(now);
  overlay_.peer_log().info(
      fmt::format("watching '{}' from {}", stream.info.name, overlay_.describe(stream.origin)));
  readings_.push_back(std::make_unique<Reading>(*this, stream));
  Reading* reading = readings_.back().get();
  if (stream.info.on_request) {
    reading->film = std::make_unique<FilmViewing>(overlay_, stream, film_start, now);
    return reading;
  }
  if (const Flow* flow = overlay_.flow(stream.info.id)) reading->viewer.join(*flow);
  overlay_.watch(stream, true, now);
  return reading;
}

/// Another source is to take the place of the one that is read.
void StreamHub::prepare(Choice& choice, const KnownStream& stream, Now now) {
  if (choice.next != nullptr && choice.next->stream.info.id == stream.info.id) return;
  forget_next(choice, now);
  Reading* there = find(stream.info.id);
  choice.next = there != nullptr ? there : read(stream, {}, now);
}

void StreamHub::forget_next(Choice& choice, Now now) {
  if (Reading* next = std::exchange(choice.next, nullptr)) stop(next, now);
}

/// The next source is taken from here on, with its first frame if that is here, and the former is let go.
void StreamHub::go_over(Choice& choice, Now now) {
  Reading* former = std::exchange(choice.reading, std::exchange(choice.next, nullptr));
  if (choice.reading->described) tell_of_stream(choice);
  const FramePtr newest = choice.reading->newest;
  for (std::size_t i = 0; newest != nullptr && newest->is_jpeg() && i < choice.wants.size(); ++i) {
    if (choice.wants[i] != nullptr) choice.wants[i]->taker.on_frame(newest);
  }
  stop(former, now);
}

void StreamHub::let_go(Choice& choice, Now now) {
  forget_next(choice, now);
  if (Reading* reading = std::exchange(choice.reading, nullptr)) stop(reading, now);
}

/// Ends a reading that no choice needs any more.
void StreamHub::stop(Reading* reading, Now now) {
  for (const auto& choice : choices_) {
    if (choice->reading == reading || choice->next == reading) return;
  }
  if (reading->film != nullptr) {
    reading->film->close(now);
  } else {
    overlay_.watch(reading->stream, false, now);
  }
  std::erase_if(readings_, [reading](const auto& each) { return each.get() == reading; });
}

void StreamHub::linger(Now now) {
  for (const auto& choice : choices_) {
    std::erase(choice->wants, nullptr);
    if (!choice->wants.empty()) continue;
    if (choice->unused_at == MonoTime::max()) {
      choice->unused_at = now.mono + (choice->reading == nullptr ? Duration{} : kLinger);
    }
    if (now.mono >= choice->unused_at) let_go(*choice, now);
  }
  std::erase_if(choices_,
                [now](const auto& choice) { return choice->wants.empty() && now.mono >= choice->unused_at; });
}

void StreamHub::give_up(const std::string& name, Now now) {
  for (const auto& choice : choices_) {
    if (!is_part_of(choice->name, name)) continue;
    std::erase(choice->wants, nullptr);
    if (choice->wants.empty()) choice->unused_at = now.mono;
  }
  linger(now);
}

/// A guest may watch so many streams: the one that nobody has wanted for longest gives way.
void StreamHub::make_room(Now now) {
  Choice* unused = nullptr;
  for (const auto& choice : choices_) {
    const bool is_unused = choice->reading != nullptr && choice->wants.empty();
    if (is_unused && (unused == nullptr || choice->unused_at < unused->unused_at)) unused = choice.get();
  }
  if (unused != nullptr) let_go(*unused, now);
}

void StreamHub::leave(Now now) {
  for (const auto& choice : choices_) {
    choice->unused_at = MonoTime::max();
    let_go(*choice, now);
  }
}

StreamHub::Reading* StreamHub::read_by(const std::string& name) const {
  for (const auto& choice : choices_) {
    if (choice->name == name && choice->reading != nullptr) return choice->reading;
  }
  return nullptr;
}

const Absences::Absence* StreamHub::absence(const std::string& name) const {
  const Reading* reading = read_by(name);
  if (reading == nullptr || reading->carrier() == nullptr) return nullptr;
  if (reading->film != nullptr && !reading->film->why_nothing().empty()) return nullptr;
  return overlay_.absence(reading->carrier()->info.id);
}

Result<FilmViewing*> StreamHub::film(const std::string& name) const {
  const Reading* reading = read_by(name);
  if (reading == nullptr) return fail(why_nothing(name));
  if (reading->film == nullptr)
    return fail(fmt::format("'{}' is live: it has no beginning to go back to, and no speed but its own",
                            reading->stream.info.name));
  return reading->film.get();
}

std::string StreamHub::why_nothing(const std::string& name) const {
  if (const Reading* reading = read_by(name)) {
    const std::string why = reading->film == nullptr ? "" : reading->film->why_nothing();
    return why.empty() ? overlay_.why_absent(reading->carrier()->info.id) : why;
  }
  if (!overlay_.attached()) return trouble_ ? trouble_() : overlay_.trouble();
  const std::string names = names_of(overlay_.streams());
  if (names.empty()) return "there is no stream";
  return fmt::format("there is no stream '{}' (there are: {})", name, names);
}

}  // namespace ott
