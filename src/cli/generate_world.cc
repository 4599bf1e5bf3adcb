#include "cli/generate_world.h"

#include <algorithm>
#include <cmath>

namespace tarn::cli {
namespace {

constexpr double kEventsAtScaleOne = 1e6;
constexpr double kUsersAtScaleOne = 20'000;
constexpr double kEventsPerSession = 6.5;  // the mean of 1…12
constexpr int kMaxSessionEvents = 12;
constexpr int64_t kLongestGapMs = 120'000;

enum Topic : uint64_t { kSessionTopic = 1, kEventTopic = 2 };

uint64_t AtLeast(uint64_t least, double value) {
  return std::max<uint64_t>(least, static_cast<uint64_t>(std::llround(value)));
}

}  // namespace

World::World(uint64_t seed, double scale, int days, int64_t end_day)
    : seed_(seed), days_(days), first_day_(end_day - days + 1) {
  const uint64_t users = AtLeast(20, kUsersAtScaleOne * scale);
  users_per_day_ = users / 50;
  users_at_start_ = users - std::min(users / 2, users_per_day_ * days);
  sessions_per_day_ = AtLeast(1, kEventsAtScaleOne * scale / days / kEventsPerSession);
}

Session World::SessionAt(int day, uint64_t index) const {
  Draw draw(seed_, kSessionTopic, day, index);
  Session session;
  session.id = draw.Next();
  // The square makes some users far more active than others.
  const double skew = static_cast<double>(draw.Below(1 << 30)) / (1 << 30);
  session.user = static_cast<uint64_t>(skew * skew * static_cast<double>(UsersBefore(day)));
  const uint64_t platform = draw.Below(100);
  session.platform = platform < 48 ? 0 : platform < 74 ? 1 : platform < 97 ? 2 : 3;
  session.events = 1 + static_cast<int>(draw.Below(kMaxSessionEvents));
  // Sessions come in the order of their start and end before midnight, so that a day is closed.
  const int64_t usable = kDayMs - session.events * kLongestGapMs - 60'000;
  const uint64_t slot = index * 1000 + draw.Below(1000);
  session.start_ms = DayStartMs(day) +
                     static_cast<int64_t>(static_cast<double>(usable) * static_cast<double>(slot) /
                                          (1000.0 * sessions_per_day_));
  session.details = draw.Next();
  return session;
}

Event World::EventAt(int day, const Session& session, int number, int64_t* clock_ms) const {
  Draw draw(seed_, kEventTopic, session.id, number);
  Event event;
  event.id_high = draw.Next();
  event.id_low = draw.Next();
  *clock_ms += number == 0 ? 0 : 200 + static_cast<int64_t>(draw.Below(kLongestGapMs - 200));
  event.occurred_ms = *clock_ms;
  const uint64_t type = draw.Below(100);
  event.type = type < 55   ? EventType::kPageView
               : type < 85 ? EventType::kClick
               : type < 93 ? EventType::kFormSubmit
               : type < 97 ? EventType::kPurchase
                           : EventType::kError;
  event.received_ms = event.occurred_ms + 50 + static_cast<int64_t>(draw.Below(5000));
  event.details = draw.Next();
  AddFate(day, draw, &event);
  return event;
}

void World::AddFate(int day, Draw& draw, Event* event) const {
  const int64_t end_ms = DayStartMs(days_);
  const uint64_t fate = draw.Below(1000);
  if (fate < 20) {
    const bool hours = draw.PerMille(600);
    const int64_t delay =
        kLateAfterMs + 60'000 + static_cast<int64_t>(draw.Below((hours ? 20 : 66) * kLateAfterMs));
    // What would arrive after the last day arrives in time instead: the data has an end.
    if (event->occurred_ms + delay < end_ms && delay < kMaxDelayDays * kDayMs - kDayMs / 8) {
      event->received_ms = event->occurred_ms + delay;
      event->late = true;
    }
  } else if (fate < 35) {
    event->redelivered = true;
    event->exact_copy = draw.PerMille(500);
    event->redelivered_ms = event->received_ms + 1000 + static_cast<int64_t>(draw.Below(20'000));
    if (draw.PerMille(500)) event->redelivered_ms += kDayMs / 2;
    if (event->redelivered_ms >= end_ms) event->redelivered_ms = event->received_ms;
  } else if (fate < 43) {
    event->fault = static_cast<EventFault>(1 + draw.Below(3));
  } else if (fate < 48) {
    event->fault = static_cast<EventFault>(4 + draw.Below(4));
  }
  event->garbage_after = draw.PerMille(3);
}

}  // namespace tarn::cli
