#include "delta/add_filter.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "delta/prune_plan.h"
#include "delta/stats_shape.h"

namespace tarn::delta {
namespace {

// Distinct partition values remembered per condition; a column with more is judged row by row.
constexpr size_t kMaxRemembered = 100'000;
constexpr size_t kMaxShapes = 16;

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using Remembered = std::unordered_map<std::string, Outcomes, TextHash, std::equal_to<>>;

// Where a column's statistics lie in texts of one shape; -1 where they are absent.
struct Slots {
  int null_count = -1, min = -1, max = -1, nan_count = -1;
};

struct KnownShape {
  std::shared_ptr<const StatsShape> shape;
  std::vector<Slots> of_column;
};

}  // namespace

struct PredicateAddFilter::Impl {
  explicit Impl(PrunePlan made) : plan(std::move(made)) {
    CountLeaves(plan.root);
    for (const PrunePlan::Column& column : plan.columns) {
      const std::string& name = column.path.front();
      if (column.is_partition && std::find(partition_columns.begin(), partition_columns.end(),
                                           name) == partition_columns.end()) {
        partition_columns.push_back(name);
      }
    }
  }

  PrunePlan plan;
  std::vector<std::string> partition_columns;
  size_t leaves = 0;
  std::unordered_map<const PrunePlan::Node*, Remembered> remembered;
  std::vector<KnownShape> shapes;
  std::vector<std::string_view> values;  // of the statistics at hand

  void CountLeaves(const PrunePlan::Node& node) {
    if (node.column >= 0) ++leaves;
    for (const auto& child : node.children) CountLeaves(child);
  }

  Outcomes JudgePartition(const PrunePlan::Node& node, const AddView& add) {
    const PrunePlan::Column& column = plan.columns[node.column];
    for (size_t i = 0; add.partition_keys && i < add.partition_keys->size(); ++i) {
      if ((*add.partition_keys)[i] != column.path.front()) continue;
      if ((*add.partition_nulls)[i]) {
        return JudgeLeaf(node.kind, node.values, node.sorted,
                         PrunePlan::PartitionFacts(column, std::nullopt));
      }
      const std::string_view text = (*add.partition_values)[i];
      Remembered& known = remembered[&node];
      const auto found = known.find(text);
      if (found != known.end()) return found->second;
      const Outcomes outcomes = JudgeLeaf(node.kind, node.values, node.sorted,
                                          PrunePlan::PartitionFacts(column, std::string(text)));
      if (known.size() < kMaxRemembered) known.emplace(text, outcomes);
      return outcomes;
    }
    return kAnyOutcome;  // the log lacks the value, which says nothing about the rows
  }

  // Splits the statistics into `values`; null when their form is not known.
  const KnownShape* ShapeOf(std::string_view stats) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (!MatchStatsShape(*shapes[i].shape, stats, &values)) continue;
      if (i > 0) std::swap(shapes[i], shapes[0]);  // neighbours look alike
      return &shapes[0];
    }
    KnownShape known;
    known.shape = ParseStatsShape(stats, &values);
    if (!known.shape) return nullptr;
    for (const PrunePlan::Column& column : plan.columns) {
      const auto slot = [&](const char* section) {
        std::vector<std::string> path = {section};
        path.insert(path.end(), column.path.begin(), column.path.end());
        return known.shape->SlotOf(path);
      };
      known.of_column.push_back(
          {slot("nullCount"), slot("minValues"), slot("maxValues"), slot("nanCount")});
    }
    if (shapes.size() == kMaxShapes) shapes.pop_back();
    shapes.insert(shapes.begin(), std::move(known));
    return &shapes[0];
  }

  std::optional<std::string_view> ValueAt(int slot) const {
    if (slot < 0 || values[slot] == "null") return std::nullopt;
    return values[slot];
  }

  ColumnFacts StatisticsOf(const KnownShape& known, int column) const {
    std::optional<int64_t> records;
    int64_t number = 0;
    if (const auto text = ValueAt(known.shape->records_slot);
        text &&
        std::from_chars(text->data(), text->data() + text->size(), number).ec == std::errc()) {
      records = number;
    }
    const Slots& slots = known.of_column[column];
    return PrunePlan::StatisticsFacts(plan.columns[column], records, ValueAt(slots.null_count),
                                      ValueAt(slots.min), ValueAt(slots.max),
                                      ValueAt(slots.nan_count));
  }

  bool Keep(const AddView& add) {
    const auto by_partition = [&](const PrunePlan::Node& node) -> Outcomes {
      return plan.columns[node.column].is_partition ? JudgePartition(node, add) : kAnyOutcome;
    };
    if (!(plan.Judge(plan.root, by_partition) & kCanBeTrue)) return false;
    if (!plan.uses_statistics || add.stats.empty()) return true;
    const KnownShape* known = ShapeOf(add.stats);
    if (known == nullptr) return true;
    const auto by_all = [&](const PrunePlan::Node& node) -> Outcomes {
      if (plan.columns[node.column].is_partition) return JudgePartition(node, add);
      return JudgeLeaf(node.kind, node.values, node.sorted, StatisticsOf(*known, node.column));
    };
    return (plan.Judge(plan.root, by_all) & kCanBeTrue) != 0;
  }
};

PredicateAddFilter::PredicateAddFilter(const Schema& schema,
                                       const std::vector<std::string>& partition_columns,
                                       bool column_mapping_on, const Predicate& predicate)
    : impl_(std::make_unique<Impl>(
          PrunePlan(schema, partition_columns, column_mapping_on, predicate))) {}
PredicateAddFilter::~PredicateAddFilter() = default;

bool PredicateAddFilter::IsSelective() const { return impl_->leaves > 0; }
bool PredicateAddFilter::NeedsStats() const { return impl_->plan.uses_statistics; }
const std::vector<std::string>& PredicateAddFilter::partition_columns() const {
  return impl_->partition_columns;
}
bool PredicateAddFilter::Keep(const AddView& add) { return impl_->Keep(add); }

}  // namespace tarn::delta
