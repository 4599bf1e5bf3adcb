// How the ingestors try again: what passes by itself is tried a few times, what another writer did
// is answered by reading the table's state once more.
//
// Threads: free functions; RetryTransient sleeps on `clock`. Errors: those of the attempt.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"

namespace tarn::ingest {

inline constexpr int64_t kFirstBackoffMicros = 50'000;
// A conflict without any progress of the stream is another writer's work on the table; this many in
// a row are something that a person should look at.
inline constexpr int kConflictsInARow = 100;

// Conflicts and unknown outcomes are settled by reading the state again.
bool MeansReadAgain(const Status& status);

// Runs `attempt` up to eight times while its error is of RetryClass::kBackoff and nobody stops,
// with pauses that double up to `longest_micros`. The last error comes back with `what` as its
// context.
Status RetryTransient(Clock& clock, int64_t longest_micros, const std::stop_token& stop,
                      const std::string& what, const std::function<Status()>& attempt);

}  // namespace tarn::ingest
