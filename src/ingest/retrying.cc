#include "ingest/retrying.h"

#include <algorithm>

namespace tarn::ingest {
namespace {

constexpr int kTransientAttempts = 8;

}  // namespace

bool MeansReadAgain(const Status& status) {
  return status.retry() == RetryClass::kAfterRefresh ||
         status.retry() == RetryClass::kOutcomeUnknown;
}

Status RetryTransient(Clock& clock, int64_t longest_micros, const std::stop_token& stop,
                      const std::string& what, const std::function<Status()>& attempt) {
  int64_t pause = kFirstBackoffMicros;
  for (int i = 1;; ++i) {
    const Status status = attempt();
    if (status.ok()) return status;
    if (status.retry() != RetryClass::kBackoff || i == kTransientAttempts ||
        stop.stop_requested()) {
      return status.WithContext(what);
    }
    clock.SleepMicros(pause);
    pause = std::min(pause * 2, longest_micros);
  }
}

}  // namespace tarn::ingest
