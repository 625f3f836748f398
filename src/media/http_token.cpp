#include "media/http_token.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "media/text.h"

namespace ott {

Result<HttpToken> HttpToken::read(const std::string& file) {
  const auto close = [](std::FILE* opened) { (void)std::fclose(opened); };
  const std::unique_ptr<std::FILE, decltype(close)> opened(std::fopen(file.c_str(), "re"), close);
  if (!opened) return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  std::string text(kBytesMax + 3, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), opened.get()));
  if (std::ferror(opened.get()) != 0) return fail(fmt::format("{}: {}", file, std::strerror(errno)));
  HttpToken token;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  token.token_ = trimmed(text);
  const auto may_be_sent = [](char c) { return c > ' ' && c <= '~'; };
  if (token.token_.size() < kBytesMin || token.token_.size() > kBytesMax ||
      !std::ranges::all_of(token.token_, may_be_sent))
    return fail(fmt::format("{}: a token is one word of {} to {} printable ASCII characters", file, kBytesMin,
                            kBytesMax));
  return token;
}

std::optional<HttpResponse> HttpToken::refusal(const HttpRequest& request) const {
  if (token_.empty())
    return error_response(403, "nothing can be changed here: this process has no --http-token FILE");
  const auto [scheme, given] = cut(request.authorization, ' ');
  if (!equal_no_case(scheme, "Bearer"))
    return error_response(401, "this needs the token of --http-token, as Authorization: Bearer TOKEN",
                          "WWW-Authenticate: Bearer\r\n");
  std::string padded(trimmed(given));
  const bool same_length = padded.size() == token_.size();
  padded.resize(token_.size());
  const bool same_bytes = CRYPTO_memcmp(padded.data(), token_.data(), token_.size()) == 0;
  if (same_length && same_bytes) return std::nullopt;
  return error_response(403, "this is another token than that of --http-token");
}

HttpResponse error_response(int status, std::string_view why, std::string_view more_fields) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
  const std::string text = to_utf8(why);
  json.StartObject();
  json.Key("error");
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  json.EndObject();
  HttpResponse response = json_response({buffer.GetString(), buffer.GetSize()});
  response.status = status;
  response.fields += more_fields;
  return response;
}

HttpResponse json_response(std::string json) {
  HttpResponse response;
  response.fields = "Content-Type: application/json\r\nCache-Control: no-store\r\n";
  response.text = std::move(json) + '\n';
  return response;
}

}  // namespace ott
