// Lease: which of several processes on one lake runs a piece of work, agreed on in the lake itself.
//
// How: a lease has epochs. Epoch n + 1 is claimed by put-if-absent of an object, so one claimant
// wins. The holder of the newest epoch rewrites its heartbeat object; who sees the same heartbeat
// for `ttl` on its own monotonic clock may claim the next epoch. No clocks are compared between
// machines. A holder trusts its lease for less than `ttl` from before its last heartbeat was
// written, so that it stops before anybody else may start.
//
// What it does not do: it cannot stop a process that was paused and wakes up from writing; whoever
// writes must be fenced at the target (the epochs in the commits of streams are).
//
// Objects, below "<folder>/<name>/": "<epoch>.claim", "<epoch>.beat". Old ones are removed.
//
// Threads: one user at a time. Errors: the store's; a failed Renew keeps the lease until its time
// is over.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "store/object_store.h"

namespace tarn::operate {

struct LeaseOptions {
  std::string folder = "_tarn/leases";
  std::string name;    // of the work; one path segment
  std::string holder;  // of the process, for people and for telling two apart
  int64_t ttl_micros = 10'000'000;
};

class Lease {
 public:
  Lease(std::shared_ptr<store::ObjectStore> store, LeaseOptions options,
        Clock& clock = Clock::System());

  // One look, and a claim when the lease is free or its holder silent for `ttl`. True: held now.
  // Call it every few seconds; the silence is measured between calls.
  Result<bool> TryAcquire();
  // Writes the heartbeat. False: somebody else has the lease, stop at once.
  Result<bool> Renew();
  // Held, and for how long without another Renew; 0 or less: do not rely on it any more.
  int64_t LeftMicros() const;
  // Lets others claim it at once. Harmless when not held.
  Status Release();

  int64_t epoch() const { return epoch_; }
  // Who has it, as last seen; empty: nobody.
  const std::string& seen_holder() const { return seen_holder_; }

 private:
  std::string Key(int64_t epoch, const char* kind) const;
  Result<int64_t> NewestEpoch();
  Status WriteBeat(bool released);
  void RemoveOld();

  std::shared_ptr<store::ObjectStore> store_;
  LeaseOptions options_;
  Clock& clock_;
  bool held_ = false;
  int64_t epoch_ = 0;
  int64_t beats_ = 0;
  int64_t trusted_until_micros_ = 0;  // monotonic
  // The heartbeat of another holder, and since when it has not changed.
  int64_t seen_epoch_ = -1;
  std::string seen_beat_;
  std::string seen_holder_;
  int64_t seen_since_micros_ = 0;
};

}  // namespace tarn::operate
