// The streams that are watched here, and who takes their frames: the client itself, and outlets. Chooses
// which stream is meant by a name, stays with it while its origin may come back, and goes over to another of
// that name when it does not. Of several sources that go by a measured metric it is the first in the list:
// when another one is, that is taken up as well, and has the first one's place as soon as a frame of it is
// here. A stream is read once for all who take it, for as long as somebody wants it and kLinger longer.
// Whoever comes later is given the frames since the newest sync point first (of JPEG,
// Subscription::newest()).
//
// A film on request is read like a stream; what it shows is told by its FilmViewing, which all who take it
// here have in common.
//
//     Want (a subscription) --> Choice (a name, and the stream that it means now) --> Reading (a stream)
//     PartsWant (all streams of a name) --> a Want for each
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/outlet.h"
#include "overlay/overlay.h"
#include "role/film_viewing.h"
#include "role/viewer.h"

namespace ott {

class StreamHub final : public WatchableStreams {
 public:
  /// How long a stream flows on when nobody wants it any more.
  static constexpr Duration kLinger = std::chrono::seconds(10);

  /// `wake`: has step() called in this round of the loop.
  StreamHub(Overlay& overlay, std::function<void()> wake);
  ~StreamHub() override;

  [[nodiscard]] std::vector<StreamInfo> all() const override;
  std::unique_ptr<Subscription> subscribe(const std::string& name, FrameTaker& taker) override;
  std::unique_ptr<PartsSubscription> subscribe_parts(const std::string& name, PartsTaker& taker) override;

  /// Chooses, reads what has come and hands it out.
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  /// Streams of this name (an empty one: all) that nobody wants any more end at once, and not when kLinger is
  /// over.
  void give_up(const std::string& name, Now now);
  /// For what the viewer that this process is takes for itself. Those subscriptions pause with it: they take
  /// nothing then, and want no stream to come here.
  [[nodiscard]] WatchableStreams& own_streams();
  void pause_own(Now now);
  void resume_own();
  /// Watches nothing any more.
  void leave(Now now);
  /// Why nothing of that name is there to be seen.
  [[nodiscard]] std::string why_nothing(const std::string& name) const;
  /// Since when and why no frame comes of the stream that a name means; null while they come, or while there
  /// is none to be told of: before there is such a stream, and while a film pauses or has ended.
  [[nodiscard]] const Absences::Absence* absence(const std::string& name) const;
  /// The film that is seen by a name. The error says why there is none: a live stream has no place to go to.
  [[nodiscard]] Result<FilmViewing*> film(const std::string& name) const;
  /// Where films begin that are seen from now on.
  void set_film_start(Duration start) { film_start_ = start; }
  /// Why this process is not attached, for why_nothing().
  void set_trouble(std::function<std::string()> trouble) { trouble_ = std::move(trouble); }

 private:
  class Want;
  class PartsWant;
  class OwnStreams;
  enum class Whose : std::uint8_t { Own, Others };
  struct Choice;
  class Reading;

  std::unique_ptr<Subscription> want(const std::string& name, bool exact, Whose whose, FrameTaker& taker);
  std::unique_ptr<PartsSubscription> want_parts(const std::string& name, Whose whose, PartsTaker& taker);
  Choice& choice_of(const std::string& name, bool exact);
  [[nodiscard]] const KnownStream* best(const Choice& choice) const;
  void choose(Choice& choice, Now now);
  static void join(Choice& choice);
  void complain(Choice& choice);
  void take_up(Choice& choice, const KnownStream& stream, Duration film_start, Now now);
  void let_go(Choice& choice, Now now);
  [[nodiscard]] bool comes(const Reading& reading) const;
  static void tell_of_stream(Choice& choice);
  Reading* read(const KnownStream& stream, Duration film_start, Now now);
  void stop(Reading* reading, Now now);
  void prepare(Choice& choice, const KnownStream& stream, Now now);
  void forget_next(Choice& choice, Now now);
  void go_over(Choice& choice, Now now);
  void take_answers(Now now);
  [[nodiscard]] Reading* read_by(const std::string& name) const;
  void make_room(Now now);
  void linger(Now now);
  Reading* find(StreamId stream) const;

  Overlay& overlay_;
  std::function<void()> wake_;
  std::function<std::string()> trouble_;
  std::unique_ptr<WatchableStreams> own_streams_;
  std::vector<Want*> own_;
  bool own_paused_ = false;
  std::vector<PartsWant*> parts_wants_;  // null: given up while they were being called
  std::vector<std::unique_ptr<Choice>> choices_;
  std::vector<std::unique_ptr<Reading>> readings_;
  Duration film_start_{};
  MonoTime read_at_ = MonoTime::max();  // when a stream is read for the first time
};

}  // namespace ott
