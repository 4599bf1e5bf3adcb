// Supervisor: runs streams until told to stop; one that fails is started again after a pause and
// never takes another down.
//
// How: each stream has a thread. A stream that others may run as well (a Kafka group shares its
// partitions) runs in every process; any other runs where its lease is, and elsewhere as soon as
// that process is silent. Processes that share a lake hold about as many leases each.
//
// Threads: all calls are safe from any thread; Stop once. Lifetime: what the jobs refer to outlives
// the supervisor.
//
// Errors: none; what goes wrong is in the statuses and in the log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "operate/stream_status.h"
#include "store/object_store.h"

namespace tarn::operate {

// Where a running stream reports; safe to call from the stream's thread at any rate.
using ReportTo = std::function<void(const StreamStatus&)>;

struct StreamJob {
  std::string name, kind, target;
  bool shared = false;  // may run in several processes at once
  int64_t max_lag_micros = 0;
  // Runs until the stop is requested (then it returns soon) or it fails. Called again after that.
  std::function<Status(std::stop_token stop, const ReportTo& report)> run;
};

struct SupervisorOptions {
  std::string instance;  // of the process; unique on the lake
  int64_t lease_ttl_micros = 10'000'000;
  int64_t look_micros = 1'500'000;  // between two looks at leases, and two statuses
  int64_t first_pause_micros = 500'000;
  int64_t longest_pause_micros = 30'000'000;
};

class Supervisor {
 public:
  Supervisor(std::shared_ptr<store::ObjectStore> store, SupervisorOptions options, Log& log,
             Clock& clock = Clock::System());
  ~Supervisor();

  void Start(std::vector<StreamJob> jobs);
  // Asks every stream to stop and waits for them; leases are released, the status object removed.
  void Stop();
  ProcessStatus Snapshot() const;

 private:
  struct Slot;
  void RunShared(Slot& slot, std::stop_token stop);
  void RunLeased(Slot& slot, std::stop_token stop);
  // One life of the stream, its failure noted. Returns when it ended.
  void RunOnce(Slot& slot, std::stop_token stop);
  bool Pause(Slot& slot, std::stop_token stop);
  void SetState(Slot& slot, StreamState state, const std::string& holder = "");
  void Report(Slot& slot, const StreamStatus& said);
  void WriteStatus(std::stop_token stop);
  // More leases than its share, as others are alive too.
  bool HoldsTooMany() const;
  bool Sleep(std::stop_token stop, int64_t micros) const;

  std::shared_ptr<store::ObjectStore> store_;
  SupervisorOptions options_;
  Log& log_;
  Clock& clock_;
  int64_t started_micros_ = 0;
  std::vector<std::unique_ptr<Slot>> slots_;
  mutable std::mutex mutex_;  // guards the slots' statuses and the two below
  size_t held_ = 0;
  size_t processes_ = 1;
  std::jthread status_thread_;
};

// The statuses that processes wrote lately, own one included. `silent_micros`: older ones are of
// dead processes and left out.
Result<std::vector<ProcessStatus>> ReadStatuses(store::ObjectStore& store, int64_t now_micros,
                                                int64_t silent_micros = 15'000'000);

}  // namespace tarn::operate
