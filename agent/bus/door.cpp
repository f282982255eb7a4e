#include "bus/door.h"

#include "bus/error_names.h"
#include "bus/names.h"
#include "bus/values.h"

namespace syncnode::bus {

using control::LeadershipView;

Door::Door(sdbus::IConnection& connection, control::Control& control, Authority& authority, Calls& calls,
           std::shared_ptr<Mailbox> mailbox)
    : control_(control),
      authority_(authority),
      calls_(calls),
      mailbox_(std::move(mailbox)),
      object_(sdbus::createObject(connection, kObjectPath)) {
  add_leader();
  add_node();
  add_sync();
  add_state();
  add_conflicts();
  object_->finishRegistration();
}

void Door::method(const Method& method, Access access, Handle handle) {
  object_->registerMethod(method.interface, method.name, method.in, method.in_names, method.out,
                          method.out_names,
                          [this, access, handle = std::move(handle)](const sdbus::MethodCall& call) {
                            arrive(call, access, handle);
                          });
}

void Door::arrive(const sdbus::MethodCall& call, Access access, const Handle& handle) {
  const std::string sender = call.getSender();
  const bool interactive = interaction_allowed(call);
  auto id = calls_.add(call, access.not_found);
  if (!id) throw bus_error(id.error());
  if (access.right == Right::kOpen) return act({.name = sender + " over D-Bus"}, *id, handle);
  authority_.decide(sender, access.right, interactive,
                    [this, id = *id, handle](const Result<control::Caller>& caller) {
                      if (!caller) return calls_.fail(id, caller.error());
                      act(*caller, id, handle);
                    });
}

void Door::act(const control::Caller& caller, Calls::Id id, const Handle& handle) {
  sdbus::MethodCall* call = calls_.find(id);
  if (call == nullptr) return;
  try {
    if (const Status status = handle(caller, *call, id); !status) calls_.fail(id, status.error());
  } catch (const sdbus::Error& error) {  // else the caller would wait, and the call lie here, for ever
    calls_.fail(id, error_from(error.getName(), error.getMessage()));
  }
}

control::Done<void> Door::later_done(Calls::Id id) {
  return [mailbox = mailbox_, calls = &calls_, id](Status status) {
    mailbox->post([calls, id, status = std::move(status)] {
      if (!status) return calls->fail(id, status.error());
      calls->answer(id, [](sdbus::MethodReply&) {});
    });
  };
}

void Door::add_leader() {
  sdbus::Flags constant;
  constant.set(sdbus::Flags::CONST_PROPERTY_VALUE);
  sdbus::Flags silent;
  silent.set(sdbus::Flags::EMITS_NO_SIGNAL);
  const auto property = [this](const char* name, const char* type, auto value, sdbus::Flags flags) {
    object_->registerProperty(
        kLeaderInterface, name, type,
        [this, value](sdbus::PropertyGetReply& reply) { reply << value(control_.leadership()); }, flags);
  };
  property(
      "NodeId", "s", [](const LeadershipView& view) { return bus_text(view.node_id); }, constant);
  property(
      "ClusterName", "s", [](const LeadershipView& view) { return bus_text(view.cluster_name); }, constant);
  property("IsLeader", "b", [](const LeadershipView& view) { return view.is_leader; }, {});
  property("LeaderId", "s", [](const LeadershipView& view) { return bus_text(view.leader_id); }, {});
  property("Epoch", "t", [](const LeadershipView& view) { return static_cast<uint64_t>(view.epoch); }, {});
  property(
      "LeaseExpiresUSec", "t",
      [](const LeadershipView& view) { return static_cast<uint64_t>(view.lease_expires_usec.value_or(0)); },
      silent);
  object_->registerSignal(kLeaderInterface, "LeadershipChanged", "bst", {"is_leader", "leader_id", "epoch"});
  method({kLeaderInterface, "StepDown", "", {}}, {Right::kManage},
         [this](const control::Caller& caller, sdbus::MethodCall&, Calls::Id id) -> Status {
           control_.step_down(caller, later_done(id));
           return {};
         });
}

void Door::leadership_changed(const LeadershipView& now) {
  object_->emitPropertiesChangedSignal(kLeaderInterface, {"IsLeader", "LeaderId", "Epoch"});
  auto signal = object_->createSignal(kLeaderInterface, "LeadershipChanged");
  signal << now.is_leader << bus_text(now.leader_id) << static_cast<uint64_t>(now.epoch);
  object_->emitSignal(signal);
}

void Door::add_node() {
  sdbus::Flags constant;
  constant.set(sdbus::Flags::CONST_PROPERTY_VALUE);
  object_->registerProperty(
      kNodeInterface, "Version", "s",
      [this](sdbus::PropertyGetReply& reply) { reply << bus_text(control_.health().version); }, constant);
  method({kNodeInterface, "GetHealth", "", {}, "a{sv}", {"health"}}, {Right::kOpen},
         [this](const control::Caller&, sdbus::MethodCall&, Calls::Id id) -> Status {
           calls_.answer(id, [this](sdbus::MethodReply& reply) { reply << to_dict(control_.health()); });
           return {};
         });
  method({kNodeInterface, "GetCluster", "", {}, "aa{sv}", {"hosts"}}, {Right::kOpen},
         [this](const control::Caller&, sdbus::MethodCall&, Calls::Id id) -> Status {
           control_.cluster(later<std::vector<control::ClusterHostView>>(
               id, [](sdbus::MethodReply& reply, const auto& hosts) { reply << to_dicts(hosts); }));
           return {};
         });
}

}  // namespace syncnode::bus
