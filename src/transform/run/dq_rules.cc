#include "transform/run/dq_rules.h"

#include <algorithm>
#include <set>

namespace tarn::transform {
namespace {

Status Wrong(const Node& node, const std::string& what) {
  return Status::InvalidArgument(node.original_file_path + ": dq of model " + node.name + " " +
                                 what);
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  });
}

// On one line, so that the model's own lines keep their numbers.
std::string OneLine(std::string text) {
  // A comment would swallow what follows it on the line.
  for (size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at)) {
    text.erase(at, text.find('\n', at) - at);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string Keeps(const DqRule& rule) {
  return "coalesce((" + OneLine(rule.expression) + "), false)";
}

}  // namespace

std::string_view DqActionName(DqAction action) {
  switch (action) {
    case DqAction::kFlag: return "flag";
    case DqAction::kQuarantine: return "quarantine";
    case DqAction::kFail: return "fail";
  }
  return "flag";
}

Result<std::vector<DqRule>> ReadDqRules(const Node& node) {
  std::vector<DqRule> rules;
  const Json& config = Member(node.config, "dq");
  if (config.is_null()) return rules;
  if (!config.is_array()) {
    return Wrong(node, "is a list of rules with name, expression and action");
  }
  std::set<std::string> names;
  for (const Json& entry : config) {
    if (!entry.is_object()) return Wrong(node, "has an entry that is no mapping");
    for (const auto& [key, value] : entry.items()) {
      if (key != "name" && key != "expression" && key != "action" && key != "description") {
        return Wrong(node, "has a rule with the unknown key '" + key +
                               "'; there are name, expression, action and description");
      }
    }
    DqRule rule;
    rule.name = TextMember(entry, "name");
    rule.expression = TextMember(entry, "expression");
    if (!IsPlainName(rule.name)) {
      return Wrong(
          node, "has a rule named '" + rule.name + "'; a name is made of letters, digits and '_'");
    }
    if (!names.insert(rule.name).second) return Wrong(node, "has two rules named " + rule.name);
    if (rule.expression.find_first_not_of(" \t\n") == std::string::npos) {
      return Wrong(node, "rule " + rule.name + " has no expression");
    }
    const std::string action = TextMember(entry, "action", "flag");
    if (action == "quarantine") {
      rule.action = DqAction::kQuarantine;
    } else if (action == "fail") {
      rule.action = DqAction::kFail;
    } else if (action != "flag") {
      return Wrong(node, "rule " + rule.name + " has action '" + action +
                             "'; there are flag, quarantine and fail");
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::string JudgedQuery(const std::string& sql, const std::vector<DqRule>& rules, bool staged) {
  std::string passed, reasons, quarantined;
  for (const DqRule& rule : rules) {
    passed += (passed.empty() ? "" : " and ") + Keeps(rule);
    reasons += ", case when not " + Keeps(rule) + " then '" + rule.name + "' end";
    if (rule.action == DqAction::kQuarantine) {
      quarantined += (quarantined.empty() ? "" : " or ") + ("not " + Keeps(rule));
    }
  }
  if (quarantined.empty()) quarantined = "false";
  std::string head = "select dq_rows.*, (" + passed + ") as " + kDqPassed +
                     ", nullif(concat_ws('; '" + reasons + "), '') as " + kDqReason;
  if (staged) head += ", (" + quarantined + ") as " + kDqQuarantined;
  return head + " from (\n" + sql + "\n) as dq_rows";
}

}  // namespace tarn::transform
