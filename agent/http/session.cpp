#include "http/session.h"

#include "http/errors.h"
#include "http/exchange.h"
#include "http/response_text.h"

namespace syncnode::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

bool on_loopback(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

}  // namespace

Session::Session(Shared& shared, std::unique_ptr<Stream> stream, const Tcp::endpoint& peer)
    : shared_(shared),
      stream_(std::move(stream)),
      peer_on_loopback_(on_loopback(peer.address())),
      reader_(shared.limits.head_bytes) {
  caller_.name = "HTTP " + peer.address().to_string();
}

Session::~Session() {
  release_body();
}

void Session::start() {
  place_ = shared_.connections.add(shared_from_this());
  enter(State::kShaking, shared_.limits.request);
  stream_->accept([self = shared_from_this()](ErrorState state) {
    if (self->state_ == State::kClosed) return;
    if (state) return self->close();
    self->await_request();
  });
}

void Session::await_request() {
  reader_.next();
  release_body();
  ++number_;
  if (shared_.draining) return linger();
  shared_.connections.wait_for_peer(place_);
  if (pending_.empty()) {
    enter(State::kIdle, shared_.limits.idle);
    return read();
  }
  enter(State::kReading, shared_.limits.request);  // sent ahead, behind the last request
  go_on();
}

void Session::read() {
  stream_->read_some(
      boost::asio::buffer(chunk_),
      [self = shared_from_this()](ErrorState state, size_t bytes) { self->on_read(state, bytes); });
}

void Session::on_read(ErrorState state, size_t bytes) {
  if (state_ == State::kClosed) return;
  if (too_late_) {
    return refuse(refusal(408, "request_timeout", "the request was not complete in time",
                          "send head and body without pauses"));
  }
  if (state) return close();
  if (state_ == State::kIdle) enter(State::kReading, shared_.limits.request);
  pending_.append(chunk_.data(), bytes);
  go_on();
}

void Session::go_on() {
  while (true) {
    switch (reader_.advance(pending_)) {
      case RequestReader::Progress::kNeedsMore:
        return read();
      case RequestReader::Progress::kHead:
        if (!admit()) return;
        break;
      case RequestReader::Progress::kComplete:
        return ask();
      case RequestReader::Progress::kRefused:
        return refuse(reader_.refused());
    }
  }
}

// False when go_on() must not: the request was answered, or its body is being invited first.
bool Session::admit() {
  const RequestHead& head = reader_.head();
  const Doorkeeper doorkeeper{shared_.host_names, shared_.token, shared_.limits};
  auto judged = doorkeeper.judge(head, peer_on_loopback_);
  if (auto* response = std::get_if<Response>(&judged)) {
    if (head.has_body()) {
      refuse(*response);
    } else {
      respond(*response, head.keep_alive);
    }
    return false;
  }
  admitted_ = std::get<Admitted>(std::move(judged));
  if (!head.has_body()) return true;
  if (!promise_body()) {
    refuse(refusal(503, "busy", "this node is reading too many bodies already", "try again in a second"));
    return false;
  }
  if (head.expect.empty() || !pending_.empty()) return true;
  stream_->write(kContinue, [self = shared_from_this()](ErrorState state, size_t /*bytes*/) {
    if (self->state_ == State::kClosed) return;
    if (state && !self->too_late_) return self->close();
    self->read();
  });
  return false;
}

bool Session::promise_body() {
  const size_t most = std::min(admitted_.route->body.most, shared_.limits.body_bytes);
  const size_t bytes = reader_.head().chunked ? most : static_cast<size_t>(*reader_.head().content_length);
  if (shared_.body_bytes + bytes > shared_.limits.bodies_bytes) return false;
  promised_ = bytes;
  shared_.body_bytes += bytes;
  reader_.limit_body(most);
  return true;
}

void Session::release_body() {
  shared_.body_bytes -= promised_;
  promised_ = 0;
}

// Strangers may fill only a small part of the queue.
bool Session::too_many_questions() const {
  if (admitted_.route->source == Source::kMemory) return false;
  const Limits& limits = shared_.limits;
  return shared_.answers->open_count() >=
         (admitted_.route->access == Access::kOpen ? limits.open_calls : limits.calls);
}

void Session::ask() {
  shared_.connections.work(place_);
  enter(State::kAsking, shared_.limits.answer);
  caller_.may_read = caller_.may_change = admitted_.route->access == Access::kToken;
  caller_.forwarded = reader_.head().forwarded;
  const Reply reply(shared_.answers, [weak = weak_from_this(), number = number_](const Response& response) {
    if (auto self = weak.lock()) self->answer(number, response);
  });
  if (too_many_questions()) {
    return reply(refusal(503, "busy", "too many questions are open already", "try again in a second"));
  }
  admitted_.route->handle(
      {shared_.control, caller_, reader_.head(), admitted_.target, admitted_.names, reader_.body()}, reply);
}

void Session::answer(uint64_t number, const Response& response) {
  if (state_ != State::kAsking || number != number_) return;
  respond(response, reader_.head().keep_alive);
}

void Session::refuse(const Response& response) {
  respond(response, false);
}

void Session::respond(const Response& response, bool keep_alive) {
  keep_alive = keep_alive && !shared_.draining;
  out_ = to_bytes(response, {keep_alive, reader_.head().method == "HEAD"});
  shared_.connections.wait_for_peer(place_);
  enter(State::kWriting, shared_.limits.write);
  stream_->write(out_, [self = shared_from_this(), keep_alive](ErrorState state, size_t /*bytes*/) {
    self->on_written(state, keep_alive);
  });
}

void Session::on_written(ErrorState state, bool keep_alive) {
  if (state_ == State::kClosed) return;
  if (state) return close();
  std::string().swap(out_);  // a large answer is not kept while the connection idles
  if (keep_alive) return await_request();
  linger();
}

// Closing while the peer still sends would reset the connection and could take the answer with it.
void Session::linger() {
  enter(State::kLingering, shared_.limits.linger);
  stream_->end([self = shared_from_this()](ErrorState state) {
    if (self->state_ == State::kClosed) return;
    if (state) return self->close();
    self->discard();
  });
}

void Session::discard() {
  stream_->discard_some(boost::asio::buffer(chunk_),
                        [self = shared_from_this()](ErrorState state, size_t /*bytes*/) {
                          if (self->state_ == State::kClosed) return;
                          if (state) return self->close();
                          self->discard();
                        });
}

void Session::enter(State state, std::chrono::milliseconds limit) {
  state_ = state;
  deadline_ = deadline_in(limit);
}

void Session::expire() {
  if (state_ == State::kReading && !too_late_) {
    too_late_ = true;
    deadline_ = deadline_in(shared_.limits.linger);
    return stream_->cancel();
  }
  if (state_ != State::kAsking) return close();
  answer(number_, refusal(504, "deadline_exceeded", "no answer came in time",
                          "a change may still have happened: look before trying again"));
}

void Session::drain() {
  if (state_ == State::kIdle || state_ == State::kShaking) close();
}

void Session::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  stream_->close();
  const auto self = shared_from_this();  // the list may hold the last reference
  shared_.connections.remove(place_);
}

}  // namespace syncnode::http
