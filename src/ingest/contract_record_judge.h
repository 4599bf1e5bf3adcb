// ContractRecordJudge: data contracts at the door of Bronze.
//
// What it is: govern::ContractJudge for every contract that names a record's table. `flag` lets the
// record in and counts it, `dead_letter` refuses it (rule "contract.<rule>"), `stop` stops the
// stream before it. Of several contracts the worst counts. Counts come per batch and topic
// (AccountOf) and are committed with the rows.
//
// A contract whose effective_date has not come is not in force. A tombstone says that a key is gone
// and has no state to judge: it passes. Another judge (a schema registry) may stand in front: what
// it refuses is not judged here.
//
// Payloads that are no JSON text are read by `PayloadText`; without one they are JSON as they are.
//
// Threads: one user at a time. The judge in front outlives it. Errors: those of the judge in front
// and of PayloadText.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "govern/contract_judge.h"
#include "ingest/record_judge.h"

namespace tarn::ingest {

// The JSON text of a record whose payload is something else (`*text` may point to `scratch`). A
// record that does not fit its own schema sets `*fault`. Errors stop the batch.
using PayloadText = std::function<Status(const sources::Record& record, std::string* scratch,
                                         std::string_view* text, std::string* fault)>;

struct ContractJudgeOptions {
  std::vector<govern::Contract> contracts;
  // The table that a topic's records go to.
  std::function<std::string(std::string_view topic)> table_of;
  RecordJudge* before = nullptr;
  PayloadText payload_text;  // empty: payloads are JSON
  // Called once per table, before the first of its records is judged.
  std::function<Status(const std::string& table)> on_table;
  Clock* clock = &Clock::System();
};

// Is there a contract for the table?
bool HasContractFor(const std::vector<govern::Contract>& contracts, std::string_view table);

class ContractRecordJudge final : public RecordJudge {
 public:
  // kInvalidArgument: a contract cannot be compiled.
  static Result<std::unique_ptr<ContractRecordJudge>> Make(ContractJudgeOptions options);

  Status Judge(sources::Batch* batch, std::vector<Refusal>* refusals) override;
  JudgeAccount AccountOf(std::string_view topic) const override;
  void OnCommitted() override;

 private:
  struct Ruler {  // one contract in force
    std::unique_ptr<govern::ContractJudge> judge;
    std::optional<int64_t> from_day;  // in force from this day on
  };
  struct Counted {
    const Ruler* ruler = nullptr;
    govern::ContractCounts counts;
  };
  struct Topic {
    std::vector<size_t> rulers;    // indexes into rulers_
    std::vector<Counted> counted;  // of this batch
  };
  explicit ContractRecordJudge(ContractJudgeOptions options) : options_(std::move(options)) {}

  Result<Topic*> TopicOf(std::string_view name);
  void StartCounting(Topic* topic, int64_t now_micros);
  Status JudgeRecord(const sources::Record& record, int64_t now_micros, Topic* topic,
                     std::optional<Refusal>* refusal);

  ContractJudgeOptions options_;
  std::vector<Ruler> rulers_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::string scratch_;
};

}  // namespace tarn::ingest
