// A data contract: what a producer promises about the records of a stream.
//
// What it is: the one meaning behind the two forms of contracts/*.yml: the short form (`contract:`
// at the top, as the reference architecture writes it) and the Open Data Contract Standard v3
// (`apiVersion: v3…`, `kind: DataContract`). Reading and writing either form is contract_yaml.h,
// judging records contract_judge.h, comparing two versions contract_diff.h.
//
// A promise may become stricter in a later version, never looser: that is all `diff` knows about
// compatibility.
//
// Threads: value types. Errors: none here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::govern {

// The logical types of fields. kAny accepts every JSON value.
enum class FieldType {
  kString,
  kInteger,  // -2^63 … 2^63-1; `bits` narrows it
  kDouble,
  kDecimal,  // precision, scale
  kBoolean,
  kDate,          // "2026-01-31"
  kTimestamp,     // ISO 8601 with or without a zone (none means UTC), or a number: see TimeForm
  kTimestampNtz,  // ISO 8601 without a zone
  kObject,        // `fields`
  kArray,         // `items`, one element
  kMap,           // any keys; values as `items`, one element, or anything
  kAny,
};
std::string_view FieldTypeName(FieldType type);  // "string", "integer", …

// How a timestamp field is written. kAny: ISO text.
enum class TimeForm { kIsoText, kEpochSeconds, kEpochMillis, kEpochMicros };

// What happens to a record that breaks a rule.
enum class Enforcement {
  kFlag,        // it goes to Bronze and is counted
  kDeadLetter,  // it goes to the dead letters
  kStop,        // the stream stops before it, with an error
};
std::string_view EnforcementName(Enforcement enforcement);  // "flag", "dead_letter", "stop"

struct Field {
  std::string name;
  FieldType type = FieldType::kAny;
  int bits = 64;                 // kInteger: 8, 16, 32, 64
  int precision = 0, scale = 0;  // kDecimal; 0, 0: any
  TimeForm time_form = TimeForm::kIsoText;
  bool nullable = true;  // may be null or absent
  bool unique = false;   // judged within a batch and by `tarn contract test`
  bool primary_key = false;
  std::vector<std::string> allowed_values;      // as the text of the value; empty: any
  std::optional<std::string> pattern;           // RE2, must match the whole text
  std::optional<std::string> minimum, maximum;  // inclusive; numbers, or ISO dates and times
  bool exclusive_minimum = false, exclusive_maximum = false;
  std::optional<uint64_t> min_length, max_length;  // characters (UTF-8), or elements of an array
  std::optional<double> max_null_rate_pct;         // overrides the contract's
  std::string pii;  // class: "email", "phone", …; empty: not personal
  std::string description;
  std::optional<Enforcement> on_break;  // overrides the contract's
  std::vector<Field> fields;            // kObject
  std::vector<Field> items;             // kArray, kMap: none or one
  bool operator==(const Field&) const = default;
};

struct ContractSla {
  std::optional<int64_t> max_delay_seconds;  // from the event to its commit in Bronze
  std::optional<int64_t> min_daily_volume;   // records per UTC day
  std::optional<double> max_null_rate_pct;   // of every field that may be null, per UTC day
  bool operator==(const ContractSla&) const = default;
};

struct BreakingChangePolicy {
  int notice_days = 0;
  std::vector<std::string> approval_required_from;
  bool migration_support = false;
  bool operator==(const BreakingChangePolicy&) const = default;
};

enum class Envelope {
  kNone,
  kDebezium,  // `after` of c, u and r is judged; d, t and tombstones carry no state
};

struct Contract {
  std::string name;
  std::string version;
  std::string owner;
  std::string description;
  std::string effective_date;        // "2026-01-01"; empty: at once
  std::vector<std::string> streams;  // the tables it holds for: "bronze.events"
  std::string event_time;  // field that max_delay_seconds starts at; empty: the first timestamp
  Envelope envelope = Envelope::kNone;
  Enforcement enforcement = Enforcement::kDeadLetter;
  Enforcement additional_fields = Enforcement::kFlag;  // of fields the contract does not name
  std::vector<Field> schema;
  ContractSla sla;
  BreakingChangePolicy policy;
  std::vector<std::string> approvals;  // teams that approved this version
  bool operator==(const Contract&) const = default;
};

// "platform", "address.city", "lines[].sku": every field of the contract with its path, parents
// first.
std::vector<std::pair<std::string, const Field*>> AllFields(const Contract& contract);

// "string", "integer", "decimal(18,2)", "timestamp" …: the type as the short form writes it.
std::string TypeText(const Field& field);

}  // namespace tarn::govern
