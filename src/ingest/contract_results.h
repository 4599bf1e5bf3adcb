// ContractResults: system.contract_results, a row per rule and commit, from what the commits of
// Bronze tables say of themselves (judge_account.h). Nothing is scanned.
//
// What it is: a follower of a table's log. `Follow` notes where it stands before the first record
// is judged; `Collect` appends the accounts of the commits since then, together with the version it
// has read up to, in one commit: each account is there once, whoever collects and whenever it is
// killed. Of two that collect at once one does nothing.
//
// Rows: target_table, contract, contract_version, rule, action, table_version, batch_time, judged,
// failed, max_delay_seconds, replay, batch_date. Rule `records` (action null) is one row of every
// judged commit: how many records were judged, how many of them were not flawless, and the longest
// delay. A broken rule is a row with its action; `<field>.null` (action `count`) says how many
// records had none of the field. A rule without a row had nothing to say in that commit.
//
// A table that was dropped and made anew is followed from its beginning.
//
// Threads: one user at a time. The engine outlives it. Errors: those of the engine.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "ingest/judge_account.h"

namespace tarn::ingest {

class ContractResults {
 public:
  static constexpr const char* kTable = "system.contract_results";

  static Result<std::unique_ptr<ContractResults>> Open(engine::Engine& engine, Clock& clock);

  // Begins to follow a table that nobody followed so far; idempotent.
  Status Follow(const std::string& table);
  // What came since the last time, for every table followed by this object.
  Status Collect();
  // For one table that somebody follows; nothing when nobody does.
  Status CollectOf(const std::string& table);

 private:
  struct Place {
    int64_t epoch = 0;
    int64_t through = -1;  // version of the Bronze table
  };
  struct Line {
    std::string contract, contract_version, rule, action;
    int64_t version = 0, time_micros = 0, judged = 0, failed = 0, max_delay_micros = 0;
    bool replay = false;
  };
  ContractResults(std::unique_ptr<engine::Session> session, Clock& clock)
      : session_(std::move(session)), clock_(clock) {}

  Status Prepare();
  Result<Place> ReadPlace(const std::string& table);
  Result<int64_t> VersionOf(const std::string& table);
  Result<std::vector<Line>> Read(const std::string& table, const Place& place, int64_t through);
  static void AddLines(const JudgeAccount& account, int64_t version, int64_t time_micros,
                       std::vector<Line>* lines);
  Status Append(const std::string& table, const Place& next, const std::vector<Line>& lines);

  std::unique_ptr<engine::Session> session_;
  Clock& clock_;
  std::map<std::string, bool> followed_;
};

}  // namespace tarn::ingest
