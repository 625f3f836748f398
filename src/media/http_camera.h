// A camera that is asked by HTTP: when a request begins, what its answer means, when it is given up and tried
// anew. Who performs (io/http_input.h) tells it what comes, and does what it wants.
//
// A stream (multipart, or JPEGs one after the other) is one request for as long as it goes on. A camera that
// answers with a single picture is polled. A polled picture that is the same as before, or 304 Not Modified,
// is pushed again only when the last push is nearly a second ago: often enough for viewers, who take two
// seconds without a frame for a source that is stalled, and for those who have just come.
//
//     Idle --start--> Asking --the answer ends or breaks, or nothing comes--> Waiting --time--> Asking
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "media/http_pictures.h"
#include "media/http_source.h"
#include "media/input.h"
#include "ott/retry.h"

namespace ott {

/// The head of an answer, after redirects and authentication.
struct HttpHead {
  unsigned status = 0;       // 0: there was no head (HTTP/0.9)
  std::string reason;        // "Not Found"
  std::string content_type;  // as written; may be empty
  std::string etag;
};

class HttpCamera {
 public:
  static constexpr Duration kPoll = std::chrono::seconds(1);
  /// A camera that sends so much in turn that is no picture is given up for a while.
  static constexpr unsigned kRefusedInTurnMax = 20;
  static constexpr Duration kRepeatAfter = std::chrono::milliseconds(900);
  static constexpr Retry::Pauses kPauses{std::chrono::milliseconds(500), std::chrono::seconds(5)};
  /// So many times the source's time out may pass without a whole picture while bytes come.
  static constexpr int kPictureTimeouts = 6;

  struct Request {
    std::string if_none_match;  // empty: without condition
  };

  HttpCamera(HttpSource source, InputSink& sink, std::uint64_t seed);

  [[nodiscard]] const HttpSource& source() const { return source_; }
  void start(Now now);
  void stop();

  // These say what has come. All but step() are ignored while no request is under way.
  void on_head(const HttpHead& head, Now now);
  void on_body(ByteSpan bytes, Now now);
  /// Any other byte: of a head, of an answer that leads elsewhere.
  void on_byte(Now now) { byte_at_ = now.mono; }
  /// The answer is over; `error`: why it broke, empty if it did not.
  void on_end(const std::string& error, Now now);
  void step(Now now);

  // What it wants.
  /// True while the request that was taken last is to go on.
  [[nodiscard]] bool asking() const { return state_ == State::Asking; }
  /// A request is to begin, instead of any other.
  std::optional<Request> take_request();
  [[nodiscard]] MonoTime next_deadline() const;

 private:
  enum class State : std::uint8_t { Idle, Asking, Waiting };

  void ask(Now now);
  void lose(const std::string& why, Now now);
  void take_pictures(Now now);
  void take_picture(ByteSpan jpeg, Now now);
  void push(ByteSpan jpeg, Now now);
  void push_again(Now now);
  void say_connected(Now now);
  [[nodiscard]] bool polled() const { return poll_.has_value(); }
  [[nodiscard]] std::string status_error(const HttpHead& head) const;

  HttpSource source_;
  InputSink& sink_;
  std::mt19937_64 random_;
  State state_ = State::Idle;
  std::optional<Request> request_;  // to be taken
  std::optional<Duration> poll_;
  unsigned refused_in_turn_ = 0;
  bool said_connected_ = false;
  std::string lost_why_;  // why it is away, as far as that was said; empty while it is there
  Retry retry_;
  MonoTime poll_at_ = MonoTime::max();

  // The request under way.
  MonoTime asked_at_{};
  MonoTime byte_at_{};     // the last one, or the request
  MonoTime picture_at_{};  // likewise
  std::optional<HttpPictures> pictures_;
  std::uint64_t pictures_of_answer_ = 0;
  std::string etag_of_answer_;
  bool not_modified_ = false;

  // A single picture, for the next poll.
  std::vector<std::uint8_t> last_;
  std::string etag_;
  MonoTime pushed_at_{};
};

}  // namespace ott
