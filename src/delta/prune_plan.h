// A predicate made ready for judging files: columns resolved, literals sorted. Private to prune and
// add_filter.
//
// Threads: built by one thread; judging writes caches in the nodes, so one thread per plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delta/predicate.h"
#include "delta/prune_bounds.h"
#include "delta/schema.h"

namespace tarn::delta {

struct PrunePlan {
  static constexpr uint8_t kNotJudged = 0xff;

  struct Column {
    bool is_partition = false;
    std::vector<std::string> path;  // physical names
    DataTypePtr type;
    bool is_float() const {
      return type->kind == TypeKind::kFloat || type->kind == TypeKind::kDouble;
    }
    bool has_bounds() const { return type->is_primitive(); }
  };

  struct Node {
    PredicateKind kind = PredicateKind::kUnknown;
    int column = -1;  // leaf: index of its column
    std::vector<Value> values;
    bool sorted = false;
    std::vector<Node> children;
    // Leaves over partition columns: outcome by dictionary code of the block at hand.
    mutable std::vector<uint8_t> by_code;
  };

  PrunePlan(const Schema& schema, const std::vector<std::string>& partition_columns,
            bool column_mapping_on, const Predicate& predicate);

  std::vector<Column> columns;
  Node root;
  bool uses_statistics = false;

  static Outcomes Negate(Outcomes in);
  // Every outcome of `a AND b` for an outcome of each.
  static Outcomes Both(Outcomes a, Outcomes b);
  static Outcomes Either(Outcomes a, Outcomes b) { return Negate(Both(Negate(a), Negate(b))); }
  static Verdict ToVerdict(Outcomes outcomes);

  // --- judging; `facts(column)` is asked at most where the outcome still depends on it ---
  template <typename JudgeLeafFn>
  Outcomes Judge(const Node& node, const JudgeLeafFn& judge_leaf) const {
    switch (node.kind) {
      case PredicateKind::kTrue: return kCanBeTrue;
      case PredicateKind::kFalse: return kCanBeFalse;
      case PredicateKind::kUnknown: return kAnyOutcome;
      case PredicateKind::kNot: return Negate(Judge(node.children.front(), judge_leaf));
      case PredicateKind::kAnd: {
        Outcomes out = kCanBeTrue;
        for (const Node& child : node.children) {
          out = Both(out, Judge(child, judge_leaf));
          if (out == kCanBeFalse || out == 0) return out;
        }
        return out;
      }
      case PredicateKind::kOr: {
        Outcomes out = kCanBeFalse;
        for (const Node& child : node.children) {
          out = Either(out, Judge(child, judge_leaf));
          if (out == kCanBeTrue || out == 0) return out;
        }
        return out;
      }
      default: return judge_leaf(node);
    }
  }

  // Facts of a partition column; nullopt is null.
  static ColumnFacts PartitionFacts(const Column& column, const std::optional<std::string>& text);
  // Facts of a statistics column from the texts that matter; nullopt is absent.
  static ColumnFacts StatisticsFacts(const Column& column, std::optional<int64_t> records,
                                     std::optional<std::string_view> null_count,
                                     std::optional<std::string_view> min,
                                     std::optional<std::string_view> max,
                                     std::optional<std::string_view> nan_count);
  void ForgetCodes() const { ForgetCodes(root); }

 private:
  int AddColumn(const Schema& schema, const std::vector<std::string>& partition_columns,
                bool mapping, const std::vector<std::string>& path);
  Node Compile(const Schema& schema, const std::vector<std::string>& partition_columns,
               bool mapping, const Predicate& predicate);
  static void ForgetCodes(const Node& node) {
    node.by_code.clear();
    for (const Node& child : node.children) ForgetCodes(child);
  }
};

}  // namespace tarn::delta
