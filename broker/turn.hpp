// What is to be done later in the same turn of the loop, without asking the system in between.
// broker/: Beast posts after every message it has in hand; sessions read by way of this executor.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>

namespace tidemark::broker {

/// A queue of functions that runs to its end whenever one of its handlers has run. io_context asks
/// the system for news between any two posted handlers; eight messages that came in one packet
/// would cost eight such questions.
/// Threads: its io_context's, which is run by one thread.
class Turn {
 public:
  class Executor;

  explicit Turn(boost::asio::io_context& io) : io_(io) {}
  ~Turn() {
    while (Task* const task = take()) task->drop();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  [[nodiscard]] Executor executor();

 private:
  // One client's packet must not hold up the others for long.
  static constexpr int kMaxTasks = 256;

  struct Task {
    Task* next = nullptr;
    virtual void run() = 0;   ///< gives its memory back, then calls the function
    virtual void drop() = 0;  ///< gives its memory back
   protected:
    ~Task() = default;
  };

  template <class Function>
  struct TaskOf final : Task {
    explicit TaskOf(Function f) : function(std::move(f)) {}
    void run() override {
      Function moved(std::move(function));
      drop();
      moved();
    }
    void drop() override {
      std::destroy_at(this);
      boost::asio::recycling_allocator<TaskOf>().deallocate(this, 1);
    }
    Function function;
  };

  template <class Function>
  void now(Function&& function) {
    if (std::exchange(running_, true)) {
      std::forward<Function>(function)();
      return;
    }
    std::forward<Function>(function)();
    drain();
  }

  template <class Function>
  void later(Function&& function) {
    using Stored = TaskOf<std::decay_t<Function>>;
    auto* const task = boost::asio::recycling_allocator<Stored>().allocate(1);
    put(std::construct_at(task, std::forward<Function>(function)));
    if (!running_) post_drain();
  }

  void put(Task* task) {
    *last_ = task;
    last_ = &task->next;
  }
  Task* take() {
    Task* const task = first_;
    if (task == nullptr) return nullptr;
    first_ = task->next;
    if (first_ == nullptr) last_ = &first_;
    return task;
  }
  void drain() {
    for (int i = 0; i < kMaxTasks; ++i) {
      Task* const task = take();
      if (task == nullptr) break;
      task->run();
    }
    running_ = false;
    if (first_ != nullptr) post_drain();
  }
  void post_drain() {
    if (std::exchange(posted_, true)) return;
    boost::asio::post(io_, [this] {
      posted_ = false;
      running_ = true;
      drain();
    });
  }

  boost::asio::io_context& io_;
  Task* first_ = nullptr;
  Task** last_ = &first_;
  bool running_ = false;
  bool posted_ = false;
};

/// An executor as Asio wants it: dispatch runs at once, post runs later in the turn.
class Turn::Executor {
 public:
  explicit Executor(Turn& turn) : turn_(&turn) {}

  [[nodiscard]] boost::asio::execution_context& query(
      boost::asio::execution::context_t) const noexcept {
    return turn_->io_;
  }
  [[nodiscard]] static constexpr boost::asio::execution::blocking_t query(
      boost::asio::execution::blocking_t) noexcept {
    return boost::asio::execution::blocking.possibly;
  }
  [[nodiscard]] Executor require(boost::asio::execution::blocking_t::never_t) const noexcept {
    Executor other(*this);
    other.never_ = true;
    return other;
  }
  [[nodiscard]] Executor require(boost::asio::execution::blocking_t::possibly_t) const noexcept {
    return Executor(*turn_);
  }

  template <class Function>
  void execute(Function&& function) const {
    if (never_) return turn_->later(std::forward<Function>(function));
    turn_->now(std::forward<Function>(function));
  }

  bool operator==(const Executor&) const noexcept = default;

 private:
  Turn* turn_;
  bool never_ = false;
};

inline Turn::Executor Turn::executor() { return Executor(*this); }

}  // namespace tidemark::broker
