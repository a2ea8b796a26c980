// Asks applications over HTTP: libcurl's multi interface on one thread.
// broker/state/: see hook_client.hpp.
#include "broker/state/hook_client.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <list>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_set>
#include <utility>

#include "broker/net/outbound_door.hpp"

namespace tidemark::broker {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{2'000};
/// A server that sends headers without end sends no more than this.
constexpr std::size_t kMostHeaderBytes = std::size_t{64} << 10;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// A call with all it needs for a try. At a stable address while a try is under way.
struct Call {
  std::uint64_t id = 0;
  HookCall what;
  HookClient::Done done;
  std::uint32_t tries = 0;  ///< begun
  Clock::time_point due;    ///< of the next
  // of the try under way
  Curl curl;
  std::unique_ptr<curl_slist, FreeList> headers;
  OutboundDoor door;
  HookAnswer answer;
  std::size_t header_bytes = 0;
  bool too_large = false;
};
using Calls = std::list<Call>;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& call = *static_cast<Call*>(to);
  const std::size_t bytes = size * count;
  if (bytes > call.what.max_bytes - call.answer.body.size()) {
    call.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  call.answer.body.append(data, bytes);
  return bytes;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  auto& call = *static_cast<Call*>(to);
  const std::size_t bytes = size * count;
  call.header_bytes += bytes;
  if (call.header_bytes > kMostHeaderBytes) {
    call.door.refusal = "its headers are too large";
    return 0;
  }
  const std::string_view line(data, bytes);
  if (line.starts_with("HTTP/")) call.answer.offset.clear();  // 1xx before the answer
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return bytes;
  if (same_name(line.substr(0, colon), "Tidemark-Offset")) {
    if (!call.answer.offset.empty()) call.answer.offset += ", ";
    call.answer.offset += trimmed(line.substr(colon + 1));
  }
  return bytes;
}

void prepare(Call& call) {
  const auto& curl = call.curl;
  set(curl, CURLOPT_URL, call.what.url.c_str());
  set_door(curl, call.door);
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(call.what.timeout.count()));
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(call.what.timeout.count()));
  set(curl, CURLOPT_HTTPHEADER, call.headers.get());
  set(curl, CURLOPT_WRITEFUNCTION, &take_body);
  set(curl, CURLOPT_WRITEDATA, static_cast<void*>(&call));
  set(curl, CURLOPT_HEADERFUNCTION, &take_header);
  set(curl, CURLOPT_HEADERDATA, static_cast<void*>(&call));
  set(curl, CURLOPT_PRIVATE, static_cast<void*>(&call));
  if (!call.what.ca_file.empty()) set(curl, CURLOPT_CAINFO, call.what.ca_file.c_str());
#if LIBCURL_VERSION_NUM >= 0x075700
  // A name that does not resolve must not hold up all others while its transfer is taken apart.
  set(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
}

bool passes_by_itself(long status) { return status >= 500 || status == 429; }

/// Of a try that has ended, with whether another one may fare better.
struct Verdict {
  HookOutcome outcome;
  bool again = false;
};

Verdict verdict_of(Call& call, CURLcode code) {
  if (call.too_large) {
    return {HookFailure{Errc::state_too_large, "its answer is larger than " +
                                                   std::to_string(call.what.max_bytes) + " bytes"}};
  }
  if (code != CURLE_OK) {
    // One of several addresses of a name may have been refused, and another one taken.
    if (!call.door.refusal.empty()) return {HookFailure{Errc::state_failed, call.door.refusal}};
    const auto errc = code == CURLE_OPERATION_TIMEDOUT ? Errc::timed_out : Errc::state_failed;
    return {HookFailure{errc, curl_easy_strerror(code)}, true};
  }
  curl_easy_getinfo(call.curl.get(), CURLINFO_RESPONSE_CODE, &call.answer.status);
  if (passes_by_itself(call.answer.status)) {
    return {HookFailure{Errc::state_failed, "it answers " + std::to_string(call.answer.status)},
            true};
  }
  const char* type = nullptr;
  curl_easy_getinfo(call.curl.get(), CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) call.answer.content_type = trimmed(type);
  return {std::move(call.answer)};
}

}  // namespace

/// Lock: its own, for what comes from other threads; nothing is called under it.
class HookClient::Impl {
 public:
  explicit Impl(std::size_t at_a_time)
      : multi_(curl_ready() ? curl_multi_init() : nullptr),
        at_a_time_(std::max<std::size_t>(1, at_a_time)) {}

  std::uint64_t start(HookCall what, Done done) {
    std::uint64_t id = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return 0;
      id = ++last_id_;
      auto& call = arrived_.emplace_back();
      call.id = id;
      call.what = std::move(what);
      call.done = std::move(done);
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
    wake();
    return id;
  }

  void cancel(std::uint64_t id) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || !thread_.joinable()) return;
      cancelled_.insert(id);
    }
    wake();
  }

  void allow(std::size_t at_a_time) {
    at_a_time_ = std::max<std::size_t>(1, at_a_time);
    wake();
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    const std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] Figures figures() const {
    return {.requests = requests_.load(), .failures = failures_.load()};
  }

 private:
  void wake() const {
    if (multi_) curl_multi_wakeup(multi_.get());
  }

  void run() {
    while (take_over()) {
      begin_due();
      int running = 0;
      if (multi_) curl_multi_perform(multi_.get(), &running);
      finish_ended();
      rest();
    }
    for (auto& call : active_) remove(call);
    active_.clear();
    waiting_.clear();
  }

  /// What other threads have left; false: it is to end.
  bool take_over() {
    std::unordered_set<std::uint64_t> cancelled;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      waiting_.splice(waiting_.end(), arrived_);
      cancelled.swap(cancelled_);
    }
    if (cancelled.empty()) return true;
    const auto is_cancelled = [&](const Call& call) { return cancelled.contains(call.id); };
    std::erase_if(waiting_, is_cancelled);
    for (auto& call : active_) {
      if (is_cancelled(call)) remove(call);
    }
    std::erase_if(active_, is_cancelled);
    return true;
  }

  void begin_due() {
    const auto now = Clock::now();
    for (auto it = waiting_.begin(); it != waiting_.end() && active_.size() < at_a_time_;) {
      const auto call = it++;
      if (call->due > now) continue;
      active_.splice(active_.end(), waiting_, call);
      if (!begin(*call)) give(call, HookFailure{Errc::state_failed, "libcurl could not begin"});
    }
  }

  bool begin(Call& call) {
    call.curl = new_curl();
    if (!call.curl || !multi_) return false;
    call.answer = {};
    call.header_bytes = 0;
    call.door = {.plain = is_plain(call.what.url),
                 .private_addresses = call.what.private_addresses,
                 .purpose = "a state hook",
                 .refusal = {}};
    if (!call.headers) {
      for (const auto& header : call.what.headers) {
        auto* const longer = curl_slist_append(call.headers.get(), header.c_str());
        if (longer == nullptr) return false;
        (void)call.headers.release();  // it is the beginning of the longer one
        call.headers.reset(longer);
      }
    }
    prepare(call);
    ++call.tries;
    ++requests_;
    return curl_multi_add_handle(multi_.get(), call.curl.get()) == CURLM_OK;
  }

  void finish_ended() {
    int left = 0;
    while (const CURLMsg* const message =
               multi_ ? curl_multi_info_read(multi_.get(), &left) : nullptr) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;  // the message dies with the handle
      void* of = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &of);
      const auto call = std::ranges::find_if(active_, [&](const Call& c) { return &c == of; });
      if (call != active_.end()) finish(call, code);
    }
  }

  void finish(Calls::iterator call, CURLcode code) {
    auto verdict = verdict_of(*call, code);
    remove(*call);
    if (std::holds_alternative<HookFailure>(verdict.outcome)) ++failures_;
    if (!verdict.again || call->tries >= call->what.tries) {
      return give(call, std::move(verdict.outcome));
    }
    call->due = Clock::now() + pause_after(call->tries);
    waiting_.splice(waiting_.end(), active_, call);
  }

  void give(Calls::iterator call, HookOutcome outcome) {
    const auto done = std::move(call->done);
    active_.erase(call);
    done(std::move(outcome));
  }

  void remove(Call& call) const {
    if (call.curl && multi_) curl_multi_remove_handle(multi_.get(), call.curl.get());
    call.curl.reset();
    call.answer.body = {};
  }

  /// Spread, so that calls that failed together do not come back together.
  milliseconds pause_after(std::uint32_t tries) {
    const auto doubled = kFirstPause * (1U << std::min(tries - 1, 8U));
    std::uniform_real_distribution<double> factor(0.5, 1.5);
    const auto pause = static_cast<double>(std::min<milliseconds>(doubled, kLongestPause).count());
    return milliseconds(static_cast<std::int64_t>(pause * factor(random_)));
  }

  /// Until something moves, is due, or is brought by another thread.
  void rest() const {
    auto pause = milliseconds(1'000);
    if (active_.size() < at_a_time_) {
      const auto now = Clock::now();
      for (const auto& call : waiting_) {
        const auto until = std::chrono::ceil<milliseconds>(call.due - now);
        pause = std::clamp(until, milliseconds(0), pause);
      }
    }
    if (multi_) {
      curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(pause.count()), nullptr);
    } else {
      std::this_thread::sleep_for(pause);
    }
  }

  const std::unique_ptr<CURLM, FreeMulti> multi_;
  std::atomic<std::size_t> at_a_time_;
  std::atomic<std::uint64_t> requests_{0}, failures_{0};

  std::mutex mutex_;
  Calls arrived_;
  std::unordered_set<std::uint64_t> cancelled_;
  std::uint64_t last_id_ = 0;
  bool stopping_ = false;

  // the thread's own
  Calls waiting_;
  Calls active_;
  std::minstd_rand random_{std::random_device{}()};

  std::mutex join_mutex_;
  std::thread thread_;  ///< begun under mutex_, joined under join_mutex_ when nothing begins it
};

HookClient::HookClient(std::size_t at_a_time) : impl_(std::make_unique<Impl>(at_a_time)) {}
HookClient::~HookClient() { stop(); }
std::uint64_t HookClient::start(HookCall call, Done done) {
  return impl_->start(std::move(call), std::move(done));
}
void HookClient::cancel(std::uint64_t call) { impl_->cancel(call); }
void HookClient::allow(std::size_t at_a_time) { impl_->allow(at_a_time); }
HookClient::Figures HookClient::figures() const { return impl_->figures(); }
void HookClient::stop() { impl_->stop(); }

}  // namespace tidemark::broker
