// Connections: all sessions of a server, in the order in which their peers began to keep us waiting. So the
// one to drop for a newcomer is always the first, and nobody can fill the house by doing nothing. Owns the
// sessions; on the loop's thread.
#pragma once

#include <list>
#include <memory>

#include "base/clock.h"

namespace syncnode::http {

class Session;

class Connections {
 public:
  using List = std::list<std::shared_ptr<Session>>;
  // Where a session stands in the lists; kept by the session.
  struct Place {
    List::iterator at;
    bool waiting = false;
  };

  Place add(std::shared_ptr<Session> session);
  void remove(const Place& place);
  void wait_for_peer(Place& place);  // from now on the peer's turn: behind all who wait longer
  void work(Place& place);           // our turn: cannot be dropped

  size_t size() const { return waiting_.size() + working_.size(); }
  bool drop_longest_waiting();  // false when we owe all of them an answer
  void expire(Deadline now);    // ends every session whose time is over
  void drain();                 // ends idle ones; the others end with their answer
  void close_all();

 private:
  std::list<std::shared_ptr<Session>> all() const;

  List waiting_, working_;
};

}  // namespace syncnode::http
