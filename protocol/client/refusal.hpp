// Why something asked of the client did not happen, and the reply type that carries it.
// protocol/client/: richer than Result, since the broker says what was wrong with this very
// request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/messages.hpp"

namespace tidemark::client {

struct Refusal {
  Errc code = Errc::connection_lost;
  std::string text;            ///< for people; the broker's own words if it said something
  std::optional<Gap> gap;      ///< position_* and wrong_epoch
  std::optional<Offset> head;  ///< offset_mismatch
  /// Publishing only: the events may have been appended all the same. Only with timed_out,
  /// cancelled and connection_lost.
  bool outcome_unknown = false;
};

/// The refusal an error message of the broker is.
[[nodiscard]] Refusal refusal_of(const Failure& failure);
/// A refusal of our own; the table's text follows `context` if there is one.
[[nodiscard]] Refusal refusal_of(Errc code, const std::string& context = {});

/// The refusal an HTTP answer is: problem details, or whatever else is there in a broker's place.
[[nodiscard]] Refusal refusal_of_answer(const std::string& authority, unsigned status,
                                        std::string_view body);
/// The broker does not take the credential.
[[nodiscard]] inline bool is_of_credential(Errc code) {
  return code == Errc::unauthorized || code == Errc::token_expired;
}

/// A value or a refusal. Has a default, a value, because co_spawn asks for one.
template <class T>
class [[nodiscard]] Reply : public boost::system::result<T, Refusal> {
  using Base = boost::system::result<T, Refusal>;

 public:
  using Base::Base;
  Reply() = default;
};

/// What Reply::value() throws.
[[noreturn]] inline void throw_exception_from_error(const Refusal& refusal,
                                                    const boost::source_location&) {
  throw boost::system::system_error(make_error_code(refusal.code), refusal.text);
}

/// True if trying the same again later may well succeed.
[[nodiscard]] bool passes(Errc code);

}  // namespace tidemark::client
