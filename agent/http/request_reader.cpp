#include "http/request_reader.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

#include "http/errors.h"

namespace syncnode::http {
namespace beast = boost::beast;
using beast::string_view;
using beast::http::error;
using beast::http::field;

namespace {

constexpr size_t kMostFields = 100;
constexpr size_t kLongestChunkLine = 4096;  // a chunk's size line, or the trailer; nobody needs more

}  // namespace

// Beast's own parser keeps every field in a list; this one keeps the few that matter, so that a head of
// thousands of small fields costs no more memory than its limit.
class RequestReader::Parser : public beast::http::basic_parser<true> {
 public:
  Parser() {
    header_limit(std::numeric_limits<uint32_t>::max());  // limits one read only; advance() limits the whole
    body_limit(std::numeric_limits<uint64_t>::max());    // routes differ: limit_ below
  }

  RequestHead head;
  std::string body;
  size_t limit = 0;
  Response refused;

 private:
  void refuse(beast::error_code& code, int status, std::string_view word, std::string_view detail) {
    refused = refusal(status, word, detail, "");
    code = error::bad_field;
  }

  void on_request_impl(beast::http::verb /*verb*/, string_view method, string_view target, int /*version*/,
                       beast::error_code& /*code*/) override {
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
  }

  void on_response_impl(int /*code*/, string_view /*reason*/, int /*version*/,
                        beast::error_code& /*code*/) override {}

  void on_field_impl(field name, string_view name_text, string_view value, beast::error_code& code) override {
    if (in_body_) return;  // a trailer changes nothing
    if (++fields_ > kMostFields) {
      return refuse(code, 431, "head_too_large", "the request has more than 100 header fields");
    }
    std::string* kept = nullptr;
    switch (name) {
      case field::host:
        kept = &head.host;
        break;
      case field::authorization:
        kept = &head.authorization;
        break;
      case field::content_type:
        kept = &head.content_type;
        break;
      case field::if_match:
        kept = &head.if_match;
        break;
      case field::if_none_match:
        kept = &head.if_none_match;
        break;
      case field::expect:
        kept = &head.expect;
        break;
      case field::transfer_encoding:
        kept = &transfer_encoding_;
        break;
      default:
        if (equal_without_case({name_text.data(), name_text.size()}, "X-Sync-Node-Forwarded")) {
          kept = &forwarded_;
        }
    }
    if (kept == nullptr) return;
    if (!kept->empty()) return refuse(code, 400, "bad_request", "a header field is given twice");
    kept->assign(value.data(), value.size());
  }

  void on_header_impl(beast::error_code& code) override {
    in_body_ = true;
    if (!transfer_encoding_.empty() && !equal_without_case(transfer_encoding_, "chunked")) {
      return refuse(code, 400, "bad_request", "the only transfer encoding understood is 'chunked'");
    }
    head.chunked = chunked();
    if (const auto length = content_length()) head.content_length = *length;
    head.keep_alive = keep_alive();
    head.forwarded = forwarded_ == "1";
  }

  void on_body_init_impl(const boost::optional<uint64_t>& /*length*/, beast::error_code& /*code*/) override {}

  size_t keep(string_view part, beast::error_code& code) {
    if (part.size() > limit - std::min(limit, body.size())) {
      code = error::body_limit;
      return 0;
    }
    body.append(part.data(), part.size());
    return part.size();
  }

  size_t on_body_impl(string_view part, beast::error_code& code) override { return keep(part, code); }
  void on_chunk_header_impl(uint64_t size, string_view /*extensions*/, beast::error_code& code) override {
    if (size > limit - std::min(limit, body.size())) code = error::body_limit;
  }
  size_t on_chunk_body_impl(uint64_t /*left*/, string_view part, beast::error_code& code) override {
    return keep(part, code);
  }
  void on_finish_impl(beast::error_code& /*code*/) override {}

  size_t fields_ = 0;
  bool in_body_ = false;
  std::string transfer_encoding_, forwarded_;
};

RequestReader::RequestReader(size_t head_limit)
    : head_limit_(head_limit), parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

const RequestHead& RequestReader::head() const {
  return parser_->head;
}
std::string& RequestReader::body() {
  return parser_->body;
}
Response RequestReader::refused() const {
  return parser_->refused;
}
void RequestReader::limit_body(size_t bytes) {
  parser_->limit = bytes;
}
void RequestReader::next() {
  parser_ = std::make_unique<Parser>();
  head_bytes_ = 0;
  head_told_ = false;
}

RequestReader::Progress RequestReader::advance(std::string& pending) {
  size_t used = 0;
  Progress progress = Progress::kNeedsMore;
  while (true) {
    if (parser_->is_header_done() && !head_told_) {
      head_told_ = true;
      progress = Progress::kHead;
      break;
    }
    if (parser_->is_done()) {
      progress = Progress::kComplete;
      break;
    }
    if (used == pending.size()) break;
    const bool in_head = !parser_->is_header_done();
    beast::error_code code;
    const size_t taken =
        parser_->put(boost::asio::const_buffer(pending.data() + used, pending.size() - used), code);
    used += taken;
    if (in_head) head_bytes_ += taken;
    const size_t waiting = pending.size() - used;
    const bool too_much = code == error::need_more &&
                          (in_head ? head_bytes_ + waiting > head_limit_ : waiting > kLongestChunkLine);
    if ((in_head && head_bytes_ > head_limit_) || (in_head && too_much)) {
      parser_->refused = refusal(431, "head_too_large", "the request's head is too large", "");
      progress = Progress::kRefused;
      break;
    }
    if (code == error::need_more && !too_much) break;
    if (code == error::body_limit) {
      parser_->refused = refusal(413, "body_too_large", "the request's body is larger than this takes", "");
    } else if (code && parser_->refused.status == 200) {
      parser_->refused = refusal(400, "bad_request", "not HTTP: " + code.message(), "");
    }
    if (code) {
      progress = Progress::kRefused;
      break;
    }
  }
  pending.erase(0, used);
  return progress;
}

}  // namespace syncnode::http
