// One connection of our HTTP server: reads requests, one after the other, and sends what they ask for.
//
//     Reading --> Sending --> Reading, or Lingering when nothing more is to come
//     Reading --> Waiting (for a picture) --> Sending
//     Reading --> Watching, until the connection ends
//     Reading --> Waiting (for MP4 or text to begin) --> Following, until the content or the connection ends
//     Reading --> Waiting (for an answer of another process) --> Sending
//
// A viewer that watches is sent a picture when it is ready for one: the newest, whole. While the kernel takes
// no more of the one under way, newer ones take each other's place in the stream, and nothing waits here.
// Owned by its server, which destroys it some time after it has said that it is closed.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "io/fd.h"
#include "io/http_streams.h"
#include "io/watcher.h"
#include "media/http_site.h"

namespace ott {

struct HttpFigures {
  std::uint64_t frames = 0;
  std::uint64_t frames_skipped = 0;  // newer ones took their place while a viewer was not ready
  std::uint64_t bytes = 0;
};

/// What a connection needs of its server. None of these destroys a connection or calls one.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual HttpAction answer(const HttpRequest& request, const NodeId& remote) = 0;
  [[nodiscard]] virtual const HttpSiteOptions& site() const = 0;
  virtual HttpStream& join(const std::string& stream, HttpConnection& connection) = 0;
  virtual void leave(HttpStream& stream, HttpConnection& connection) = 0;
  virtual HttpLive& join(const HttpFollow& wanted, HttpConnection& connection) = 0;
  virtual void leave(HttpLive& live, HttpConnection& connection) = 0;
  /// The answer that it waits for, once it is here. Or it waits for it no more.
  virtual std::optional<HttpResponse> awaited(HttpWait wait) = 0;
  virtual void forget(HttpWait wait) = 0;
  /// picture_is_here() is to be called each round while it waits for an answer.
  virtual void asks(HttpConnection& connection, bool asks) = 0;
  /// go_on() is to be called in the next round.
  virtual void later(HttpConnection& connection) = 0;
  /// picture_is_here() is to be called then.
  virtual void at(MonoTime due) = 0;
  /// It waits for a request, or does so no more: those that wait may have to give way.
  virtual void reads(HttpConnection& connection, bool reads) = 0;
  /// It watches a stream from now on.
  virtual void watches(const HttpConnection& connection) = 0;
  /// The last call. `why` is empty where nothing is wrong.
  virtual void closed(HttpConnection& connection, const std::string& why) = 0;
  virtual HttpFigures& sums() = 0;
};

class HttpConnection {
 public:
  using List = std::list<std::unique_ptr<HttpConnection>>;

  static constexpr Duration kHeadTime = std::chrono::seconds(10);    // for a request, from its first byte
  static constexpr Duration kIdleTime = std::chrono::seconds(60);    // between two requests
  static constexpr Duration kStuckTime = std::chrono::seconds(60);   // while the other end takes no byte
  static constexpr Duration kPictureTime = std::chrono::seconds(5);  // until a picture is there
  static constexpr Duration kNextTime = std::chrono::seconds(30);    // until the next one is
  static constexpr Duration kLingerTime =
      std::chrono::seconds(2);  // for the other end to read what was sent last
  static constexpr unsigned kRequestsPerRound = 16;
  static constexpr std::size_t kPieceBytesPerTurn = std::size_t{1} << 20U;

  HttpConnection(struct ev_loop* loop, HttpServer& server, Fd fd, NodeId remote, MonoTime now);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  /// A picture or a piece has come of the stream that it wants, or one is due. Returns how many bytes were
  /// sent.
  [[gnu::hot]] std::size_t picture_is_here(Now now);
  void go_on(Now now);
  /// Ends what has taken too long. To be called each second or so.
  void check_time(Now now);
  /// Answers so, before any request is read, and closes.
  void refuse(const HttpRefusal& refusal, Now now);
  /// Nothing new is sent any more; closed when what was begun is sent, and the answer that it waits for.
  void end(Now now);
  void close(const std::string& why);

  [[nodiscard]] const NodeId& remote() const { return remote_; }
  [[nodiscard]] bool is_closed() const { return state_ == State::Closed; }
  [[nodiscard]] bool is_reading() const { return state_ == State::Reading; }
  /// The name of the stream that it watches; null if it watches none.
  [[nodiscard]] const std::string* watched() const;
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// What it is in the middle of; null if it is not.
  struct Held {
    const void* what = nullptr;
    std::size_t bytes = 0;
  };
  [[nodiscard]] Held held() const;
  [[nodiscard]] MonoTime last_progress() const { return progress_at_; }

  List::iterator place;  // the server's

 private:
  enum class State : std::uint8_t { Reading, Waiting, Sending, Watching, Following, Lingering, Closed };

  void ready(int events);
  void receive(Now now);
  void set_state(State state);
  void begin(const HttpRequest& request, Now now);
  void respond(const HttpResponse& response, const HttpRequest* request, Now now);
  void watch(const HttpWatch& action, const HttpRequest& request, Now now);
  std::size_t send_newest(Now now);
  bool answer_waiting(Now now);
  bool answer_with_picture(Now now);
  bool answer_with_content(Now now);
  bool answer_as_awaited(Now now);
  [[nodiscard]] bool is_viewer() const;
  std::size_t send_pieces(Now now);
  bool send_piece(Now now);
  [[nodiscard]] bool watches() const { return state_ == State::Watching || state_ == State::Following; }
  bool flush(Now now);
  void read_next(Now now);
  void linger(Now now);
  void leave_stream();
  void choose_events();
  void account(std::size_t bytes, Now now);

  // What each picture touches comes first.
  HttpServer& server_;
  HttpStream* stream_ = nullptr;  // that it wants
  Fd fd_;
  State state_ = State::Reading;
  bool blocked_ = false;     // the kernel takes no more
  bool keep_ = true;         // another request may follow
  bool ended_ = false;       // the other end sends nothing more
  bool bare_ = false;        // part_ is sent without head and boundary
  std::uint64_t count_ = 0;  // of the stream when it was sent last
  std::uint64_t frames_ = 0;
  Duration interval_{};
  MonoTime due_{};
  MonoTime progress_at_;
  HttpPartPtr part_;  // what is being sent: text_ first, then this
  std::string text_;
  std::size_t sent_ = 0;  // of both
  IoWatcher watcher_;
  MonoTime deadline_;
  NodeId remote_;
  HttpRequestReader reader_;
  struct Wanted {
    HttpPicture picture;
    HttpRequest request;
    std::uint64_t after = 0;  // the stream's count
    MonoTime since{};         // older pictures are no answer
  };
  std::unique_ptr<Wanted> wanted_;  // while it waits for a picture
  struct Asked {
    HttpWait wait;
    HttpRequest request;
  };
  std::unique_ptr<Asked> asked_;  // while it waits for an answer
  struct Followed {
    HttpFollow what;
    HttpRequest request;
    HttpLive& live;
    LiveCursor cursor{};
    LiveBytes piece{};     // what is being sent
    std::size_t sent = 0;  // of it
  };
  std::unique_ptr<Followed> followed_;  // while it waits for content that is no picture, and follows it
  std::size_t discarded_ = 0;
};

}  // namespace ott
