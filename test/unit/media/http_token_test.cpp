#include "media/http_token.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace ott {
namespace {

class File {
 public:
  explicit File(const std::string& content) { std::ofstream(path_) << content; }
  ~File() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string name() const { return path_.string(); }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("ott-token-" + std::to_string(std::rand()));
};

std::optional<int> status(const HttpToken& token, const std::string& authorization) {
  HttpRequest request;
  request.authorization = authorization;
  const auto refusal = token.refusal(request);
  return refusal ? std::optional(refusal->status) : std::nullopt;
}

TEST_CASE("Token: only who sends it may change something") {
  const File file("  secret-of-sixteen-or-more\n");
  const auto token = HttpToken::read(file.name());
  REQUIRE(token);
  CHECK_FALSE(status(*token, "Bearer secret-of-sixteen-or-more"));
  CHECK_FALSE(status(*token, "bearer  secret-of-sixteen-or-more "));
  CHECK(status(*token, "") == 401);
  CHECK(status(*token, "Basic c2VjcmV0") == 401);
  CHECK(status(*token, "Bearer ") == 403);
  CHECK(status(*token, "Bearer secret-of-sixteen-or-morf") == 403);
  CHECK(status(*token, "Bearer secret-of-sixteen-or-more2") == 403);
  CHECK(status(*token, "Bearer secret-of-sixteen-or-mor") == 403);
}

TEST_CASE("Token: where there is none nobody may") {
  CHECK(status({}, "") == 403);
  CHECK(status({}, "Bearer ") == 403);
}

TEST_CASE("Token: a file without a usable one is named with what is wrong") {
  const auto error = [](const std::string& content) {
    const File file(content);
    const auto token = HttpToken::read(file.name());
    REQUIRE_FALSE(token);
    CHECK(token.error().message.starts_with(file.name() + ": "));
    return token.error().message;
  };
  CHECK(error("").find("16 to 1024") != std::string::npos);
  (void)error("short");
  (void)error("two words that are long enough");
  (void)error(std::string(HttpToken::kBytesMax + 1, 'x'));
  const auto missing = HttpToken::read("/does/not/exist");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message == "/does/not/exist: No such file or directory");
}

}  // namespace
}  // namespace ott
