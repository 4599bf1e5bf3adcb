#include <numeric>

#include "cli/generate_lines.h"
#include "cli/generate_text.h"
#include "cli/render.h"

namespace tarn::cli {
namespace {

enum Topic : uint64_t { kUser = 30, kChange = 31, kLineFate = 32 };

// What a change can alter. The name is fixed by the user's number.
struct UserState {
  uint64_t domain = 0, place = 0, tier = 0, segment = 0, phone = 0;
  int64_t signup_day = 0;  // since the epoch
  bool operator==(const UserState&) const = default;
};

struct UserChange {
  char op = 'u';  // Debezium's: c, u, d, r
  int64_t ms = 0;
  uint64_t lsn = 0;  // orders what has the same time
  int file_day = 0;  // day of receipt
  UserState after;
};

// Which day a user signed up; 0 also for those who were there before.
int SignupDay(const World& world, uint64_t user) {
  const uint64_t at_start = world.UsersBefore(0);
  if (user < at_start) return 0;
  const uint64_t per_day = world.UsersBefore(1) - at_start;
  return static_cast<int>((user - at_start) / per_day);
}

bool ChangesOn(const World& world, uint64_t user, int day, Draw* draw) {
  *draw = Draw(world.seed(), kChange, user, day);
  return draw->PerMille(12);
}

UserChange FirstChange(const World& world, uint64_t user) {
  Draw draw(world.seed(), kUser, user);
  UserChange change;
  UserState& state = change.after;
  state.domain = user % kMailDomains.size();
  state.place = user % kPlaces.size();
  state.tier = draw.PerMille(600) ? 0 : draw.Below(kTiers.size());
  state.segment = draw.Below(kSegments.size());
  state.phone = draw.Below(10'000'000);
  const int day = SignupDay(world, user);
  if (user < world.UsersBefore(0)) {
    change.op = 'r';
    change.ms = world.DayStartMs(0) - kDayMs - static_cast<int64_t>(draw.Below(700 * kDayMs));
  } else {
    change.op = 'c';
    change.ms = world.DayStartMs(day) + static_cast<int64_t>(draw.Below(kDayMs));
  }
  state.signup_day = change.ms / kDayMs;
  change.lsn = static_cast<uint64_t>(change.ms) * 10;
  change.file_day = day;
  return change;
}

void Alter(UserState* state, Draw& draw) {
  const uint64_t what = draw.Below(100);
  if (what < 10) return;  // a change record that changes nothing
  if (what < 55) {
    state->tier = (state->tier + 1 + draw.Below(kTiers.size() - 1)) % kTiers.size();
  } else if (what < 70) {
    state->place = draw.Below(kPlaces.size());
  } else if (what < 85) {
    state->domain = (state->domain + 1) % kMailDomains.size();
  } else if (what < 95) {
    state->phone = draw.Below(10'000'000);
  } else {
    state->segment = (state->segment + 1) % kSegments.size();
  }
}

// The changes of one user up to and including `last_day`, in the order they happened.
void Replay(const World& world, uint64_t user, int last_day, std::vector<UserChange>* changes) {
  changes->clear();
  changes->push_back(FirstChange(world, user));
  const int first = user < world.UsersBefore(0) ? 0 : SignupDay(world, user) + 1;
  Draw draw(0, 0);
  for (int day = first; day <= last_day; ++day) {
    if (!ChangesOn(world, user, day, &draw)) continue;
    UserChange change;
    change.after = changes->back().after;
    change.ms = world.DayStartMs(day) + static_cast<int64_t>(draw.Below(kDayMs));
    change.lsn = static_cast<uint64_t>(change.ms) * 10;
    const bool late = draw.PerMille(50) && day + 1 < world.days();
    change.file_day = day + (late ? 1 : 0);
    if (draw.PerMille(8)) {
      change.op = 'd';
      changes->push_back(change);
      return;
    }
    Alter(&change.after, draw);
    changes->push_back(change);
    if (draw.PerMille(50)) {
      // Two changes in one millisecond: only the log's position says which came last.
      ++change.lsn;
      Alter(&change.after, draw);
      changes->push_back(change);
    }
  }
}

std::string Email(const UserState& state, uint64_t user) {
  std::string email(kPersonNames[user % kPersonNames.size()].ascii);
  AppendNumber(&email, user);
  email += '@';
  return email.append(kMailDomains[state.domain]);
}

std::string Phone(const UserState& state) {
  std::string phone(kPlaces[state.place].phone_code);
  AppendPadded(&phone, state.phone, 7);
  return phone;
}

void AppendJsonLine(std::string* out, const UserChange& change, const std::string& key,
                    uint64_t user) {
  const UserState& state = change.after;
  *out += "{\"op\":\"";
  *out += change.op;
  *out += "\",\"ts_ms\":";
  AppendNumber(out, change.ms);
  *out += ",\"source\":{\"connector\":\"postgresql\",\"db\":\"shop\",\"table\":\"users\",\"lsn\":";
  AppendNumber(out, change.lsn);
  *out += "},\"before\":";
  *out += change.op == 'u' || change.op == 'd' ? "{\"user_id\":" + key + "}" : "null";
  *out += ",\"after\":";
  if (change.op == 'd') {
    *out += "null}\n";
    return;
  }
  *out += "{\"user_id\":" + key + ",\"full_name\":";
  *out += JsonString(kPersonNames[user % kPersonNames.size()].full);
  *out += ",\"email\":\"" + Email(state, user) + "\",\"phone\":\"" + Phone(state);
  *out += "\",\"country\":\"";
  *out += kPlaces[state.place].country;
  *out += "\",\"city\":\"";
  *out += kPlaces[state.place].city;
  *out += "\",\"subscription_tier\":\"";
  *out += kTiers[state.tier];
  *out += "\",\"segment\":\"";
  *out += kSegments[state.segment];
  *out += "\",\"signup_date\":\"";
  AppendDate(out, state.signup_day);
  *out += "\"}}\n";
}

void AppendCsvLine(std::string* out, const UserChange& change, const std::string& key,
                   uint64_t user) {
  const UserState& state = change.after;
  *out += change.op;
  *out += ',';
  AppendNumber(out, change.ms);
  *out += ',';
  AppendNumber(out, change.lsn);
  *out += ',' + key;
  if (change.op == 'd') {
    *out += ",,,,,,,,\n";
    return;
  }
  *out += ',' + CsvField(kPersonNames[user % kPersonNames.size()].full) + ',' + Email(state, user) +
          ',' + Phone(state) + ',';
  *out += kPlaces[state.place].country;
  *out += ',' + CsvField(kPlaces[state.place].city) + ',';
  *out += kTiers[state.tier];
  *out += ',';
  *out += kSegments[state.segment];
  *out += ',';
  AppendDate(out, state.signup_day);
  *out += '\n';
}

// The change and what goes wrong on its way: a copy, a record without its key, a broken line.
void WriteChange(const World& world, const UserChange& change, uint64_t user, bool csv,
                 GenerateFile& file, StreamTruth* truth) {
  Draw draw(world.seed(), kLineFate, user, change.lsn);
  std::string& out = file.buffer();
  std::string id;
  AppendUserId(&id, user);
  const auto append = [&](const std::string& key) {
    csv ? AppendCsvLine(&out, change, key, user) : AppendJsonLine(&out, change, key, user);
    ++truth->lines;
  };
  const std::string key = csv ? id : "\"" + id + "\"";
  append(key);
  ++truth->silver;
  if (draw.PerMille(10)) {
    append(key);
    ++truth->duplicates;
  }
  if (draw.PerMille(2)) {
    append(csv ? "" : "null");
    ++truth->quarantined;
  }
  if (draw.PerMille(3)) {
    out += csv ? "u,17,cut off\n" : std::string(kGarbage[draw.Below(kGarbage.size())]) + "\n";
    ++truth->lines;
    ++truth->malformed;
  }
  file.Spill();
}

}  // namespace

const char* const kUsersHeader =
    "op,ts_ms,lsn,user_id,full_name,email,phone,country,city,subscription_tier,segment,signup_"
    "date\n";

void WriteUserChanges(const World& world, int day, bool csv, GenerateFile& file,
                      StreamTruth* truth) {
  if (csv) file.buffer() += kUsersHeader;
  std::vector<UserChange> changes;
  Draw draw(0, 0);
  for (uint64_t user = 0; user < world.UsersBefore(day + 1); ++user) {
    const bool signs_up = SignupDay(world, user) == day;
    // Most users do not change on most days: look closer only at those who did, today or yesterday.
    if (!signs_up && !ChangesOn(world, user, day, &draw) &&
        !(day > 0 && ChangesOn(world, user, day - 1, &draw))) {
      continue;
    }
    Replay(world, user, day, &changes);
    for (const UserChange& change : changes) {
      if (change.file_day == day) WriteChange(world, change, user, csv, file, truth);
    }
  }
}

void CountUserHistory(const World& world, Truth* truth) {
  std::vector<UserChange> changes;
  truth->users_alive.assign(world.days() + 1, 0);
  // The first beginning of a day after a moment.
  const auto day_after = [&](int64_t ms) {
    return ms < world.DayStartMs(0) ? 0 : world.DayOf(ms) + 1;
  };
  for (uint64_t user = 0; user < world.AllUsers(); ++user) {
    Replay(world, user, world.days() - 1, &changes);
    ++truth->users_alive[day_after(changes.front().ms)];
    if (changes.back().op == 'd') --truth->users_alive[day_after(changes.back().ms)];
    UserState current;
    bool alive = false;
    for (size_t i = 0; i < changes.size(); ++i) {
      // Of changes at one time the last one holds.
      if (i + 1 < changes.size() && changes[i + 1].ms == changes[i].ms) continue;
      if (changes[i].op == 'd') {
        alive = false;
        ++truth->users_deleted;
      } else if (!alive || !(current == changes[i].after)) {
        current = changes[i].after;
        alive = true;
        ++truth->user_versions;
      }
    }
    if (alive) ++truth->users_current;
  }
  std::partial_sum(truth->users_alive.begin(), truth->users_alive.end(),
                   truth->users_alive.begin());
}

}  // namespace tarn::cli
