#include "http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "http/stream.h"
#include "http/tls.h"

namespace syncnode::http {
namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr size_t kLargestHead = 64 << 10;
constexpr size_t kLargestBody = 64 << 20;

bool fits_a_line(std::string_view text, bool blanks) {
  return std::all_of(text.begin(), text.end(),
                     [blanks](char c) { return (c > ' ' && c != '\x7f') || (blanks && c == ' '); });
}

Status check(const Request& request) {
  bool fits = fits_a_line(request.method, false) && fits_a_line(request.target, false) &&
              request.target.starts_with('/');
  for (const auto& [name, value] : request.headers) {
    fits = fits && fits_a_line(name, false) && fits_a_line(value, true);
  }
  if (fits) return {};
  return Error{ErrorCode::kInvalidArgument, "the HTTP request has a character that cannot be sent",
               "percent-encode names in the path"};
}

std::string bytes_of(const Request& request, const ClientOptions& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  std::string out = fmt::format("{} {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nConnection: close\r\n", request.method,
                                request.target, v6 ? "[" : "", options.host, v6 ? "]" : "", options.port);
  if (!options.token.empty()) out += fmt::format("Authorization: Bearer {}\r\n", options.token);
  for (const auto& [name, value] : request.headers) out += fmt::format("{}: {}\r\n", name, value);
  if (!request.body.empty()) out += "Content-Type: application/json\r\n";
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    out += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  return out + "\r\n" + request.body;
}

// The steps of one call, each started by the one before; all on the caller's thread, in loop.run_for().
class Call {
 public:
  Call(asio::io_context& loop, const ClientOptions& options, const Request& request, TlsContext tls)
      : options_(options),
        where_(fmt::format("'{}' port {}", options.host, options.port)),
        changes_(request.method != "GET" && request.method != "HEAD"),
        out_(bytes_of(request, options)),
        tls_(std::move(tls)),
        resolver_(loop),
        socket_(loop) {
    parser_.header_limit(kLargestHead);
    parser_.body_limit(kLargestBody);
    parser_.skip(request.method == "HEAD");
    parser_.eager(true);
  }

  void start() {
    ErrorState not_an_address;
    const auto address = asio::ip::make_address(options_.host, not_an_address);
    if (!not_an_address) return connect(std::array{Tcp::endpoint(address, options_.port)});
    resolver_.async_resolve(options_.host, std::to_string(options_.port),
                            [this](ErrorState state, const Tcp::resolver::results_type& found) {
                              if (state) return fail(state, "looking up");
                              connect(found);
                            });
  }

  Result<Response> take() {
    if (result_) return *std::move(result_);
    if (sent_ && changes_) return outcome_unknown("no answer came in time");
    return Error{ErrorCode::kDeadlineExceeded, fmt::format("{} gave no answer in time", where_),
                 "look whether the node runs: systemctl status 'sync-node@*'"};
  }

 private:
  template <typename Endpoints>
  void connect(const Endpoints& endpoints) {
    asio::async_connect(socket_, endpoints, [this](ErrorState state, const Tcp::endpoint& /*chosen*/) {
      if (state) return fail(state, "connecting to");
      stream_ =
          tls_ ? tls_stream(std::move(socket_), *tls_, options_.host) : plain_stream(std::move(socket_));
      stream_->connect([this](ErrorState shaken) {
        if (shaken) return fail(shaken, "agreeing on TLS with");
        write();
      });
    });
  }

  void write() {
    sent_ = true;
    stream_->write(out_, [this](ErrorState state, size_t /*bytes*/) {
      // A server may refuse and close before it read everything: its answer is worth more than our error.
      write_failure_ = state;
      read();
    });
  }

  void read() {
    stream_->read_some(asio::buffer(chunk_), [this](ErrorState state, size_t bytes) {
      pending_.append(chunk_.data(), bytes);
      on_read(state);
    });
  }

  void on_read(ErrorState state) {
    beast::error_code code;
    if (!pending_.empty()) {
      pending_.erase(0, parser_.put(asio::const_buffer(pending_.data(), pending_.size()), code));
    }
    if (code == beast::http::error::need_more) code = {};
    if (code || pending_.size() > kLargestHead) return fail(code, "understanding the answer of");
    if (state && !parser_.is_done() && parser_.got_some()) parser_.put_eof(code);
    if (parser_.is_done()) return finish();
    if (state) return fail(write_failure_ ? write_failure_ : state, "reading the answer of");
    read();
  }

  void finish() {
    auto message = parser_.release();
    Response response;
    response.status = message.result_int();
    response.body = std::move(message.body());
    response.content_type.clear();
    for (const auto& field : message) {
      response.headers.emplace_back(field.name_string().to_string(), field.value().to_string());
      if (field.name() == beast::http::field::content_type) response.content_type = field.value().to_string();
    }
    result_ = std::move(response);
  }

  Error outcome_unknown(std::string_view why) const {
    return {ErrorCode::kOutcomeUnknown, fmt::format("the change was sent to {}, but {}", where_, why),
            "read it back before trying again"};
  }

  void fail(ErrorState state, std::string_view doing) {
    if (sent_ && changes_) {
      result_ = outcome_unknown(state.message());
      return;
    }
    result_ = Error{ErrorCode::kUnavailable, fmt::format("{} {}: {}", doing, where_, state.message()),
                    "look whether the node runs and listens there"};
  }

  const ClientOptions& options_;
  const std::string where_;
  const bool changes_;
  const std::string out_;
  const TlsContext tls_;
  Tcp::resolver resolver_;
  Tcp::socket socket_;
  std::unique_ptr<Stream> stream_;
  bool sent_ = false;
  ErrorState write_failure_;
  std::array<char, 16384> chunk_{};
  std::string pending_;
  beast::http::response_parser<beast::http::string_body> parser_;
  std::optional<Result<Response>> result_;
};

}  // namespace

Result<Response> Client::send(const Request& request, Deadline deadline) const {
  SN_TRY(check(request));
  TlsContext tls;
  if (options_.tls) {
    SN_ASSIGN(tls, client_context(options_.ca_file));
  }
  try {
    asio::io_context loop(1);
    Call call(loop, options_, request, std::move(tls));
    call.start();
    loop.run_for(std::max(deadline - BootClock::now(), BootClock::duration(0)));
    return call.take();
  } catch (const std::exception& error) {
    return Error{ErrorCode::kResourceExhausted, fmt::format("the HTTP request failed: {}", error.what()), ""};
  }
}

}  // namespace syncnode::http
