#include "http/connections.h"

#include "http/session.h"

namespace syncnode::http {

Connections::Place Connections::add(std::shared_ptr<Session> session) {
  return {waiting_.insert(waiting_.end(), std::move(session)), true};
}

void Connections::remove(const Place& place) {
  (place.waiting ? waiting_ : working_).erase(place.at);
}

void Connections::wait_for_peer(Place& place) {
  waiting_.splice(waiting_.end(), place.waiting ? waiting_ : working_, place.at);
  place.waiting = true;
}

void Connections::work(Place& place) {
  working_.splice(working_.end(), place.waiting ? waiting_ : working_, place.at);
  place.waiting = false;
}

bool Connections::drop_longest_waiting() {
  if (waiting_.empty()) return false;
  const std::shared_ptr<Session> first = waiting_.front();  // close() takes it off the list
  first->close();
  return true;
}

// Copies, because what is done to a session may take it off its list.
Connections::List Connections::all() const {
  List copy(waiting_);
  copy.insert(copy.end(), working_.begin(), working_.end());
  return copy;
}

void Connections::expire(Deadline now) {
  List over;
  for (const List* list : {&waiting_, &working_}) {
    for (const auto& session : *list) {
      if (session->deadline() <= now) over.push_back(session);
    }
  }
  for (const auto& session : over) session->expire();
}

void Connections::drain() {
  for (const auto& session : all()) session->drain();
}

void Connections::close_all() {
  for (const auto& session : all()) session->close();
}

}  // namespace syncnode::http
