#include "govern/contract_judge.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

#include "codec/json_text.h"
#include "codec/json_walk.h"
#include "govern/value_order.h"

namespace tarn::govern {
namespace {

constexpr size_t kNoRule = static_cast<size_t>(-1);
constexpr size_t kShownBytes = 60;  // of a value in a reason

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

// userId, user-id and USER_ID are one name written by different habits.
std::string Folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == '.') continue;
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return out;
}

bool IsWholeNumber(std::string_view text) {
  return text.find_first_of(".eE") == std::string_view::npos;
}

bool FitsBits(std::string_view text, int bits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (bits == 64) return true;
  const int64_t limit = int64_t{1} << (bits - 1);
  return value >= -limit && value < limit;
}

}  // namespace

// A field with its rules; kNoRule where the contract promises nothing of the kind.
struct ContractJudge::Node {
  Field field;
  std::string path;
  size_t index = kNoRule;  // among the top-level fields
  size_t type = kNoRule, required = kNoRule, allowed = kNoRule, pattern = kNoRule, range = kNoRule,
         length = kNoRule, unique = kNoRule;
  std::unique_ptr<RE2> regex;
  std::optional<Ordered> minimum, maximum;
  std::vector<std::unique_ptr<Node>> fields;
  std::unique_ptr<Node> item;
  std::unordered_set<std::string> seen;  // of this batch, for `unique`
  uint64_t last_object = 0;  // the walk that met this field last: finds absent and repeated ones
};

void ContractCounts::Add(const ContractCounts& other) {
  records += other.records;
  flagged += other.flagged;
  dead_letters += other.dead_letters;
  for (size_t i = 0; i < broken.size() && i < other.broken.size(); ++i)
    broken[i] += other.broken[i];
  for (size_t i = 0; i < nulls.size() && i < other.nulls.size(); ++i) nulls[i] += other.nulls[i];
  max_delay_micros = std::max(max_delay_micros, other.max_delay_micros);
}

ContractJudge::ContractJudge(Contract contract) : contract_(std::move(contract)) {}
ContractJudge::~ContractJudge() = default;

Result<std::unique_ptr<ContractJudge>> ContractJudge::Make(const Contract& contract) {
  std::unique_ptr<ContractJudge> judge(new ContractJudge(contract));
  TARN_RETURN_IF_ERROR(judge->Compile());
  return judge;
}

size_t ContractJudge::AddRule(const std::string& name, Enforcement enforcement) {
  rules_.push_back({name, enforcement});
  return rules_.size() - 1;
}

Status ContractJudge::Compile() {
  json_rule_ = AddRule("json", contract_.enforcement);
  additional_rule_ = AddRule("additional", contract_.additional_fields);
  duplicate_rule_ = AddRule("duplicate_key", contract_.enforcement);
  // Late is late, whatever is done with the record: it is counted, never held back.
  delay_rule_ = AddRule("event.delay", Enforcement::kFlag);
  for (const Field& field : contract_.schema) {
    std::unique_ptr<Node> node;
    TARN_RETURN_IF_ERROR(CompileField(field, field.name, true, &node));
    node->index = fields_.size();
    const bool is_time =
        field.type == FieldType::kTimestamp || field.type == FieldType::kTimestampNtz;
    const bool chosen = contract_.event_time.empty() ? is_time : field.name == contract_.event_time;
    if (chosen && event_time_ == nullptr) event_time_ = node.get();
    fields_.push_back(std::move(node));
  }
  rule_broken_.assign(rules_.size(), 0);
  return Status::Ok();
}

Status ContractJudge::CompileField(const Field& field, const std::string& path, bool top,
                                   std::unique_ptr<Node>* out) {
  auto node = std::make_unique<Node>();
  node->field = field;
  node->path = path;
  const Enforcement enforcement = field.on_break.value_or(contract_.enforcement);
  if (field.type != FieldType::kAny) node->type = AddRule(path + ".type", enforcement);
  if (!field.nullable) node->required = AddRule(path + ".required", enforcement);
  if (!field.allowed_values.empty()) node->allowed = AddRule(path + ".allowed", enforcement);
  if (field.pattern) {
    node->pattern = AddRule(path + ".pattern", enforcement);
    node->regex = std::make_unique<RE2>(*field.pattern, RE2::Quiet);
    if (!node->regex->ok()) {
      return Status::InvalidArgument("pattern of field '" + path +
                                     "' cannot be read: " + node->regex->error());
    }
  }
  if (field.minimum || field.maximum) {
    node->range = AddRule(path + ".range", enforcement);
    if (field.minimum) node->minimum = OrderedValue(field, *field.minimum);
    if (field.maximum) node->maximum = OrderedValue(field, *field.maximum);
  }
  if (field.min_length || field.max_length) node->length = AddRule(path + ".length", enforcement);
  if (top && (field.unique || field.primary_key)) {
    node->unique = AddRule(path + ".unique", field.on_break.value_or(Enforcement::kFlag));
  }
  for (const Field& child : field.fields) {
    std::unique_ptr<Node> compiled;
    TARN_RETURN_IF_ERROR(CompileField(child, path + "." + child.name, false, &compiled));
    node->fields.push_back(std::move(compiled));
  }
  for (const Field& item : field.items) {
    const char* element = field.type == FieldType::kMap ? "{}" : "[]";
    TARN_RETURN_IF_ERROR(CompileField(item, path + element, false, &node->item));
  }
  *out = std::move(node);
  return Status::Ok();
}

ContractCounts ContractJudge::NewCounts() const {
  ContractCounts counts;
  counts.broken.assign(rules_.size(), 0);
  counts.nulls.assign(fields_.size(), 0);
  return counts;
}

void ContractJudge::BeginBatch() {
  for (auto& node : fields_) node->seen.clear();
}

void ContractJudge::Break(size_t rule, std::string reason) {
  if (rule == kNoRule) return;
  if (!rule_broken_[rule]) {
    rule_broken_[rule] = 1;
    rules_of_record_.push_back(rule);
  }
  const Enforcement enforcement = rules_[rule].enforcement;
  if (verdict_.broken && enforcement <= verdict_.action) return;
  verdict_.broken = true;
  verdict_.action = enforcement;
  verdict_.rule = rule;
  verdict_.reason = std::move(reason);
}

std::string ContractJudge::Show(const Node& node, std::string_view value) const {
  if (!node.field.pii.empty()) return "a value";
  if (value.size() <= kShownBytes) return std::string(value);
  size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;
  return std::string(value.substr(0, end)) + "…";
}

// The text of the object to judge; `judged` false: the envelope carries no state (a delete, a
// tombstone).
std::string_view ContractJudge::StateOf(std::string_view payload, bool* judged) {
  *judged = true;
  if (contract_.envelope == Envelope::kNone) return payload;
  if (payload.empty()) {
    *judged = false;
    return payload;
  }
  std::string_view body = payload, key, value, op, after;
  // Connect's JSON with schemas wraps the envelope once more.
  for (codec::JsonWalker outer(payload); outer.Next(&key, &value);) {
    if (key == "payload" && !value.empty() && value.front() == '{') body = value;
  }
  for (codec::JsonWalker walker(body); walker.Next(&key, &value);) {
    if (key == "op") op = value;
    if (key == "after") after = value;
  }
  if (op == "\"d\"" || op == "\"t\"" || op == "\"m\"" || body == "null") *judged = false;
  return after;
}

Verdict ContractJudge::Judge(std::string_view payload, int64_t now_micros, ContractCounts* counts) {
  verdict_ = Verdict();
  counts_ = counts;
  event_micros_.reset();
  rules_of_record_.clear();
  ++counts->records;
  bool judged = true;
  // An empty payload under an envelope is a tombstone; anywhere else it is no record.
  if (contract_.envelope != Envelope::kNone && payload.empty()) {
    judged = false;
  } else if (auto fault = codec::CheckJson(payload)) {
    Break(json_rule_, fault->reason);
  } else {
    const std::string_view state = StateOf(payload, &judged);
    codec::JsonWalker walker(state);
    if (judged && !walker.is_object()) {
      Break(json_rule_, "the record is no JSON object");
    } else if (judged) {
      JudgeObject(fields_, state, true);
      JudgeDelay(now_micros);
    }
  }
  for (const size_t rule : rules_of_record_) {
    ++counts->broken[rule];
    rule_broken_[rule] = 0;
  }
  if (verdict_.broken) {
    verdict_.action == Enforcement::kFlag ? ++counts->flagged : ++counts->dead_letters;
  }
  return std::move(verdict_);
}

void ContractJudge::JudgeObject(const std::vector<std::unique_ptr<Node>>& fields,
                                std::string_view object, bool top) {
  // Which walk this is: fields met in it carry its number, so nothing is cleared between records.
  static thread_local uint64_t walks = 0;
  const uint64_t walk = ++walks;
  std::string_view key, value;
  size_t expected = 0;  // producers write their fields in one order
  for (codec::JsonWalker walker(object); walker.Next(&key, &value);) {
    std::string unescaped;
    const std::string_view name = codec::JsonStringValue(key, &unescaped);
    size_t at = expected;
    if (at >= fields.size() || fields[at]->field.name != name) {
      for (at = 0; at < fields.size() && fields[at]->field.name != name;) ++at;
    }
    if (at == fields.size()) {
      if (top)
        Break(additional_rule_,
              "the contract has no field '" + std::string(name.substr(0, kShownBytes)) + "'");
      continue;
    }
    expected = at + 1;
    Node& node = *fields[at];
    if (node.last_object == walk) {
      Break(duplicate_rule_, "the key '" + node.field.name + "' stands twice");
      continue;
    }
    node.last_object = walk;
    JudgeValue(node, value);
  }
  for (const auto& node : fields) {
    if (node->last_object != walk) MissingField(*node, object, top);
  }
}

void ContractJudge::MissingField(const Node& node, std::string_view object, bool top) {
  if (node.index != kNoRule) ++counts_->nulls[node.index];
  if (node.required == kNoRule) return;
  std::string reason = node.path + " is missing";
  const std::string wanted = Folded(node.field.name);
  std::string_view key, value;
  for (codec::JsonWalker walker(object); top && walker.Next(&key, &value);) {
    if (Folded(key) == wanted && key != node.field.name) {
      reason += "; the record has '" + std::string(key) + "': was the field renamed?";
      break;
    }
  }
  Break(node.required, std::move(reason));
}

void ContractJudge::JudgeValue(Node& node, std::string_view value) {
  const FieldType type = node.field.type;
  if (value == "null") {
    if (node.index != kNoRule) ++counts_->nulls[node.index];
    if (node.required != kNoRule) Break(node.required, node.path + " is null");
    return;
  }
  switch (value.front()) {
    case '"': return JudgeString(node, value.substr(1, value.size() - 2));
    case '{':
      if (type == FieldType::kObject) return JudgeObject(node.fields, value, false);
      if (type == FieldType::kMap) return JudgeElements(node, value);
      break;
    case '[':
      if (type == FieldType::kArray) return JudgeElements(node, value);
      break;
    case 't':
    case 'f':
      if (type == FieldType::kBoolean) return JudgeAllowed(node, value);
      break;
    default: return JudgeNumber(node, value);
  }
  if (type != FieldType::kAny) {
    Break(node.type, node.path + " must be " + TypeText(node.field) + ", is " + Show(node, value));
  }
}

void ContractJudge::JudgeString(Node& node, std::string_view bare) {
  const Field& field = node.field;
  const std::string_view text = codec::JsonStringValue(bare, &scratch_);
  bool fits = true;
  switch (field.type) {
    case FieldType::kAny:
    case FieldType::kString: break;
    case FieldType::kDate: fits = ParseDate(text).has_value(); break;
    case FieldType::kTimestamp:
    case FieldType::kTimestampNtz: {
      const auto time = ParseIsoTime(text);
      fits = field.time_form == TimeForm::kIsoText && time.has_value() &&
             (field.type == FieldType::kTimestamp || !time->has_zone);
      if (fits && &node == event_time_) event_micros_ = time->micros;
      break;
    }
    // Decimals are often written as text, so that no reader rounds them.
    case FieldType::kDecimal: fits = OrderedValue(field, text).has_value(); break;
    default: fits = false;
  }
  if (!fits) {
    Break(node.type, node.path + " must be " + TypeText(field) + ", is '" + Show(node, text) + "'");
    return;
  }
  if (field.type == FieldType::kDecimal) return JudgeNumber(node, text);
  if (node.length != kNoRule) {
    const size_t characters = CountCharacters(text);
    if ((field.min_length && characters < *field.min_length) ||
        (field.max_length && characters > *field.max_length)) {
      Break(node.length, node.path + " has " + std::to_string(characters) + " characters");
    }
  }
  JudgeAllowed(node, text);
  if (node.regex && !RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *node.regex)) {
    Break(node.pattern,
          node.path + " does not match " + node.regex->pattern() + ": " + Show(node, text));
  }
  JudgeBounds(node, text);
  if (node.unique != kNoRule && !node.seen.emplace(text).second) {
    Break(node.unique, node.path + " was in this batch already: " + Show(node, text));
  }
}

void ContractJudge::JudgeNumber(Node& node, std::string_view text) {
  const Field& field = node.field;
  bool fits = true;
  switch (field.type) {
    case FieldType::kAny:
    case FieldType::kDouble: break;
    case FieldType::kInteger: fits = IsWholeNumber(text) && FitsBits(text, field.bits); break;
    case FieldType::kDecimal: {
      const auto number = OrderedValue(field, text);
      fits = number.has_value();
      if (fits && field.precision > 0) {
        fits = number->fraction.size() <= static_cast<size_t>(field.scale) &&
               number->whole.size() <= static_cast<size_t>(field.precision - field.scale);
      }
      break;
    }
    case FieldType::kTimestamp: {
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      fits = field.time_form != TimeForm::kIsoText && error == std::errc() &&
             end == text.data() + text.size();
      const int64_t unit = field.time_form == TimeForm::kEpochSeconds  ? 1'000'000
                           : field.time_form == TimeForm::kEpochMillis ? 1'000
                                                                       : 1;
      fits = fits && value <= INT64_MAX / unit && value >= INT64_MIN / unit;
      if (fits && &node == event_time_) event_micros_ = value * unit;
      break;
    }
    default: fits = false;
  }
  if (!fits) {
    Break(node.type, node.path + " must be " + TypeText(field) + ", is " + Show(node, text));
    return;
  }
  JudgeAllowed(node, text);
  if (field.type != FieldType::kTimestamp) JudgeBounds(node, text);
  if (node.unique != kNoRule && !node.seen.emplace(text).second) {
    Break(node.unique, node.path + " was in this batch already: " + Show(node, text));
  }
}

void ContractJudge::JudgeAllowed(const Node& node, std::string_view text) {
  if (node.allowed == kNoRule) return;
  for (const std::string& value : node.field.allowed_values) {
    if (value == text) return;
  }
  Break(node.allowed, node.path + " is none of the allowed values: " + Show(node, text));
}

void ContractJudge::JudgeBounds(const Node& node, std::string_view text) {
  if (node.range == kNoRule) return;
  const auto value = OrderedValue(node.field, text);
  if (!value) return;
  const bool low = node.minimum && (node.field.exclusive_minimum ? *value <= *node.minimum
                                                                 : *value < *node.minimum);
  const bool high = node.maximum && (node.field.exclusive_maximum ? *value >= *node.maximum
                                                                  : *value > *node.maximum);
  if (low || high) {
    Break(node.range, node.path + " is " +
                          (low ? "below " + *node.field.minimum : "above " + *node.field.maximum) +
                          ": " + Show(node, text));
  }
}

void ContractJudge::JudgeElements(Node& node, std::string_view value) {
  size_t count = 0;
  std::string_view key, element;
  for (codec::JsonWalker walker(value); walker.Next(&key, &element); ++count) {
    if (node.item) JudgeValue(*node.item, element);
  }
  const Field& field = node.field;
  if (node.length == kNoRule) return;
  if ((field.min_length && count < *field.min_length) ||
      (field.max_length && count > *field.max_length)) {
    Break(node.length, node.path + " has " + std::to_string(count) + " elements");
  }
}

void ContractJudge::JudgeDelay(int64_t now_micros) {
  if (!event_micros_) return;
  const int64_t delay = now_micros - *event_micros_;
  counts_->max_delay_micros = std::max(counts_->max_delay_micros, delay);
  if (contract_.sla.max_delay_seconds && delay > *contract_.sla.max_delay_seconds * 1'000'000) {
    Break(delay_rule_, "the event is " + std::to_string(delay / 1'000'000) + " s old, the SLA is " +
                           std::to_string(*contract_.sla.max_delay_seconds) + " s");
  }
}

}  // namespace tarn::govern
