// Session: one connection, from its first byte to its last: read a request, judge its head, read its body,
// ask, answer, again. One request at a time; what a peer sends ahead waits in the socket. Has one deadline at
// any moment, which Connections watches. Refuses to outlive its server: answers that come later find it gone.
// On the loop's thread only; closing twice is closing once.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "control/control.h"
#include "http/answers.h"
#include "http/connections.h"
#include "http/host_names.h"
#include "http/limits.h"
#include "http/request_reader.h"
#include "http/routes.h"
#include "http/stream.h"

namespace syncnode::http {

// What all sessions of a server share; outlives them, on the loop's thread.
struct Shared {
  control::Control& control;
  const Limits limits;
  const HostNames host_names;
  std::string token;
  std::shared_ptr<Answers> answers;
  Connections connections;
  size_t body_bytes = 0;  // promised to requests that are being read or worked on
  bool draining = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Shared& shared, std::unique_ptr<Stream> stream, const Tcp::endpoint& peer);
  ~Session();

  void start();  // once, right after construction
  Deadline deadline() const { return deadline_; }
  void expire();  // the deadline is over
  void drain();   // the server is stopping
  void close();

 private:
  enum class State { kShaking, kIdle, kReading, kAsking, kWriting, kLingering, kClosed };

  void await_request();
  void read();
  void on_read(ErrorState state, size_t bytes);
  void go_on();
  bool admit();
  bool promise_body();
  bool too_many_questions() const;
  void ask();
  void answer(uint64_t number, const Response& response);
  void refuse(
      const Response& response);  // answers, then closes: what follows on this connection is not understood
  void respond(const Response& response, bool keep_alive);
  void on_written(ErrorState state, bool keep_alive);
  void linger();
  void discard();
  void enter(State state, std::chrono::milliseconds limit);
  void release_body();

  Shared& shared_;
  const std::unique_ptr<Stream> stream_;
  const bool peer_on_loopback_;
  control::Caller caller_;
  Connections::Place place_;
  State state_ = State::kShaking;
  bool too_late_ = false;  // the request was not complete in time
  Deadline deadline_{};
  RequestReader reader_;
  Admitted admitted_;
  uint64_t number_ = 0;  // of the request; an answer to an earlier one is too late
  size_t promised_ = 0;  // of shared_.body_bytes
  std::array<char, 8192> chunk_{};
  std::string pending_, out_;
};

}  // namespace syncnode::http
