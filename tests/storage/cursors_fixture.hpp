// A store whose cursors are written and looked at when a test wants it.
// tests/: shared by the tests of named cursors.
#pragma once

#include <filesystem>
#include <thread>

#include "tests/storage/lifecycle_fixture.hpp"

namespace tidemark::storage {

class CursorsFixture : public LifecycleFixture {
 protected:
  CursorsFixture() { options_.cursors.write_interval = options_.cursors.look_interval = kNever; }

  [[nodiscard]] Cursors& cursors() { return store_->cursors(); }
  Result<Position> acknowledge(std::string_view topic, std::string_view name, std::uint64_t offset,
                               Epoch epoch = {}) {
    return cursors().acknowledge(*this->topic(topic), name, {epoch, Offset{offset}});
  }
  /// Offset of the cursor; nullopt: there is none.
  std::optional<std::uint64_t> where(std::string_view topic, std::string_view name) {
    return where(*store_, topic, name);
  }
  static std::optional<std::uint64_t> where(EventStore& store, std::string_view topic,
                                            std::string_view name) {
    const auto opened = store.open_topic(topic_name(topic)).value();
    const auto position = store.cursors().find(*opened, name).value();
    return position ? std::optional(position->offset.value) : std::nullopt;
  }
  /// Changes that are made from now on are written, or the cursors looked at, all the time.
  void keep_writing() { apply(&CursorsOptions::write_interval, kOften); }
  void keep_looking() { apply(&CursorsOptions::look_interval, kOften); }

  template <class Condition>
  static void wait_until(const Condition& condition) {
    while (!condition()) std::this_thread::yield();
  }
  /// What a broker that is killed now would find.
  std::optional<std::uint64_t> where_after_a_kill(std::string_view topic, std::string_view name) {
    const auto copy = killed_.path() / "image";
    for (;;) {
      std::error_code error;
      std::filesystem::remove_all(copy);
      std::filesystem::copy(dir_.path(), copy, std::filesystem::copy_options::recursive, error);
      if (error) continue;
      // Files that were written while they were copied are no image of any moment.
      const auto opened = EventStore::open(copy, options_);
      if (opened) return where(**opened, topic, name);
    }
  }

  static constexpr std::chrono::milliseconds kNever = std::chrono::hours(1);
  static constexpr std::chrono::milliseconds kOften{1};
  TempDir killed_;

 private:
  void apply(std::chrono::milliseconds CursorsOptions::*interval, std::chrono::milliseconds value) {
    options_.cursors.*interval = value;
    cursors().apply(options_.cursors);
  }
};

}  // namespace tidemark::storage
