// The world `tarn generate` describes, as pure functions of (seed, scale, days): who the users are,
// which sessions and events each day has, and what goes wrong with each. Nothing is stored, so any
// day can be asked for again: that is how an event arrives days late without being kept in memory.
//
// Threads: immutable after construction. Units: times are milliseconds since the epoch, UTC; days
// are counted from the first day of the data.
#pragma once

#include <cstdint>
#include <string_view>

namespace tarn::cli {

inline constexpr int64_t kDayMs = 86'400'000;
inline constexpr int kMaxDelayDays = 3;  // of a late event or a refund
inline constexpr int64_t kLateAfterMs = 3'600'000;

// Random numbers that belong to a place: the same key gives the same numbers. splitmix64, inlined,
// because drawing is most of the generator's work.
class Draw {
 public:
  Draw(uint64_t seed, uint64_t topic, uint64_t a = 0, uint64_t b = 0) {
    state_ = seed ^ (topic * 0x9E3779B97F4A7C15ull);
    state_ = Next() ^ a;
    state_ = Next() ^ b;
  }
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound).
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  bool PerMille(uint64_t chance) { return Below(1000) < chance; }

 private:
  uint64_t state_;
};

enum class EventType { kPageView, kClick, kFormSubmit, kPurchase, kError };
inline constexpr std::string_view kEventTypes[] = {"page_view", "click", "form_submit", "purchase",
                                                   "error"};
inline constexpr std::string_view kPlatforms[] = {"WEB", "IOS", "ANDROID", "BACKEND"};
inline constexpr size_t kPlatformCount = 4;

// What is wrong with an event. A flagged one reaches Silver with dq_passed = false; a quarantined
// one cannot be typed and does not reach it.
enum class EventFault {
  kNone,
  kUnknownType,      // flagged
  kUnknownPlatform,  // flagged
  kFromTheFuture,    // flagged: it happened hours after it was received
  kNoEventId,        // quarantined
  kNoUserId,         // quarantined
  kNoType,           // quarantined
  kUnreadableTime,   // quarantined
};
constexpr bool IsQuarantined(EventFault fault) { return fault >= EventFault::kNoEventId; }
constexpr bool IsFlagged(EventFault fault) {
  return fault != EventFault::kNone && !IsQuarantined(fault);
}

struct Session {
  uint64_t id = 0;
  uint64_t user = 0;
  size_t platform = 0;
  int64_t start_ms = 0;
  int events = 0;
  uint64_t details = 0;  // seeds what the line says besides
};

struct Event {
  uint64_t id_high = 0, id_low = 0;
  EventType type = EventType::kPageView;
  int64_t occurred_ms = 0;  // true time; a fault may have the line say another
  int64_t received_ms = 0;
  EventFault fault = EventFault::kNone;
  bool late = false;
  bool redelivered = false;
  int64_t redelivered_ms = 0;  // when the copy is received
  bool exact_copy = false;     // the copy has the same bytes, its own receipt time otherwise
  bool garbage_after = false;  // a malformed line follows
  uint64_t details = 0;
};

class World {
 public:
  World(uint64_t seed, double scale, int days, int64_t end_day);

  int days() const { return days_; }
  uint64_t seed() const { return seed_; }
  int64_t DayStartMs(int day) const { return (first_day_ + day) * kDayMs; }
  int64_t EpochDay(int day) const { return first_day_ + day; }
  // The day a time falls in; times of the data fall in [0, days()), a future event's may not.
  int DayOf(int64_t ms) const { return static_cast<int>((ms - first_day_ * kDayMs) / kDayMs); }

  // Users are numbered in the order they sign up; these exist when the day begins.
  uint64_t UsersBefore(int day) const { return users_at_start_ + users_per_day_ * day; }
  uint64_t AllUsers() const { return UsersBefore(days_); }
  uint64_t SessionsPerDay() const { return sessions_per_day_; }

  Session SessionAt(int day, uint64_t index) const;
  // REQUIRES: events of a session are asked for in order, `clock_ms` starting at session.start_ms;
  // it is moved to the event's time.
  Event EventAt(int day, const Session& session, int number, int64_t* clock_ms) const;

  template <typename Visit>
  void ForEachEvent(int day, const Visit& visit) const {
    for (uint64_t i = 0; i < sessions_per_day_; ++i) {
      const Session session = SessionAt(day, i);
      int64_t clock_ms = session.start_ms;
      for (int n = 0; n < session.events; ++n) visit(session, EventAt(day, session, n, &clock_ms));
    }
  }

 private:
  void AddFate(int day, Draw& draw, Event* event) const;

  uint64_t seed_;
  int days_;
  int64_t first_day_;  // since the epoch
  uint64_t users_at_start_, users_per_day_, sessions_per_day_;
};

}  // namespace tarn::cli
