#include "govern/contract_diff.h"

#include <algorithm>
#include <charconv>

#include "govern/value_order.h"

namespace tarn::govern {
namespace {

using Changes = std::vector<ContractChange>;

std::string Folded(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c != '_' && c != '-') out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return out;
}

const Field* Find(const std::vector<Field>& fields, const std::string& name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

// Every value of `before` is the same value of `after`.
bool Widens(const Field& before, const Field& after) {
  if (before.type == FieldType::kInteger && after.type == FieldType::kInteger)
    return after.bits >= before.bits;
  if (before.type == FieldType::kDecimal && after.type == FieldType::kDecimal &&
      before.precision > 0) {
    return after.precision == 0 ||
           (after.scale >= before.scale &&
            after.precision - after.scale >= before.precision - before.scale);
  }
  if (before.type == FieldType::kInteger && after.type == FieldType::kDouble)
    return before.bits <= 32;
  return false;
}

std::string Quoted(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : ", ") + value;
  return out;
}

// Values of `a` that `b` lacks.
std::vector<std::string> Without(const std::vector<std::string>& a,
                                 const std::vector<std::string>& b) {
  std::vector<std::string> out;
  for (const std::string& value : a) {
    if (std::find(b.begin(), b.end(), value) == b.end()) out.push_back(value);
  }
  return out;
}

void DiffAllowed(const std::string& path, const Field& before, const Field& after, Changes* out) {
  if (before.allowed_values.empty() && after.allowed_values.empty()) return;
  if (before.allowed_values.empty()) {
    out->push_back(
        {path, "only these values are allowed now: " + Quoted(after.allowed_values), false});
    return;
  }
  if (after.allowed_values.empty()) {
    out->push_back({path, "any value is allowed now", true});
    return;
  }
  const auto added = Without(after.allowed_values, before.allowed_values);
  const auto removed = Without(before.allowed_values, after.allowed_values);
  if (!added.empty()) out->push_back({path, "new allowed values: " + Quoted(added), true});
  if (!removed.empty()) out->push_back({path, "values no longer sent: " + Quoted(removed), false});
}

// One bound; `upper` tells in which direction it loosens.
void DiffBound(const std::string& path, const char* name, const Field& before, const Field& after,
               const std::optional<std::string>& old_bound,
               const std::optional<std::string>& new_bound, bool upper, Changes* out) {
  if (old_bound == new_bound) return;
  if (!old_bound || !new_bound) {
    out->push_back({path,
                    std::string(name) +
                        (old_bound ? " " + *old_bound + " is gone" : " is " + *new_bound + " now"),
                    old_bound.has_value()});
    return;
  }
  const auto was = OrderedValue(before, *old_bound), is = OrderedValue(after, *new_bound);
  const bool looser = !was || !is || (upper ? *is > *was : *is < *was);
  out->push_back({path, std::string(name) + " from " + *old_bound + " to " + *new_bound, looser});
}

void DiffLength(const std::string& path, const char* name, std::optional<uint64_t> was,
                std::optional<uint64_t> is, bool upper, Changes* out) {
  if (was == is) return;
  const auto text = [](std::optional<uint64_t> length) {
    return length ? std::to_string(*length) : "none";
  };
  const bool looser = was && (!is || (upper ? *is > *was : *is < *was));
  out->push_back({path, std::string(name) + " from " + text(was) + " to " + text(is), looser});
}

void DiffFields(const std::string& prefix, const std::vector<Field>& before,
                const std::vector<Field>& after, Changes* out);

void DiffField(const std::string& path, const Field& before, const Field& after, Changes* out) {
  if (before.type != after.type || TypeText(before) != TypeText(after)) {
    const bool wider = Widens(before, after);
    out->push_back(
        {path,
         "type from " + TypeText(before) + " to " + TypeText(after) + (wider ? " (wider)" : ""),
         !wider});
  } else if (before.time_form != after.time_form) {
    out->push_back({path, "another way to write the time", true});
  }
  if (before.nullable != after.nullable) {
    out->push_back({path, after.nullable ? "may be null or absent now" : "is always there now",
                    after.nullable});
  }
  const bool was_unique = before.unique || before.primary_key,
             is_unique = after.unique || after.primary_key;
  if (was_unique != is_unique) {
    out->push_back({path, is_unique ? "is unique now" : "is no longer unique", was_unique});
  }
  DiffAllowed(path, before, after, out);
  if (before.pattern != after.pattern) {
    const bool only_stricter = !before.pattern.has_value();
    out->push_back({path,
                    only_stricter   ? "has the pattern " + *after.pattern + " now"
                    : after.pattern ? "pattern from " + *before.pattern + " to " + *after.pattern
                                    : "has no pattern any more",
                    !only_stricter});
  }
  DiffBound(path, "minimum", before, after, before.minimum, after.minimum, false, out);
  DiffBound(path, "maximum", before, after, before.maximum, after.maximum, true, out);
  DiffLength(path, "min_length", before.min_length, after.min_length, false, out);
  DiffLength(path, "max_length", before.max_length, after.max_length, true, out);
  if (before.pii != after.pii) {
    // A class that appears asks for masking downstream; one that goes away would end it.
    out->push_back({path,
                    after.pii.empty() ? "is no longer marked as personal (" + before.pii + ")"
                                      : "is personal data now: " + after.pii,
                    true});
  }
  DiffFields(path + ".", before.fields, after.fields, out);
  if (!before.items.empty() && !after.items.empty()) {
    DiffField(path + "[]", before.items.front(), after.items.front(), out);
  }
}

void DiffFields(const std::string& prefix, const std::vector<Field>& before,
                const std::vector<Field>& after, Changes* out) {
  for (const Field& field : before) {
    const Field* now = Find(after, field.name);
    if (now != nullptr) {
      DiffField(prefix + field.name, field, *now, out);
      continue;
    }
    std::string text = "is gone";
    for (const Field& candidate : after) {
      if (Find(before, candidate.name) == nullptr && Folded(candidate.name) == Folded(field.name)) {
        text = "is gone; renamed to '" + candidate.name + "'?";
      }
    }
    out->push_back({prefix + field.name, text, true});
  }
  for (const Field& field : after) {
    if (Find(before, field.name) != nullptr) continue;
    out->push_back(
        {prefix + field.name,
         "is new: " + TypeText(field) + (field.pii.empty() ? "" : ", personal data: " + field.pii),
         false});
  }
}

template <typename T>
void DiffNumber(const char* path, const std::optional<T>& was, const std::optional<T>& is,
                bool upper, Changes* out) {
  if (was == is) return;
  const auto text = [](const std::optional<T>& value) -> std::string {
    if (!value) return "none";
    char buffer[64];
    const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, *value);
    return error == std::errc() ? std::string(buffer, end) : "?";
  };
  const bool looser = was && (!is || (upper ? *is > *was : *is < *was));
  out->push_back({path, "from " + text(was) + " to " + text(is), looser});
}

}  // namespace

std::vector<ContractChange> DiffContracts(const Contract& before, const Contract& after) {
  Changes out;
  DiffFields("", before.schema, after.schema, &out);
  DiffNumber("sla.max_delay_seconds", before.sla.max_delay_seconds, after.sla.max_delay_seconds,
             true, &out);
  DiffNumber("sla.min_daily_volume", before.sla.min_daily_volume, after.sla.min_daily_volume, false,
             &out);
  DiffNumber("sla.max_null_rate_pct", before.sla.max_null_rate_pct, after.sla.max_null_rate_pct,
             true, &out);
  if (before.policy.notice_days != after.policy.notice_days) {
    out.push_back({"breaking_change_policy.notice_days",
                   "from " + std::to_string(before.policy.notice_days) + " to " +
                       std::to_string(after.policy.notice_days),
                   after.policy.notice_days < before.policy.notice_days});
  }
  if (const auto gone =
          Without(before.policy.approval_required_from, after.policy.approval_required_from);
      !gone.empty()) {
    out.push_back(
        {"breaking_change_policy.approval_required_from", "no longer asks " + Quoted(gone), true});
  }
  if (before.owner != after.owner) {
    out.push_back({"owner", "from " + before.owner + " to " + after.owner, false});
  }
  return out;
}

std::vector<std::string> PublishObstacles(const Contract& before, const Contract& after,
                                          const std::vector<ContractChange>& changes,
                                          int64_t today_days) {
  std::vector<std::string> out;
  if (!changes.empty() && before.version == after.version) {
    out.push_back("the version is still " + after.version + "; raise it");
  }
  const bool breaking = std::any_of(changes.begin(), changes.end(),
                                    [](const ContractChange& change) { return change.breaking; });
  if (!breaking) return out;
  if (before.policy.notice_days > 0) {
    const auto effective = ParseDate(after.effective_date);
    const int64_t notice = effective ? *effective - today_days : 0;
    if (!effective) {
      out.push_back("effective_date is missing: " + std::to_string(before.policy.notice_days) +
                    " days of notice are due");
    } else if (notice < before.policy.notice_days) {
      out.push_back("effective_date " + after.effective_date + " gives " +
                    std::to_string(std::max<int64_t>(notice, 0)) + " days of notice, " +
                    std::to_string(before.policy.notice_days) + " are due");
    }
  }
  for (const std::string& team : Without(before.policy.approval_required_from, after.approvals)) {
    out.push_back("approval of " + team + " is missing (list it under approvals)");
  }
  return out;
}

}  // namespace tarn::govern
