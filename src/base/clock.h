// Clock: where time comes from, so that tests and the simulator can own it.
//
// Threads: implementations are safe for concurrent calls. Units are in the names.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"

namespace tarn {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, microseconds since 1970-01-01T00:00:00Z. May jump either way.
  virtual int64_t NowMicros() = 0;
  // Monotone time for durations, microseconds since an arbitrary start.
  virtual int64_t MonotonicMicros() = 0;
  virtual void SleepMicros(int64_t micros) = 0;

  int64_t NowMillis() { return NowMicros() / 1000; }
  // The machine's clock; lives for the whole process.
  static Clock& System();
};

// A clock that moves only when told to; SleepMicros advances it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t start_micros) : now_micros_(start_micros) {}
  int64_t NowMicros() override;
  int64_t MonotonicMicros() override { return NowMicros(); }
  void SleepMicros(int64_t micros) override { Advance(micros); }
  void Advance(int64_t micros);

 private:
  std::mutex mutex_;
  int64_t now_micros_;
};

// "2026-11-23T13:05:07.123456Z".
std::string FormatTimestampUtc(int64_t micros_since_epoch);
// Reads "YYYY-MM-DD", optionally "[ T]HH:MM[:SS[.f…]]" and "Z" or "±HH:MM"; no zone means UTC.
Result<int64_t> ParseTimestampUtc(const std::string& text);
// Days since 1970-01-01 (proleptic Gregorian) and back to "YYYY-MM-DD".
int64_t DaysFromCivil(int64_t year, unsigned month, unsigned day);
std::string FormatDate(int64_t days_since_epoch);

}  // namespace tarn
