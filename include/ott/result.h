// What a function returns when the bytes of a peer or a file may be wrong: the value, or a sentence that says
// what is wrong and where. Bugs assert (assert.h beside this file). Code on a per-record path builds an Error
// only when it is about to close a connection.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace ott {

struct Error {
  std::string message;  // one sentence for a person: what, where and, if known, what to do
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace ott
