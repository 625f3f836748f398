// Where each flag was given: on the command line, in the environment or in the file of --config. What is
// wrong with a flag is told by that.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ott {

struct FlagOrigin {
  std::string name;             // "--http", "OTTD_HTTP", or a file's "http"
  std::string file;             // empty: it was in no file
  std::vector<unsigned> lines;  // of the file, one for each value
};

class FlagOrigins {
 public:
  /// `flag`: with its dashes.
  void note(std::string_view flag, FlagOrigin origin) {
    origins_.insert_or_assign(std::string(flag), std::move(origin));
  }
  [[nodiscard]] bool given(std::string_view flag) const { return origins_.contains(flag); }
  /// Those that were given, by their names on the command line.
  [[nodiscard]] const std::map<std::string, FlagOrigin, std::less<>>& all() const { return origins_; }
  /// What stands before an error that is about a value: "ottd.toml:3: ", "OTTD_STREAM: "; empty for one of
  /// the command line. `value`: which of several.
  [[nodiscard]] std::string place(std::string_view flag, std::size_t value = 0) const;
  /// How errors name it: "--http", "OTTD_HTTP", "ottd.toml:3: http".
  [[nodiscard]] std::string called(std::string_view flag, std::size_t value = 0) const;
  /// An error that begins with a flag ("--http: cannot listen ..."), with how the flag is called in its
  /// place; any other one as it is. So whoever finds it need not know where flags can be given.
  [[nodiscard]] std::string located(std::string_view error) const;

 private:
  std::map<std::string, FlagOrigin, std::less<>> origins_;
};

}  // namespace ott
