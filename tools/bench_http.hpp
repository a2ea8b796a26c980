// The client's side of HTTP/1.1: requests as text, answers as they come in pieces cut anywhere.
// tools/: part of `tidemark bench`; pure. Reads what servers of the Durable Streams protocol send:
// bodies of a stated length, in chunks, or up to the end of the connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::tools::bench {

/// A request. The views need to live until it is written.
struct HttpRequest {
  std::string_view method = "GET";
  std::string_view target;             ///< path and query
  std::string_view fields = {};        ///< more of them: "Name: value\r\n" each
  std::string_view content_type = {};  ///< empty: no body
  std::string_view body = {};
};
void append_request(const HttpRequest& request, std::string_view host, std::string& out);

/// What a measurement looks at of an answer's head. The views die with the call that got them.
struct AnswerHead {
  unsigned status = 0;
  std::string_view reason;
  std::string_view next_offset;  ///< Stream-Next-Offset
  bool up_to_date = false;       ///< Stream-Up-To-Date: true
};

/// Reads the answers of one connection, one after another. A body's bytes are handed on as they
/// come and from where they lie; only heads and the lines between chunks must be whole.
class AnswerReader {
 public:
  class Sink {
   public:
    virtual void head(const AnswerHead& head) = 0;
    virtual void body(std::string_view piece) = 0;
    virtual void end() = 0;

   protected:
    ~Sink() = default;
  };

  /// Takes what can be taken of the bytes and returns how many that was: the rest is to be given
  /// again, with more. Throws BenchError if this is not HTTP as we know it.
  std::size_t take(std::string_view bytes, Sink& sink);
  /// The connection has ended; true if that was the end of an answer.
  bool end_of_input(Sink& sink);

 private:
  enum class State : std::uint8_t { head, sized, chunk_line, chunk, chunk_end, trailer, to_end };

  bool step(std::string_view& rest, Sink& sink);
  bool take_head(std::string_view& rest, Sink& sink);
  bool take_body(std::string_view& rest, Sink& sink);
  bool take_chunk_line(std::string_view& rest);
  bool take_chunk_end(std::string_view& rest);
  bool take_trailer(std::string_view& rest, Sink& sink);
  void finish(Sink& sink);

  State state_ = State::head;
  std::uint64_t left_ = 0;  ///< of the body or chunk
};

}  // namespace tidemark::tools::bench
