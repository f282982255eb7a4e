// RequestReader: bytes in, requests out, one after the other; the body only after its head was judged. Bounds
// what it keeps: of a head only the fields the door looks at, of a body what the route allows. Refuses
// what two readers could understand differently (two lengths, two hosts, unknown codings). Owned by one
// session, on the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"

namespace syncnode::http {

struct RequestHead {
  std::string method, target, host, authorization, content_type, if_match, if_none_match, expect;
  bool forwarded = false;  // X-Sync-Node-Forwarded: 1
  bool keep_alive = false;
  bool chunked = false;
  std::optional<uint64_t> content_length;

  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

class RequestReader {
 public:
  explicit RequestReader(size_t head_limit);
  ~RequestReader();

  enum class Progress {
    kNeedsMore,
    kHead,      // head() is complete; advance() again reads the body
    kComplete,  // body() too
    kRefused,   // refused() says how to answer; the stream cannot be read on
  };
  // Takes what it understood off the front of `pending`.
  Progress advance(std::string& pending);

  const RequestHead& head() const;
  std::string& body();
  Response refused() const;

  void limit_body(size_t bytes);  // between kHead and the next advance()
  void next();                    // forget this request, read another

 private:
  class Parser;
  const size_t head_limit_;
  size_t head_bytes_ = 0;
  bool head_told_ = false;
  std::unique_ptr<Parser> parser_;
};

}  // namespace syncnode::http
