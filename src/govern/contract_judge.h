// Judging records by a contract: what each record breaks, and counts per rule over many.
//
// What it is: a contract compiled to rules. A record is the payload's exact bytes, JSON text; what
// is no JSON object breaks the rule "json". Every rule has a stable name "<path>.<kind>":
// user_id.required, platform.allowed, amount.type, lines[].sku.pattern, …; `additional` for fields
// the contract does not name, `duplicate_key` for a key that stands twice, `event.delay` for
// records later than the SLA allows.
//
// What it does not do: it writes nothing and knows no table. Uniqueness is judged among the records
// of one batch only (copies are dropped in Silver, `tarn contract test` looks at a whole table) and
// flags unless the field says otherwise, because re-delivery is normal.
//
// A value of a field with a PII class is never repeated in a reason.
//
// Threads: one user at a time; make one per thread. Errors: none while judging.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "govern/contract.h"

namespace tarn::govern {

struct ContractRule {
  std::string name;  // "user_id.required"
  Enforcement enforcement = Enforcement::kDeadLetter;
};

// What a record broke, worst first is not promised: `action` is the worst.
struct Verdict {
  bool broken = false;
  Enforcement action = Enforcement::kFlag;  // meaningful when broken
  size_t rule = 0;                          // the first rule of the worst enforcement
  std::string reason;                       // one line, what that rule saw
};

// Adds up; plain numbers so that they can be committed beside the rows.
struct ContractCounts {
  int64_t records = 0;
  int64_t flagged = 0;
  int64_t dead_letters = 0;
  std::vector<int64_t> broken;   // per rule, records that broke it
  std::vector<int64_t> nulls;    // per top-level field of the schema: null or absent
  int64_t max_delay_micros = 0;  // the latest record's, 0 when none has an event time
  void Add(const ContractCounts& other);
};

class ContractJudge {
 public:
  // Errors: kInvalidArgument for a pattern that does not compile (a contract that was parsed has
  // none).
  static Result<std::unique_ptr<ContractJudge>> Make(const Contract& contract);
  ~ContractJudge();

  const Contract& contract() const { return contract_; }
  const std::vector<ContractRule>& rules() const { return rules_; }
  ContractCounts NewCounts() const;

  // Forgets the values seen for `unique`.
  void BeginBatch();
  // `now_micros`: when it arrived. Adds to `counts` (of NewCounts).
  Verdict Judge(std::string_view payload, int64_t now_micros, ContractCounts* counts);

 private:
  struct Node;
  explicit ContractJudge(Contract contract);

  Status Compile();
  Status CompileField(const Field& field, const std::string& path, bool top,
                      std::unique_ptr<Node>* out);
  size_t AddRule(const std::string& name, Enforcement enforcement);
  void JudgeObject(const std::vector<std::unique_ptr<Node>>& fields, std::string_view object,
                   bool top);
  void JudgeValue(Node& node, std::string_view value);
  void JudgeString(Node& node, std::string_view bare);
  void JudgeNumber(Node& node, std::string_view text);
  void JudgeBounds(const Node& node, std::string_view text);
  void JudgeAllowed(const Node& node, std::string_view text);
  void JudgeElements(Node& node, std::string_view value);
  void JudgeDelay(int64_t now_micros);
  void MissingField(const Node& node, std::string_view object, bool top);
  std::string_view StateOf(std::string_view payload, bool* judged);
  void Break(size_t rule, std::string reason);
  std::string Show(const Node& node, std::string_view value) const;

  Contract contract_;
  std::vector<ContractRule> rules_;
  std::vector<std::unique_ptr<Node>> fields_;
  const Node* event_time_ = nullptr;
  size_t json_rule_ = 0, additional_rule_ = 0, duplicate_rule_ = 0, delay_rule_ = 0;
  // Of the record under judgement.
  Verdict verdict_;
  ContractCounts* counts_ = nullptr;
  std::optional<int64_t> event_micros_;
  std::vector<char> rule_broken_;
  std::vector<size_t> rules_of_record_;
  std::string scratch_;
};

}  // namespace tarn::govern
