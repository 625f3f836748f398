#include "media/http_source.h"

#include "media/source_spec.h"

namespace ott {
namespace {

constexpr Duration kPollMin = std::chrono::milliseconds(100);
constexpr Duration kTimeMax = std::chrono::hours(1);
constexpr Duration kTimeoutMin = std::chrono::milliseconds(500);

/// Takes a time out of the source. It stays as it is where the source does not name it.
template <class Time>
Result<void> take_time(std::string& source, const std::string& option, Duration least, Time& time) {
  const auto text = take_option(source, option);
  if (!text) return {};
  const auto parsed = parse_time("?" + option + "=", *text);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  if (*parsed < least || *parsed > kTimeMax) {
    return fail("?" + option + "=" + *text + ": there are " + (least == kPollMin ? "100ms" : "500ms") +
                " to 60m");
  }
  time = *parsed;
  return {};
}

Result<bool> take_flag(std::string& source, const std::string& option) {
  const auto value = take_option(source, option);
  if (value && !value->empty()) return fail("?" + option + " has no value");
  return value.has_value();
}

}  // namespace

Result<HttpSource> parse_http_source(std::string_view source) {
  HttpSource parsed;
  std::string address(source);
  const auto in_source = [&](const Error& error) {
    return fail("source '" + without_credentials(source) + "': " + error.message);
  };
  if (const auto taken = take_time(address, "poll", kPollMin, parsed.poll); !taken)
    return in_source(taken.error());
  if (const auto taken = take_time(address, "timeout", kTimeoutMin, parsed.timeout); !taken)
    return in_source(taken.error());
  const auto insecure = take_flag(address, "insecure");
  if (!insecure) return in_source(insecure.error());
  const auto proxy = take_flag(address, "proxy");
  if (!proxy) return in_source(proxy.error());
  parsed.insecure = *insecure;
  parsed.proxy = *proxy;
  auto url = parse_url(address);
  if (!url) return in_source(url.error());
  parsed.url = std::move(*url);
  parsed.shown = without_credentials(to_string(parsed.url));
  if (parsed.insecure && parsed.url.scheme != "https") {
    return in_source({"?insecure is for https://, whose certificate it leaves unverified"});
  }
  return parsed;
}

}  // namespace ott
