#include "delta/predicate.h"

#include <utility>

namespace tarn::delta {
namespace {

const char* Symbol(PredicateKind kind) {
  switch (kind) {
    case PredicateKind::kEqual: return "=";
    case PredicateKind::kNotEqual: return "<>";
    case PredicateKind::kLess: return "<";
    case PredicateKind::kLessEqual: return "<=";
    case PredicateKind::kGreater: return ">";
    case PredicateKind::kGreaterEqual: return ">=";
    case PredicateKind::kNullSafeEqual: return "<=>";
    case PredicateKind::kStartsWith: return "STARTS WITH";
    default: return "?";
  }
}

Predicate Combine(PredicateKind kind, std::vector<Predicate> children) {
  if (children.size() == 1) return std::move(children.front());
  Predicate out;
  out.kind = kind;
  out.children = std::move(children);
  if (out.children.empty()) {
    out.kind = kind == PredicateKind::kAnd ? PredicateKind::kTrue : PredicateKind::kFalse;
  }
  return out;
}

std::string Join(const std::vector<Predicate>& children, const char* separator) {
  std::string out = "(";
  for (size_t i = 0; i < children.size(); ++i) {
    if (i > 0) out += separator;
    out += children[i].ToString();
  }
  return out + ")";
}

}  // namespace

Predicate Predicate::And(std::vector<Predicate> children) {
  return Combine(PredicateKind::kAnd, std::move(children));
}

Predicate Predicate::Or(std::vector<Predicate> children) {
  return Combine(PredicateKind::kOr, std::move(children));
}

Predicate Predicate::Not(Predicate child) {
  Predicate out;
  out.kind = PredicateKind::kNot;
  out.children.push_back(std::move(child));
  return out;
}

Predicate Predicate::Compare(PredicateKind kind, std::vector<std::string> column, Value value) {
  Predicate out;
  out.kind = kind;
  out.column = std::move(column);
  out.values.push_back(std::move(value));
  return out;
}

std::string Predicate::ToString() const {
  std::string name;
  for (const std::string& part : column) name += (name.empty() ? "" : ".") + part;
  switch (kind) {
    case PredicateKind::kTrue: return "TRUE";
    case PredicateKind::kFalse: return "FALSE";
    case PredicateKind::kUnknown: return "?";
    case PredicateKind::kAnd: return Join(children, " AND ");
    case PredicateKind::kOr: return Join(children, " OR ");
    case PredicateKind::kNot:
      return "NOT " + (children.empty() ? "?" : children.front().ToString());
    case PredicateKind::kIsNull: return name + " IS NULL";
    case PredicateKind::kIsNotNull: return name + " IS NOT NULL";
    case PredicateKind::kIn: {
      std::string list;
      for (const Value& value : values) list += (list.empty() ? "" : ", ") + value.ToString();
      return name + " IN (" + list + ")";
    }
    default:
      return name + " " + Symbol(kind) + " " + (values.empty() ? "?" : values.front().ToString());
  }
}

}  // namespace tarn::delta
