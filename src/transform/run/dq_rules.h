// Row-level quality rules of a model: config `dq`.
//
//   dq:
//     - {name: amount_is_positive, expression: "amount > 0"}                      # action: flag
//     - {name: user_is_known, expression: "user_id is not null", action: quarantine}
//     - {name: currency_is_iso, expression: "length(currency) = 3", action: fail}
//
// A row keeps a rule when its expression is true; false and NULL break it. Every row gets dq_passed
// and dq_failure_reason (names of broken rules, "; " between them, NULL when there is none).
//
// What it does not do: it runs nothing (checked_materialize.h does).
//
// Threads: pure functions. Errors: kInvalidArgument naming the model's file, the rule and the
// remedy.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "transform/project/node.h"

namespace tarn::transform {

enum class DqAction { kFlag, kQuarantine, kFail };
std::string_view DqActionName(DqAction action);

struct DqRule {
  std::string name;
  std::string expression;
  DqAction action = DqAction::kFlag;
};

// Columns of judged rows.
inline constexpr const char* kDqPassed = "dq_passed";
inline constexpr const char* kDqReason = "dq_failure_reason";
// Of staged rows only: the row goes to the quarantine.
inline constexpr const char* kDqQuarantined = "dq_quarantined";

Result<std::vector<DqRule>> ReadDqRules(const Node& node);

// A query over `sql` with the columns of judged rows behind its own; `sql` begins on line 2.
// `staged` adds dq_quarantined.
std::string JudgedQuery(const std::string& sql, const std::vector<DqRule>& rules, bool staged);

}  // namespace tarn::transform
