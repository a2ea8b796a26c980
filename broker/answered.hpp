// A request to the committer that calls a function when it is done.
// broker/: what the HTTP routes hand to ConnectionGroup::submit.
#pragma once

#include <functional>

#include "storage/committer.hpp"

namespace tidemark::broker {

/// `done` is called once, on the shard's thread, with the outcome in the request.
template <class Base>
struct Answered final : Base {
  using Base::Base;
  void answer() override { done(*this); }
  std::function<void(Base&)> done;
};

}  // namespace tidemark::broker
