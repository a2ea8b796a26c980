// SQLite behind a few calls; the replica's rules.
// tests/e2e/: see model_app.hpp.
#include "tests/e2e/model_app.hpp"

#include <sqlite3.h>
#include <stdexcept>
#include <thread>
#include <utility>

#include <boost/json.hpp>

namespace tidemark::test {
namespace {

constexpr int kBusyMs = 10'000;
constexpr std::size_t kMostFaults = 5;

[[noreturn]] void fail(sqlite3* db, const char* what) {
  throw std::runtime_error(std::string(what) + ": " + sqlite3_errmsg(db));
}

void run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(db, sql);
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* out = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &out, nullptr) != SQLITE_OK) fail(db, sql);
  return Statement(out);
}

// The text outlives the statement, so SQLite need not copy it.
void bind(sqlite3_stmt* statement, int at, const std::string& text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), nullptr);
}

std::string text_at(sqlite3_stmt* statement, int column) {
  const void* const text = sqlite3_column_blob(statement, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return {static_cast<const char*>(text), size};
}

}  // namespace

std::string as_json(const Items& items) {
  boost::json::object out;
  for (const auto& [key, value] : items) out[key] = boost::json::parse(value);
  return boost::json::serialize(out);
}

Items items_in(std::string_view json) {
  Items out;
  const auto read = boost::json::parse(boost::json::string_view(json.data(), json.size()));
  for (const auto& [key, value] : read.as_object()) {
    out[std::string(key.data(), key.size())] = boost::json::serialize(value);
  }
  return out;
}

// ---- the database ----

void ModelDatabase::Close::operator()(sqlite3* db) const { sqlite3_close(db); }

ModelDatabase::ModelDatabase(std::filesystem::path file) : file_(std::move(file)) {
  writer_ = open();
  // Readers see a state of their own while the writer goes on.
  run(writer_.get(), "PRAGMA journal_mode = WAL");
  run(writer_.get(), "PRAGMA synchronous = OFF");
  run(writer_.get(), "CREATE TABLE items (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
}

ModelDatabase::Connection ModelDatabase::open() const {
  sqlite3* db = nullptr;
  const int opened = sqlite3_open(file_.c_str(), &db);
  Connection out(db);
  if (opened != SQLITE_OK) fail(db, "open");
  sqlite3_busy_timeout(db, kBusyMs);
  return out;
}

void ModelDatabase::set(const std::string& key, const std::optional<std::string>& value) {
  const std::scoped_lock lock(mutex_);
  auto* const db = writer_.get();
  const auto statement = prepare(db, value ? "INSERT OR REPLACE INTO items VALUES (?1, ?2)"
                                           : "DELETE FROM items WHERE key = ?1");
  bind(statement.get(), 1, key);
  if (value) bind(statement.get(), 2, *value);
  if (sqlite3_step(statement.get()) != SQLITE_DONE) fail(db, "set");
}

Items ModelDatabase::read_slowly(std::chrono::milliseconds delay) const {
  const auto connection = open();
  auto* const db = connection.get();
  Items out;
  run(db, "BEGIN");
  const auto statement = prepare(db, "SELECT key, value FROM items");
  int step = sqlite3_step(statement.get());  // the state is fixed from here on
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  for (; step == SQLITE_ROW; step = sqlite3_step(statement.get())) {
    out[text_at(statement.get(), 0)] = text_at(statement.get(), 1);
  }
  if (step != SQLITE_DONE) fail(db, "read");
  return out;
}

// ---- the replica ----

void Replica::fault(std::string what) {
  if (faults_.size() < kMostFaults) faults_.push_back(std::move(what));
}

void Replica::forget() {
  items_.clear();
  arriving_.reset();
  next_.reset();
  caught_up_ = false;
}

void Replica::replace(Items items, Offset as_of) {
  items_ = std::move(items);
  arriving_.reset();
  next_ = as_of.next();
  caught_up_ = false;
  ++states_;
}

void Replica::bundle(std::string_view json, Offset as_of) { replace(items_in(json), as_of); }

void Replica::state(const State& part) {
  if (part.first) {
    arriving_.emplace();
  } else if (!arriving_) {
    return fault("a part of a state came without its first");
  }
  if (part.bundle) *arriving_ = items_in(*part.bundle);
  for (const auto& entry : part.entries) {
    if (entry.offset > part.position.offset) fault("an entry is later than its state");
    if (!arriving_->emplace(entry.key, entry.data).second) fault("a key came twice: " + entry.key);
  }
  if (part.last) replace(std::move(*arriving_), part.position.offset);
}

void Replica::event(Offset offset, std::string_view key, std::string_view data) {
  ++events_;
  if (arriving_) return fault("an event came within a state");
  if (!next_) return fault("event " + std::to_string(offset.value) + " came before the state");
  if (offset != *next_) {
    fault("event " + std::to_string(offset.value) + " came where " + std::to_string(next_->value) +
          " was due");
  }
  next_ = offset.next();
  if (data == "null") {
    items_.erase(std::string(key));
  } else {
    items_[std::string(key)] = data;
  }
}

}  // namespace tidemark::test
