#include "role/publisher.h"

#include <fmt/format.h>

#include <algorithm>

namespace ott {

/// What was opened and is not to begin.
Publisher::Change::~Change() {
  for (const Stream& stream : added_) {
    if (stream.film != nullptr) films_.close(*stream.film);
  }
}

Publisher::Publisher(Overlay& overlay, RoleContext& context, std::function<void()> wake)
    : overlay_(overlay), context_(context), wake_(std::move(wake)), films_(overlay, context) {}

tl::expected<void, Publisher::Refusal> Publisher::open(const std::vector<StreamSpec>& specs, Now now) {
  auto opened = open_streams(specs, {}, context_.open_ahead);
  if (!opened) return tl::unexpected(Refusal{2, opened.error().message});
  auto change = prepare(std::move(*opened));
  if (!change) return tl::unexpected(Refusal{1, change.error().message});
  (void)perform(std::move(*change), now);
  return {};
}

Result<Publisher::Stream> Publisher::open(OpenedStream opened) {
  Stream stream{opened.spec, nullptr, nullptr};
  if (stream.spec.source.starts_with(kFilmPrefix)) {
    const auto film = films_.open(std::move(opened));
    if (!film) return fail(stream.spec.place + film.error().message);
    stream.film = *film;
    return stream;
  }
  stream.input = std::make_unique<PublishedInput>(overlay_, context_, generations_, wake_);
  if (const auto good = stream.input->open(std::move(opened)); !good)
    return fail(stream.spec.place + good.error().message);
  return stream;
}

Result<std::unique_ptr<Publisher::Change>> Publisher::prepare(OpenedStreams wanted) {
  auto change = std::make_unique<Change>(films_);
  std::vector<StreamSpec> kept;
  for (OpenedStream& stream : wanted.streams) {
    if (std::ranges::count(streams_, stream.spec, &Stream::spec) > 0) {
      kept.push_back(stream.spec);
      continue;
    }
    auto opened = open(std::move(stream));
    if (!opened) return tl::unexpected<Error>(opened.error());
    change->added_.push_back(std::move(*opened));
  }
  for (const Stream& stream : streams_) {
    if (std::ranges::count(kept, stream.spec) == 0) change->gone_.push_back(stream.spec);
  }
  for (const std::string& note : wanted.notes) context_.log.warning(note);
  return change;
}

std::vector<std::string> Publisher::perform(std::unique_ptr<Change> change, Now now) {
  std::vector<std::string> words;
  for (const StreamSpec& spec : change->gone_) {
    const auto stream = std::ranges::find(streams_, spec, &Stream::spec);
    close(*stream, now);
    streams_.erase(stream);
    const bool goes_on = std::ranges::any_of(
        change->added_, [&spec](const Stream& added) { return added.spec.name == spec.name; });
    words.push_back(fmt::format("stream '{}' {}", spec.name, goes_on ? "begins anew" : "removed"));
  }
  for (Stream& stream : std::exchange(change->added_, {})) {
    const bool was_there = std::ranges::any_of(
        change->gone_, [&stream](const StreamSpec& gone) { return gone.name == stream.spec.name; });
    if (!was_there) words.push_back(fmt::format("stream '{}' added", stream.spec.name));
    streams_.push_back(std::move(stream));
    if (streams_.back().input != nullptr) streams_.back().input->begin(now);
    if (!announced_) continue;
    if (const auto announced = announce(streams_.back(), now); !announced)
      context_.log.error(announced.error().message);
  }
  return words;
}

Result<void> Publisher::announce(Now now) {
  announced_ = true;
  for (Stream& stream : streams_) {
    if (auto announced = announce(stream, now); !announced) return announced;
  }
  return {};
}

Result<void> Publisher::announce(Stream& stream, Now now) {
  return stream.input != nullptr ? stream.input->announce(now)
                                 : films_.announce(*stream.film, generations_[stream.spec.name]++);
}

void Publisher::close(Stream& stream, Now now) {
  if (stream.input != nullptr) {
    stream.input->close(now);
  } else {
    films_.close(*stream.film);
  }
}

std::vector<StreamSpec> Publisher::specs() const {
  std::vector<StreamSpec> specs;
  for (const Stream& stream : streams_) specs.push_back(stream.spec);
  return specs;
}

void Publisher::step(Now now) {
  for (const Stream& stream : streams_) {
    if (stream.input != nullptr) stream.input->step(now);
  }
  if (announced_) films_.step(now);
}

MonoTime Publisher::next_deadline() const {
  MonoTime next = films_.next_deadline();
  for (const Stream& stream : streams_) {
    if (stream.input != nullptr) next = std::min(next, stream.input->next_deadline());
  }
  return next;
}

void Publisher::add_stats(StatsLine& line) const {
  line.begin_list("streams");
  for (const Stream& stream : streams_) {
    if (stream.input != nullptr) stream.input->add_stats(line);
  }
  films_.add_stats(line);
  line.end_list();
}

}  // namespace ott
