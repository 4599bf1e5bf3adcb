// What a correct pipeline must find in generated data, counted while it is made, and truth.json.
//
// Not thread-safe. Units: money in minor units of its currency (cents, yen).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "cli/generate.h"
#include "cli/generate_world.h"

namespace tarn::cli {

// lines = malformed + duplicates + quarantined + silver.
struct StreamTruth {
  uint64_t lines = 0;
  uint64_t malformed = 0;    // no record at all: dead letters
  uint64_t duplicates = 0;   // further copies of a record
  uint64_t quarantined = 0;  // records that cannot be typed
  uint64_t silver = 0;
  uint64_t dq_failed = 0;  // of silver
  uint64_t late = 0;       // of silver
};

struct ActivityTruth {
  uint64_t dau = 0, sessions = 0, events = 0, late = 0;
};

struct RevenueTruth {
  int64_t gross = 0, refunds = 0;
};

struct Truth {
  StreamTruth events, users, transactions, sessions;
  uint64_t refunds = 0;                 // refund rows that pass the rules
  std::vector<ActivityTruth> activity;  // day * kPlatformCount + platform; rows that pass the rules
  // (day, currency, platform), rows that pass the rules
  std::map<std::tuple<int, std::string, size_t>, RevenueTruth> revenue;
  uint64_t user_versions = 0, users_current = 0, users_deleted = 0;
  // Users that have signed up and are not deleted when the day begins; one entry more than days.
  std::vector<int64_t> users_alive;
};

std::string TruthJson(const Truth& truth, const GenerateOptions& options, const World& world);

// The part of truth.json that names what was asked for: equal means equal data.
std::string ParametersJson(const GenerateOptions& options);

}  // namespace tarn::cli
