#include "delta/prune.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "delta/prune_bounds.h"

namespace tarn::delta {
namespace {

constexpr uint8_t kNotJudged = 0xff;

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

Outcomes Negate(Outcomes in) {
  Outcomes out = in & kCanBeNull;
  if (in & kCanBeTrue) out |= kCanBeFalse;
  if (in & kCanBeFalse) out |= kCanBeTrue;
  return out;
}

// Every outcome of `a AND b` for an outcome of each.
Outcomes Both(Outcomes a, Outcomes b) {
  if (a == 0 || b == 0) return 0;
  Outcomes out = 0;
  if ((a & kCanBeTrue) && (b & kCanBeTrue)) out |= kCanBeTrue;
  if ((a & kCanBeFalse) || (b & kCanBeFalse)) out |= kCanBeFalse;
  if (((a & kCanBeNull) && (b & (kCanBeNull | kCanBeTrue))) ||
      ((b & kCanBeNull) && (a & kCanBeTrue))) {
    out |= kCanBeNull;
  }
  return out;
}

Outcomes Either(Outcomes a, Outcomes b) { return Negate(Both(Negate(a), Negate(b))); }

Verdict ToVerdict(Outcomes outcomes) {
  if (!(outcomes & kCanBeTrue)) return Verdict::kNone;
  return outcomes == kCanBeTrue ? Verdict::kAll : Verdict::kSome;
}

bool SortValues(std::vector<Value>* values) {
  for (const Value& value : *values) {
    if (!CompareValues(value, values->front()) || !CompareValues(value, value)) return false;
  }
  std::sort(values->begin(), values->end(), [](const Value& a, const Value& b) {
    const auto order = CompareValues(a, b);
    return order && *order < 0;
  });
  return true;
}

bool SameName(const std::string& a, const std::string& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) ==
                  std::tolower(static_cast<unsigned char>(y));
         });
}

const StructField* FindField(const std::vector<StructField>& fields, const std::string& name) {
  for (const StructField& field : fields) {
    if (field.name == name) return &field;
  }
  for (const StructField& field : fields) {
    if (SameName(field.name, name)) return &field;
  }
  return nullptr;
}

// Facts of a statistics column from the four texts that matter; nullopt is absent.
ColumnFacts FactsOf(const Column& column, std::optional<int64_t> records,
                    std::optional<std::string_view> null_count, std::optional<std::string_view> min,
                    std::optional<std::string_view> max,
                    std::optional<std::string_view> nan_count) {
  ColumnFacts facts;
  if (column.type->kind == TypeKind::kVoid) facts.may_be_set = false;
  if (null_count) {
    int64_t nulls = -1;
    std::from_chars(null_count->data(), null_count->data() + null_count->size(), nulls);
    // Values between 0 and numRecords say nothing once rows were deleted by a vector.
    if (nulls == 0) facts.may_be_null = false;
    if (records && nulls == *records) facts.may_be_set = false;
  }
  if (!column.has_bounds()) return facts;
  if (min) SetMin(*min, *column.type, &facts);
  if (max) SetMax(*max, *column.type, &facts);
  facts.may_exceed_max = column.is_float() && nan_count != "0";
  return facts;
}

}  // namespace

struct Pruner::Impl {
  std::vector<Column> columns;
  Node root;
  bool uses_statistics = false;

  // --- building ---
  int AddColumn(const Schema& schema, const std::vector<std::string>& partition_columns,
                bool mapping, const std::vector<std::string>& path) {
    Column column;
    const std::vector<StructField>* fields = &schema.fields;
    for (size_t i = 0; i < path.size(); ++i) {
      const StructField* field = fields == nullptr ? nullptr : FindField(*fields, path[i]);
      if (field == nullptr) return -1;
      column.path.push_back(field->PhysicalName(mapping));
      column.type = field->type;
      fields = field->type->kind == TypeKind::kStruct ? &field->type->fields : nullptr;
      if (path.size() == 1) {
        column.is_partition =
            std::any_of(partition_columns.begin(), partition_columns.end(),
                        [&](const std::string& name) { return SameName(name, field->name); });
      }
    }
    if (column.type == nullptr || !column.type->is_primitive()) return -1;
    uses_statistics = uses_statistics || !column.is_partition;
    columns.push_back(std::move(column));
    return static_cast<int>(columns.size()) - 1;
  }

  Node Compile(const Schema& schema, const std::vector<std::string>& partition_columns,
               bool mapping, const Predicate& predicate) {
    Node node;
    node.kind = predicate.kind;
    switch (predicate.kind) {
      case PredicateKind::kTrue:
      case PredicateKind::kFalse:
      case PredicateKind::kUnknown: return node;
      case PredicateKind::kAnd:
      case PredicateKind::kOr:
      case PredicateKind::kNot:
        for (const Predicate& child : predicate.children) {
          node.children.push_back(Compile(schema, partition_columns, mapping, child));
        }
        if (node.kind == PredicateKind::kNot && node.children.size() != 1)
          node.kind = PredicateKind::kUnknown;
        return node;
      default: break;
    }
    node.column = AddColumn(schema, partition_columns, mapping, predicate.column);
    if (node.column < 0) node.kind = PredicateKind::kUnknown;
    node.values = predicate.values;
    node.sorted =
        node.kind == PredicateKind::kIn && !node.values.empty() && SortValues(&node.values);
    return node;
  }

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

  ColumnFacts PartitionFacts(const Column& column, const std::optional<std::string>& text) const {
    const auto value = ParsePartitionValue(text, *column.type);
    return value.ok() ? ColumnFacts::Constant(*value) : ColumnFacts();
  }

  void ForgetCodes(const Node& node) const {
    node.by_code.clear();
    for (const Node& child : node.children) ForgetCodes(child);
  }
};

namespace {

// The statistics of many files, read by column.
class StatisticsReader {
 public:
  StatisticsReader(const FileTable& files, const Column& column)
      : column_(column),
        null_count_(files, Under("nullCount", column)),
        min_(files, Under("minValues", column)),
        max_(files, Under("maxValues", column)),
        nan_count_(files, Under("nanCount", column)) {}

  ColumnFacts Read(const FileBlock& block, uint32_t row, std::optional<int64_t> records) {
    return FactsOf(column_, records, null_count_.Read(block, row), min_.Read(block, row),
                   max_.Read(block, row),
                   column_.is_float() ? nan_count_.Read(block, row) : std::nullopt);
  }

 private:
  static std::vector<std::string> Under(const char* section, const Column& column) {
    std::vector<std::string> path = {section};
    path.insert(path.end(), column.path.begin(), column.path.end());
    return path;
  }
  const Column& column_;
  StatsColumn null_count_;
  StatsColumn min_;
  StatsColumn max_;
  StatsColumn nan_count_;
};

// The statistics of one file, parsed when first asked for, and only along the wanted paths.
class StatisticsText {
 public:
  explicit StatisticsText(const std::string& json) : json_(json) {}

  ColumnFacts Read(const Column& column) {
    if (json_.size() == 0) return FactsOf(column, {}, {}, {}, {}, {});
    const auto null_count = Find("nullCount", column);
    const auto min = Find("minValues", column);
    const auto max = Find("maxValues", column);
    const auto nan_count = Find("nanCount", column);
    return FactsOf(column, Records(), View(null_count), View(min), View(max), View(nan_count));
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

  std::optional<std::string> Find(const char* section, const Column& column) {
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
    : impl_(std::make_unique<Impl>()) {
  impl_->root = impl_->Compile(schema, partition_columns, column_mapping_on, predicate);
}

Pruner::~Pruner() = default;

Verdict Pruner::Judge(const AddFile& file) const {
  std::optional<StatisticsText> statistics;
  const auto judge_leaf = [&](const Node& node) {
    const Column& column = impl_->columns[node.column];
    if (column.is_partition) {
      const auto found = file.partition_values.find(column.path.front());
      if (found == file.partition_values.end()) return kAnyOutcome;
      return JudgeLeaf(node.kind, node.values, node.sorted,
                       impl_->PartitionFacts(column, found->second));
    }
    if (!statistics) statistics.emplace(file.stats);
    return JudgeLeaf(node.kind, node.values, node.sorted, statistics->Read(column));
  };
  return ToVerdict(impl_->Judge(impl_->root, judge_leaf));
}

std::vector<Snapshot::Candidate> Pruner::Prune(const FileTable& files) const {
  std::vector<Snapshot::Candidate> out;
  std::vector<std::unique_ptr<StatisticsReader>> readers(impl_->columns.size());
  for (size_t i = 0; i < readers.size(); ++i) {
    if (!impl_->columns[i].is_partition) {
      readers[i] = std::make_unique<StatisticsReader>(files, impl_->columns[i]);
    }
  }
  std::vector<std::unique_ptr<PartitionColumn>> partitions(impl_->columns.size());
  for (size_t r = 0; r < files.num_runs(); ++r) {
    const FileTable::Run run = files.run(r);
    impl_->ForgetCodes(impl_->root);
    for (size_t i = 0; i < partitions.size(); ++i) {
      const Column& column = impl_->columns[i];
      if (column.is_partition)
        partitions[i] = std::make_unique<PartitionColumn>(*run.block, column.path.front());
    }
    const auto judge_partition = [&](const Node& node, uint32_t row) -> Outcomes {
      const PartitionColumn& partition = *partitions[node.column];
      if (node.by_code.empty()) node.by_code.assign(partition.size(), kNotJudged);
      const uint32_t code = partition.Code(row);
      uint8_t& cached = node.by_code[code];
      if (cached == kNotJudged) {
        const auto text = partition.Value(code);
        // Code 0: the log lacks the value, which says nothing about the rows.
        cached = code == 0
                     ? kAnyOutcome
                     : JudgeLeaf(node.kind, node.values, node.sorted,
                                 impl_->PartitionFacts(
                                     impl_->columns[node.column],
                                     text ? std::optional(std::string(*text)) : std::nullopt));
      }
      return cached;
    };
    for (uint32_t i = 0; i < run.count; ++i) {
      const uint32_t row = run.Row(i);
      const FileIndex index(run.first.value() + i);
      Outcomes outcomes = impl_->Judge(impl_->root, [&](const Node& node) -> Outcomes {
        return impl_->columns[node.column].is_partition ? judge_partition(node, row) : kAnyOutcome;
      });
      if ((outcomes & kCanBeTrue) && impl_->uses_statistics) {
        outcomes = impl_->Judge(impl_->root, [&](const Node& node) -> Outcomes {
          if (impl_->columns[node.column].is_partition) return judge_partition(node, row);
          return JudgeLeaf(node.kind, node.values, node.sorted,
                           readers[node.column]->Read(*run.block, row, files.NumRecords(index)));
        });
      }
      const Verdict verdict = ToVerdict(outcomes);
      if (verdict != Verdict::kNone) out.push_back({index, verdict});
    }
  }
  return out;
}

}  // namespace tarn::delta
