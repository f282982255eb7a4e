// Door: the object /org/openwebui/SyncNode1. Each method decodes its arguments, asks Authority, calls Control
// and answers when Control does; nothing is decided here. Signals tell what happened. Bus thread only; lives
// as long as the connection.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <string>
#include <vector>

#include "bus/authority.h"
#include "bus/calls.h"
#include "bus/mailbox.h"
#include "control/control.h"

namespace syncnode::bus {

class Door {
 public:
  // Exports at once; throws sdbus::Error.
  Door(sdbus::IConnection& connection, control::Control& control, Authority& authority, Calls& calls,
       std::shared_ptr<Mailbox> mailbox);

  void leadership_changed(const control::LeadershipView& now);
  template <typename... Arguments>
  void emit_sync(const char* name, const Arguments&... arguments) {
    auto signal = object_->createSignal("org.openwebui.SyncNode1.Sync", name);
    static_cast<void>((signal << ... << arguments));
    object_->emitSignal(signal);
  }

 private:
  struct Method {
    const char* interface;
    const char* name;
    const char* in;
    std::vector<std::string> in_names;
    const char* out = "";
    std::vector<std::string> out_names = {};
  };
  struct Access {
    Right right = Right::kOpen;
    const char* not_found = nullptr;
  };
  // Decodes the arguments and calls Control; a returned error is the answer.
  using Handle = std::function<Status(const control::Caller& caller, sdbus::MethodCall& call, Calls::Id id)>;

  void add_leader();
  void add_node();
  void add_sync();
  void add_state();
  void add_conflicts();
  void method(const Method& method, Access access, Handle handle);
  void arrive(const sdbus::MethodCall& call, Access access, const Handle& handle);
  void act(const control::Caller& caller, Calls::Id id, const Handle& handle);

  // Control's answer, brought back to the bus thread. `write` puts it into the reply.
  template <typename T>
  control::Done<T> later(Calls::Id id, std::function<void(sdbus::MethodReply&, const T&)> write) {
    return [mailbox = mailbox_, calls = &calls_, id, write = std::move(write)](Result<T> result) {
      mailbox->post([calls, id, write, result = std::move(result)] {
        if (!result) return calls->fail(id, result.error());
        calls->answer(id, [&](sdbus::MethodReply& reply) { write(reply, *result); });
      });
    };
  }
  control::Done<void> later_done(Calls::Id id);

  control::Control& control_;
  Authority& authority_;
  Calls& calls_;
  const std::shared_ptr<Mailbox> mailbox_;
  std::unique_ptr<sdbus::IObject> object_;
};

}  // namespace syncnode::bus
