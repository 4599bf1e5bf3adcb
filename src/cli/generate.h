// Generate: example data of a small web shop, the same on every machine for the same seed, scale
// and days, together with the truth about it.
//
// Under `out`: events/*.ndjson and sessions/*.ndjson (one file per day of receipt), users/*.ndjson
// (change records in the Debezium envelope; or .csv), transactions/*.csv (sales and refunds), and
// truth.json: what a correct pipeline must count. Real mess is included and counted: late arrivals,
// re-delivered records, malformed lines, records without a key or with unreadable values, broken
// rules, ties in change times, personal data, names in many scripts.
//
// Nothing here looks at a clock or at the machine: the end date is an option with a fixed default,
// so that results repeat to the byte.
//
// What it does not do: no lake, no SQL. Memory: a few MB plus one bit per user. Threads: one call
// at a time per folder. Errors: kAlreadyExists when the folder holds data made with other options;
// kIo, kResource.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace tarn::cli {

struct GenerateOptions {
  std::string out;
  double scale = 1;  // 1: about a million events
  uint64_t seed = 42;
  int days = 14;
  int64_t end_day = 20543;  // days since 1970-01-01, the last one with data: 2026-03-31
  bool gzip = false;
  bool users_csv = false;
  bool overwrite = false;  // replace data made with other options
};

struct GenerateReport {
  uint64_t events = 0, users = 0, transactions = 0, sessions = 0;  // lines written
  uint64_t files = 0;
  uint64_t bytes = 0;  // before compression
};

// `progress` gets the fraction done after each day; may be empty.
Result<GenerateReport> Generate(const GenerateOptions& options,
                                const std::function<void(double)>& progress);

}  // namespace tarn::cli
