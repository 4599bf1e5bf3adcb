#include "delta/prune.h"

#include <simdjson.h>

#include "delta/prune_plan.h"

namespace tarn::delta {

struct Pruner::Impl {
  PrunePlan plan;
};

namespace {

// The statistics of many files, read by column.
class StatisticsReader {
 public:
  StatisticsReader(const FileTable& files, const PrunePlan::Column& column)
      : column_(column),
        null_count_(files, Under("nullCount", column)),
        min_(files, Under("minValues", column)),
        max_(files, Under("maxValues", column)),
        nan_count_(files, Under("nanCount", column)) {}

  ColumnFacts Read(const FileBlock& block, uint32_t row, std::optional<int64_t> records) {
    return PrunePlan::StatisticsFacts(
        column_, records, null_count_.Read(block, row), min_.Read(block, row),
        max_.Read(block, row), column_.is_float() ? nan_count_.Read(block, row) : std::nullopt);
  }

 private:
  static std::vector<std::string> Under(const char* section, const PrunePlan::Column& column) {
    std::vector<std::string> path = {section};
    path.insert(path.end(), column.path.begin(), column.path.end());
    return path;
  }
  const PrunePlan::Column& column_;
  StatsColumn null_count_;
  StatsColumn min_;
  StatsColumn max_;
  StatsColumn nan_count_;
};

// The statistics of one file, parsed when first asked for, and only along the wanted paths.
class StatisticsText {
 public:
  explicit StatisticsText(const std::string& json) : json_(json) {}

  ColumnFacts Read(const PrunePlan::Column& column) {
    if (json_.size() == 0) return PrunePlan::StatisticsFacts(column, {}, {}, {}, {}, {});
    const auto null_count = Find("nullCount", column);
    const auto min = Find("minValues", column);
    const auto max = Find("maxValues", column);
    const auto nan_count = Find("nanCount", column);
    return PrunePlan::StatisticsFacts(column, Records(), View(null_count), View(min), View(max),
                                      View(nan_count));
  }

  std::optional<int64_t> Records() {
    simdjson::ondemand::document document;
    int64_t records = 0;
    if (json_.size() == 0 || parser_.iterate(json_).get(document) ||
        document["numRecords"].get(records)) {
      return std::nullopt;
    }
    return records;
  }

 private:
  static std::optional<std::string_view> View(const std::optional<std::string>& text) {
    return text ? std::optional<std::string_view>(*text) : std::nullopt;
  }

  std::optional<std::string> Find(const char* section, const PrunePlan::Column& column) {
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (parser_.iterate(json_).get(document) || document[section].get_object().get(object))
      return std::nullopt;
    simdjson::ondemand::value value;
    for (size_t i = 0; i < column.path.size(); ++i) {
      if (object.find_field_unordered(column.path[i]).get(value)) return std::nullopt;
      if (i + 1 < column.path.size() && value.get_object().get(object)) return std::nullopt;
    }
    std::string_view token = value.raw_json_token();
    while (!token.empty() &&
           (token.back() == ' ' || token.back() == '\n' || token.back() == '\t')) {
      token.remove_suffix(1);
    }
    if (token.empty() || token == "null" || token.front() == '{' || token.front() == '[')
      return std::nullopt;
    return std::string(token);
  }

  simdjson::padded_string json_;
  simdjson::ondemand::parser parser_;
};

}  // namespace

Pruner::Pruner(const Schema& schema, const std::vector<std::string>& partition_columns,
               bool column_mapping_on, const Predicate& predicate)
    : impl_(std::make_unique<Impl>(
          Impl{PrunePlan(schema, partition_columns, column_mapping_on, predicate)})) {}

Pruner::~Pruner() = default;

Verdict Pruner::Judge(const AddFile& file) const {
  const PrunePlan& plan = impl_->plan;
  std::optional<StatisticsText> statistics;
  const auto judge_leaf = [&](const PrunePlan::Node& node) {
    const PrunePlan::Column& column = plan.columns[node.column];
    if (column.is_partition) {
      const auto found = file.partition_values.find(column.path.front());
      if (found == file.partition_values.end()) return kAnyOutcome;
      return JudgeLeaf(node.kind, node.values, node.sorted,
                       PrunePlan::PartitionFacts(column, found->second));
    }
    if (!statistics) statistics.emplace(file.stats);
    return JudgeLeaf(node.kind, node.values, node.sorted, statistics->Read(column));
  };
  return PrunePlan::ToVerdict(plan.Judge(plan.root, judge_leaf));
}

std::vector<Snapshot::Candidate> Pruner::Prune(const FileTable& files) const {
  const PrunePlan& plan = impl_->plan;
  std::vector<Snapshot::Candidate> out;
  std::vector<std::unique_ptr<StatisticsReader>> readers(plan.columns.size());
  for (size_t i = 0; i < readers.size(); ++i) {
    if (!plan.columns[i].is_partition) {
      readers[i] = std::make_unique<StatisticsReader>(files, plan.columns[i]);
    }
  }
  std::vector<std::unique_ptr<PartitionColumn>> partitions(plan.columns.size());
  for (size_t r = 0; r < files.num_runs(); ++r) {
    const FileTable::Run run = files.run(r);
    plan.ForgetCodes();
    for (size_t i = 0; i < partitions.size(); ++i) {
      const PrunePlan::Column& column = plan.columns[i];
      if (column.is_partition)
        partitions[i] = std::make_unique<PartitionColumn>(*run.block, column.path.front());
    }
    const auto judge_partition = [&](const PrunePlan::Node& node, uint32_t row) -> Outcomes {
      const PartitionColumn& partition = *partitions[node.column];
      if (node.by_code.empty()) node.by_code.assign(partition.size(), PrunePlan::kNotJudged);
      const uint32_t code = partition.Code(row);
      uint8_t& cached = node.by_code[code];
      if (cached == PrunePlan::kNotJudged) {
        const auto text = partition.Value(code);
        // Code 0: the log lacks the value, which says nothing about the rows.
        cached = code == 0
                     ? kAnyOutcome
                     : JudgeLeaf(node.kind, node.values, node.sorted,
                                 PrunePlan::PartitionFacts(
                                     plan.columns[node.column],
                                     text ? std::optional(std::string(*text)) : std::nullopt));
      }
      return cached;
    };
    for (uint32_t i = 0; i < run.count; ++i) {
      const uint32_t row = run.Row(i);
      const FileIndex index(run.first.value() + i);
      Outcomes outcomes = plan.Judge(plan.root, [&](const PrunePlan::Node& node) -> Outcomes {
        return plan.columns[node.column].is_partition ? judge_partition(node, row) : kAnyOutcome;
      });
      if ((outcomes & kCanBeTrue) && plan.uses_statistics) {
        outcomes = plan.Judge(plan.root, [&](const PrunePlan::Node& node) -> Outcomes {
          if (plan.columns[node.column].is_partition) return judge_partition(node, row);
          return JudgeLeaf(node.kind, node.values, node.sorted,
                           readers[node.column]->Read(*run.block, row, files.NumRecords(index)));
        });
      }
      const Verdict verdict = PrunePlan::ToVerdict(outcomes);
      if (verdict != Verdict::kNone) out.push_back({index, verdict});
    }
  }
  return out;
}

}  // namespace tarn::delta
