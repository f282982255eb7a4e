// Hearing: whether notices reach a session on the one channel of sync-node, and how that is found out without
// waiting. A direct session listens at once. Behind a pooler an accepted LISTEN proves nothing: in
// transaction mode it succeeds and nothing ever comes (measured). There a probe from a second connection
// decides, some time later, while the session does what else it has to do. Refuses to count a payload that
// may have come with the answer to a statement: the server process that was told to listen serves it now and
// then, and delivers along with an answer what never reaches a session that only waits. One thread, the
// connection's.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "postgres/connection.h"
#include "postgres/notice_probe.h"

namespace syncnode::postgres {

class Hearing {
 public:
  // `payload`: what the probes of this object begin with, and nobody else's notice does.
  Hearing(ConnectOptions options, std::string payload);

  void connected(const Connection& connection);  // a new one: nothing is known of it
  void about_to_ask();                           // a statement follows: notices may come with its answer
  bool works() const { return state_ == State::kHears; }  // on the present connection

  // Does what is due, at most one round trip on `connection`; how long the owner may wait for notices before
  // it calls again: `deadline` at the latest.
  Deadline advance(Connection& connection, Deadline deadline);
  // A notice came: true when it was a probe, which is nobody else's business.
  bool takes(std::string_view payload);

 private:
  enum class State {
    kUntried,  // until begin_at_
    kProbing,  // until probe_until_
    kHears,
    kDeaf,  // looked often enough: nothing comes
  };
  void begin(Connection& connection, Deadline deadline);
  void conclude(Connection& connection, Deadline deadline);
  void failed(const Connection& connection);

  const ConnectOptions options_;
  const std::string payload_;
  State state_ = State::kUntried;
  std::unique_ptr<NoticeProbe> probe_;
  uint64_t probes_ = 0;  // numbers them: a late one must not be taken for the next
  std::string expected_;
  Deadline begin_at_{}, probe_until_{};
  int failures_ = 0;  // of all connections of a pooler
};

}  // namespace syncnode::postgres
