#include "bus/driver.h"

#include "bus/error_names.h"

namespace syncnode::bus {
namespace {

constexpr const char* kName = "org.freedesktop.DBus";
constexpr const char* kPath = "/org/freedesktop/DBus";

Status status_of(const sdbus::Error* error) {
  if (error == nullptr) return {};
  return error_from(error->getName(), error->getMessage());
}

}  // namespace

Driver::Driver(sdbus::IConnection& connection) : proxy_(sdbus::createProxy(connection, kName, kPath)) {}

sdbus::MethodCall Driver::call(const char* method, const std::string& name) {
  auto message = proxy_->createMethodCall(kName, method);
  message << name;
  return message;
}

NameReply Driver::request_name_now(const std::string& name, uint32_t flags) {
  auto message = call("RequestName", name);
  message << flags;
  uint32_t answer = 0;
  proxy_->callMethod(message) >> answer;
  return static_cast<NameReply>(answer);
}

uint32_t Driver::pid_now(const std::string& name) {
  uint32_t pid = 0;
  try {
    proxy_->callMethod(call("GetConnectionUnixProcessID", name)) >> pid;
  } catch (const sdbus::Error&) {  // it ended meanwhile, or lives in another pid namespace
    return 0;
  }
  return pid;
}

uid_t Driver::uid_now(const std::string& name) {
  uint32_t uid = 0;
  proxy_->callMethod(call("GetConnectionUnixUser", name)) >> uid;
  return uid;
}

void Driver::request_name(const std::string& name, uint32_t flags, Answered done) {
  auto message = call("RequestName", name);
  message << flags;
  proxy_->callMethod(message, [done = std::move(done)](sdbus::MethodReply&, const sdbus::Error* error) {
    done(status_of(error));
  });
}

void Driver::release_name(const std::string& name, Answered done) {
  proxy_->callMethod(
      call("ReleaseName", name),
      [done = std::move(done)](sdbus::MethodReply&, const sdbus::Error* error) { done(status_of(error)); });
}

void Driver::uid(const std::string& name, std::function<void(Result<uid_t>)> done) {
  proxy_->callMethod(call("GetConnectionUnixUser", name),
                     [done = std::move(done)](sdbus::MethodReply& reply, const sdbus::Error* error) {
                       if (error != nullptr) return done(std::move(status_of(error)).error());
                       uint32_t uid = 0;
                       reply >> uid;
                       done(static_cast<uid_t>(uid));
                     });
}

void Driver::owned(const std::string& name, std::function<void(bool)> done) {
  proxy_->callMethod(call("NameHasOwner", name),
                     [done = std::move(done)](sdbus::MethodReply& reply, const sdbus::Error* error) {
                       bool owned = false;
                       if (error == nullptr) reply >> owned;
                       done(owned);
                     });
}

}  // namespace syncnode::bus
