// One source whose streams begin at this node: an input, and a stream for each of its parts. A source that
// has one has the stream's name, "cam"; one that has several has "cam/video", "cam/audio", "cam/text". Until
// it is known what a source has, "cam" is listed without an encoding; to watch it is to find out.
//
// The input runs while one of the streams is watched, and for its linger time after; one that does not wait
// for viewers runs always. What is no frame is refused, counted and warned of. A source on standby is offered
// only while no other origin offers one of its name that has frames.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "role/opened_streams.h"
#include "role/published_stream.h"

namespace ott {

class PublishedInput final : public InputSink {
 public:
  /// How many streams of each name have begun at this node.
  using Generations = std::map<std::string, std::uint32_t>;

  /// `wake`: has step() called in this round of the loop. `generations` outlives it.
  PublishedInput(Overlay& overlay, RoleContext& context, Generations& generations,
                 std::function<void()> wake);

  /// Nothing is begun yet, so another one may still have the source. The error names the stream.
  Result<void> open(OpenedStream stream);
  /// Once. An input that does not wait for viewers runs from now on.
  void begin(Now now);
  /// Makes its streams known. REQUIRES: this node has its place in the overlay.
  Result<void> announce(Now now);
  /// Lets go of the source, and lists its streams no more. The last call.
  void close(Now now);
  void step(Now now);
  [[nodiscard]] MonoTime next_deadline() const;
  void add_stats(StatsLine& line) const;

  void on_parts(const std::vector<MediaPart>& parts, Now now) override;
  void push(const AccessUnit& unit) override;
  void refuse(const std::string& why, Now now) override;
  void refuse_of(std::size_t part, const std::string& why, Now now) override;
  void on_connected(const std::string& what, Now now) override;
  void on_lost(const std::string& why, Now now) override;
  void on_end(Now now) override;

 private:
  using Streams = std::vector<std::unique_ptr<PublishedStream>>;

  struct Refusals {
    std::uint64_t count = 0;
    std::string last;  // why the last one was refused
    RepeatedWarning warning;
  };

  [[nodiscard]] const SourceInfo& source() const { return input_->info(); }
  /// A live source that is not to be read faster than at a rate.
  [[nodiscard]] bool paced() const { return source().live && source().fps != 0; }
  [[nodiscard]] std::string log_name() const;
  [[nodiscard]] bool gone() const;
  [[nodiscard]] bool is_watched() const;
  [[nodiscard]] bool busy() const;
  std::unique_ptr<PublishedStream> make_stream(const std::string& name, const MediaPart& part,
                                               bool has_other_parts);
  void say_what_it_is() const;
  void run_input(Now now);
  void start_input(Now now);
  void stop_input(Now now);
  void release(Now now);
  void hold_until_due(Now now);
  void count_time(Now now);
  void drain(Now now);
  [[nodiscard]] bool is_served_elsewhere() const;
  Result<void> offer(Now now);
  void stand_by(Now now);
  /// Of the input's frames, those of this part and those of nobody knows which.
  [[nodiscard]] std::uint64_t refused_of(std::size_t part) const;
  void count_refusal(Refusals& refusals, const std::string& why, Now now);
  void warn_of(Refusals& refusals, Now now);
  void warn(Now now);

  Overlay& overlay_;
  RoleContext& context_;
  Log& log_;
  std::function<void()> wake_;
  std::string name_;
  Metric metric_ = Metric::Cost;
  std::unique_ptr<Input> input_;
  bool parts_known_ = false;
  Streams streams_;  // of part 0, 1, …
  Generations& generations_;

  bool announced_ = false;                  // this node has its place in the overlay
  bool offered_ = false;                    // the streams are known; always, but when it stands by
  MonoTime stand_by_at_ = MonoTime::max();  // when it is offered no more, or offered
  bool others_known_ = false;               // which streams other origins offer
  bool started_ = false;                    // the input
  MonoTime stop_at_ = MonoTime::max();
  bool over_ = false;                   // the source has ended
  bool held_ = false;                   // a paced input, until next_at_
  MonoTime next_at_ = MonoTime::max();  // when its next frame is due

  Refusals refusals_;                    // of nobody knows which part
  std::vector<Refusals> part_refusals_;  // of part 0, 1, …, as far as there were any
  std::uint64_t losses_ = 0;
  std::string loss_;  // why the source was lost last
  RepeatedWarning loss_warning_;
  bool lost_ = false;
  std::uint64_t returns_ = 0;
  RepeatedWarning return_notice_;
  std::uint64_t format_changes_ = 0;
  RepeatedWarning format_notice_;
};

/// The names of the streams of a source: its own, of one that has one part, or "cam/video", "cam/audio",
/// "cam/video2", in the order of its parts.
std::vector<std::string> stream_names(const std::string& name, const std::vector<MediaPart>& parts);

}  // namespace ott
