// DeadLetters: looking at what was kept out of Bronze, and what becomes of it.
//
// The letters are append-only. What was decided about one is a row of system.dead_letter_actions:
// `replayed` (it is in its Bronze table now, at its own topic, partition and offset) or `discarded`
// (with a reason). A letter with neither is open.
//
// Replay, exactly once: a batch of letters is appended to Bronze in one commit whose position (lane
// "dead_letters/<source system>") names the letters; then their actions are appended under the same
// epoch. Whoever comes next, after a crash too, first records the actions that the position tells
// and only then looks which letters are open. Of two at work on one table one wins each epoch, the
// other looks again. Until the next replay a letter between the two commits is still listed as
// open.
//
// What is checked: letters of a judge (contracts, schemas) go through `judge` again; bytes that
// were no JSON must be JSON now. Whatever else was wrong, or without a judge, only `as_is` puts it
// into Bronze. A letter longer than what was kept of it (1 MiB) cannot be replayed.
//
// The replayed row is what Bronze would have had: payload, key, headers, event time, schema.
// Letters of tables that were made before those columns came have null there. A record that is in
// Bronze already (a judge said something else after a crash) is not written again.
//
// A letter's id is made of target table, system, topic, partition, offset, content and attempt.
//
// Threads: one user at a time. Errors: kNotFound when there is no table of dead letters; those of
// the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/engine.h"
#include "ingest/live_bronze_writer.h"
#include "ingest/record_judge.h"

namespace tarn::ingest {

struct LetterFilter {
  std::string id;      // or its beginning, 4 digits or more; empty: all
  std::string stream;  // source_topic
  std::string table;   // target_table
  std::string rule;    // "json.syntax", or "json.*"
  std::optional<int64_t> since_micros;
  std::string status = "open";  // open, replayed, discarded, all
  uint64_t limit = 0;           // 0: all
};

struct Letter {
  std::string id, status;
  std::string at;  // ingestion_timestamp
  std::string table, system, topic;
  int32_t partition = 0;
  int64_t offset = 0;
  std::optional<int64_t> line, byte_offset;
  std::string rule, reason;
  uint64_t payload_bytes = 0;  // full size
  uint64_t kept_bytes = 0;
  int attempt = 1;
  std::string content_id;  // SHA-256 of its file; empty for other sources
  std::string note;        // of the action: why it was discarded
};

// What was kept of the record itself.
struct LetterRecord {
  std::string payload;
  std::optional<std::string> key, schema;
  std::optional<int64_t> event_time_micros;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// Who judges the letters of a table, and which rules (by how they begin) are its own.
struct LetterJudge {
  RecordJudge* judge = nullptr;
  std::vector<std::string> rules;
};

struct DeadLetterOptions {
  std::string letters = "bronze.dead_letters";
  std::string actions = "system.dead_letter_actions";
  std::string pipeline_version;
  std::string by;         // who acts, for the table of actions
  std::string writer_id;  // unique per run
  // Called once per table; what it gives outlives the replay. Empty: nobody judges.
  std::function<Result<LetterJudge>(const std::string& table)> judge_of;
  bool as_is = false;
  uint64_t batch_bytes = 64ull << 20;
  size_t batch_letters = 2'000;
  Clock* clock = &Clock::System();
};

struct ReplayReport {
  uint64_t replayed = 0;
  uint64_t recovered = 0;  // were in Bronze already, after a replay or a stream that did not end
  uint64_t left = 0;       // still bad
  std::vector<std::pair<std::string, std::string>>
      why;  // id and reason of those left, the first 100
};

class DeadLetters {
 public:
  // The engine outlives it.
  static Result<std::unique_ptr<DeadLetters>> Open(engine::Engine& engine,
                                                   DeadLetterOptions options);

  // Oldest first.
  Result<std::vector<Letter>> List(const LetterFilter& filter);
  // What was kept of the record.
  Result<LetterRecord> Record(const std::string& id);
  Result<ReplayReport> Replay(const LetterFilter& filter);
  // How many were open and are discarded now.
  Result<uint64_t> Discard(const LetterFilter& filter, const std::string& reason);

 private:
  DeadLetters(engine::Engine& engine, DeadLetterOptions options)
      : engine_(engine), options_(std::move(options)) {}
  struct Target {
    std::string table, system;
    std::string lane, app_id;
    std::unique_ptr<LiveBronzeWriter> writer;
    LetterJudge judge;
  };
  // Letters of a batch that may go.
  struct Choice {
    sources::Batch batch;
    std::vector<Letter> written;  // as the batch's records
    std::vector<Letter> there;    // in Bronze already
    JudgeAccount account;
  };

  Result<bool> HasActions();
  Status PrepareActions();
  Result<std::string> ListQuery(const LetterFilter& filter);
  Status ReplayInto(Target* target, const LetterFilter& filter, ReplayReport* report);
  // Actions that the position of Bronze tells and the table of actions lacks.
  Status Recover(const Target& target, const StreamState& state, ReplayReport* report);
  Result<std::map<std::string, LetterRecord>> Records(const std::vector<std::string>& ids);
  Status Note(const std::string& app_id, int64_t epoch, const std::string& action,
              const std::string& reason, const std::vector<Letter>& letters, bool* landed);
  std::vector<Letter> NextBatch(const std::vector<Letter>& open,
                                const std::set<std::string>& tried) const;
  // The letters that may not go are counted as left.
  Status Choose(const Target& target, const std::vector<Letter>& letters, Choice* choice,
                ReplayReport* report);
  Status TakeOutWhatIsThere(const Target& target, Choice* choice);
  Status JudgeChoice(const Target& target, Choice* choice, ReplayReport* report);
  std::optional<std::string> WhyNot(const Target& target, const Letter& letter,
                                    const std::string& payload) const;
  Status OpenTarget(Target* target);

  engine::Engine& engine_;
  DeadLetterOptions options_;
  std::unique_ptr<engine::Session> session_;
  bool whole_ = true;  // the table has the columns that came later
};

}  // namespace tarn::ingest
