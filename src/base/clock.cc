#include "base/clock.h"

#include <chrono>
#include <cstdio>
#include <thread>

namespace tarn {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

class SystemClock final : public Clock {
 public:
  int64_t NowMicros() override {
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  }
  int64_t MonotonicMicros() override {
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  }
  void SleepMicros(int64_t micros) override {
    std::this_thread::sleep_for(std::chrono::microseconds(micros));
  }
};

struct Civil {
  int64_t year;
  unsigned month;
  unsigned day;
};

// Howard Hinnant's civil calendar algorithm (public domain description).
Civil CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_index = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * month_index + 2) / 5 + 1;
  const unsigned month = month_index < 10 ? month_index + 3 : month_index - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

bool ParseZone(const char* text, int64_t* offset_micros) {
  if (*text == '\0' || (text[0] == 'Z' && text[1] == '\0')) {
    *offset_micros = 0;
    return true;
  }
  int hours = 0;
  int minutes = 0;
  int used = 0;
  if ((*text != '+' && *text != '-') || std::sscanf(text + 1, "%2d%n", &hours, &used) != 1 ||
      used != 2) {
    return false;
  }
  const char* rest = text + 3;
  if (*rest == ':') ++rest;
  if (*rest != '\0' && std::sscanf(rest, "%2d", &minutes) != 1) return false;
  const int64_t magnitude = (hours * 3600LL + minutes * 60LL) * kMicrosPerSecond;
  *offset_micros = *text == '-' ? -magnitude : magnitude;
  return true;
}

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

int64_t ManualClock::NowMicros() {
  std::lock_guard lock(mutex_);
  return now_micros_;
}

void ManualClock::Advance(int64_t micros) {
  std::lock_guard lock(mutex_);
  now_micros_ += micros;
}

int64_t DaysFromCivil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

std::string FormatDate(int64_t days_since_epoch) {
  const Civil civil = CivilFromDays(days_since_epoch);
  char out[40];
  std::snprintf(out, sizeof out, "%04lld-%02u-%02u", static_cast<long long>(civil.year),
                civil.month, civil.day);
  return out;
}

std::string FormatTimestampUtc(int64_t micros) {
  int64_t days = micros / kMicrosPerDay;
  int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  const int64_t seconds = rest / kMicrosPerSecond;
  char out[40];
  std::snprintf(out, sizeof out, "T%02d:%02d:%02d.%06dZ", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60),
                static_cast<int>(rest % kMicrosPerSecond));
  return FormatDate(days) + out;
}

Result<int64_t> ParseTimestampUtc(const std::string& text) {
  const auto fail = [&] {
    return Status::InvalidArgument(
        "'" + text + "' is not a timestamp; write YYYY-MM-DD[ HH:MM[:SS[.ffffff]]][Z]");
  };
  int year = 0;
  int month = 0;
  int day = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%d%n", &year, &month, &day, &used) != 3) return fail();
  if (month < 1 || month > 12 || day < 1 || day > 31) return fail();
  int64_t micros = DaysFromCivil(year, month, day) * kMicrosPerDay;
  const char* rest = text.c_str() + used;
  if (*rest == 'T' || *rest == ' ') {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (std::sscanf(rest + 1, "%2d:%2d%n", &hour, &minute, &used) != 2) return fail();
    rest += 1 + used;
    if (*rest == ':') {
      if (std::sscanf(rest + 1, "%2d%n", &second, &used) != 1) return fail();
      rest += 1 + used;
    }
    if (hour > 23 || minute > 59 || second > 60) return fail();
    micros += (hour * 3600LL + minute * 60LL + second) * kMicrosPerSecond;
    if (*rest == '.') {
      int64_t scale = kMicrosPerSecond / 10;
      for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10)
        micros += (*rest - '0') * scale;
    }
    while (*rest == ' ') ++rest;
  }
  int64_t offset_micros = 0;
  if (!ParseZone(rest, &offset_micros)) return fail();
  return micros - offset_micros;
}

}  // namespace tarn
