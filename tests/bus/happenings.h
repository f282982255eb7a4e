// Happenings: lines that tell what happened, in order, from any thread; waiting for one with a deadline.
// Listener: the signals of a private bus as such lines ("JobStarted job-1 acme"), heard on a connection of
// its own; destroy it before the bus is killed.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "bus/loop.h"

namespace syncnode::bus {

class Happenings {
 public:
  void add(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::move(line));
    }
    changed_.notify_all();
  }
  // Some line contains `part` (`times` lines do).
  bool wait_for(const std::string& part, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return count_locked(part) >= times; });
  }
  size_t count(const std::string& part) {
    const std::lock_guard lock(mutex_);
    return count_locked(part);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  size_t count_locked(const std::string& part) const {
    return static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    }));
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class HappeningsLog final : public Log {
 public:
  explicit HappeningsLog(Happenings& where) : where_(where) {}
  void write(LogLevel, std::string_view message) override { where_.add(std::string(message)); }

 private:
  Happenings& where_;
};

class Listener {
 public:
  explicit Listener(const std::string& address) : connection_(open_bus(address)) {
    const auto listen = [this](const std::string& match, auto describe) {
      matches_.push_back(
          connection_->addMatch("type='signal'," + match, [this, describe](sdbus::Message& signal) {
            heard.add(signal.getMemberName() + describe(signal));
          }));
    };
    const std::string sync = "interface='org.openwebui.SyncNode1.Sync',member=";
    listen(sync + "'JobStarted'", [](sdbus::Message& m) {
      std::string job, client;
      m >> job >> client;
      return " " + job + " " + client;
    });
    listen(sync + "'JobProgress'", [](sdbus::Message& m) {
      std::string job, table;
      int64_t done = 0, total = 0;
      m >> job >> table >> done >> total;
      return " " + job + " " + table + " " + std::to_string(done) + " " + std::to_string(total);
    });
    listen(sync + "'JobFinished'", [](sdbus::Message& m) {
      std::string job, client, status;
      m >> job >> client >> status;
      return " " + job + " " + client + " " + status;
    });
    listen("interface='org.openwebui.SyncNode1.Leader',member='LeadershipChanged'", [](sdbus::Message& m) {
      bool is_leader = false;
      std::string leader;
      uint64_t epoch = 0;
      m >> is_leader >> leader >> epoch;
      return (is_leader ? " yes " : " no ") + leader + " " + std::to_string(epoch);
    });
    listen("interface='org.freedesktop.DBus.Properties',path='/org/openwebui/SyncNode1'",
           [](sdbus::Message& m) {
             std::string interface, text;
             std::map<std::string, sdbus::Variant> changed;
             m >> interface >> changed;
             for (const auto& [name, value] : changed) text += " " + name + ":" + value.peekValueType();
             return " " + interface + text;
           });
    listen("interface='org.freedesktop.DBus',member='NameOwnerChanged'", [](sdbus::Message& m) {
      std::string name, before, now;
      m >> name >> before >> now;
      return " " + name + " [" + now + "]";
    });
    connection_->enterEventLoopAsync();
  }
  ~Listener() { connection_->leaveEventLoop(); }  // its thread uses what is destroyed next

  Happenings heard;

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::vector<sdbus::Slot> matches_;
};

}  // namespace syncnode::bus
