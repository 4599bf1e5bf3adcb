// CALL tarn_convert: CONVERT TO DELTA parquet.`folder`. A folder of Parquet files becomes a Delta
// table where it lies; no file is copied or changed.
//
// Schema: the union of the files' columns, by name. Partition values: from folders `k=v`, with the
// types PARTITIONED BY gives. Statistics: from the footers, which are read anyway.
#include <algorithm>
#include <map>
#include <set>

#include "delta/json.h"
#include "delta/partition_folder.h"
#include "delta/path_key.h"
#include "delta/transaction.h"
#include "delta/value.h"
#include "duck/extension.h"
#include "duck/functions.h"
#include "duck/maintenance_call.h"
#include "duck/stats_collect.h"
#include "duck/status_exception.h"
#include "duck/table_write.h"
#include "duck/types.h"
#include "duck/write_target.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/function/copy_function.hpp"
#include "duckdb/parser/keyword_helper.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::StringUtil;
using duckdb::Value;

namespace {

constexpr size_t kPartitions = 0, kStatistics = 1;

struct ParquetFile {
  std::string key;
  int64_t size_bytes = 0;
  int64_t modified_ms = 0;
  delta::PartitionValues partition_values;
  duckdb::CopyFunctionFileStatistics written;
};

// The name of the file system for DuckDB's own statements.
std::string Quoted(const std::string& text) {
  return duckdb::KeywordHelper::WriteQuoted(text, '\'');
}

// A type of PARTITIONED BY, in Spark's words or DuckDB's.
LogicalType TypeOf(duckdb::ClientContext& context, const std::string& text) {
  const std::string word = StringUtil::Upper(text);
  if (word.empty()) return LogicalType::VARCHAR;
  if (word == "TIMESTAMP") return LogicalType::TIMESTAMP_TZ;
  if (word == "TIMESTAMP_NTZ") return LogicalType::TIMESTAMP;
  if (word == "BYTE") return LogicalType::TINYINT;
  return duckdb::TransformStringToLogicalType(text, context);
}

class Converter {
 public:
  explicit Converter(const MaintenanceCall& call)
      : call_(call), connection_(*call.context.db), collect_(call.Flag(kStatistics)) {
    table_ = ValueOrThrow(ExtensionState::Get(call.context).TableAtPath(call.table));
    const auto given = call.List(kPartitions);
    for (size_t i = 0; i + 1 < given.size(); i += 2) {
      delta::StructField field;
      field.name = given[i];
      field.type = FromLogicalType(TypeOf(call.context, given[i + 1]), given[i]);
      partitions_.push_back(std::move(field));
    }
  }

  int64_t Run() {
    if (ValueOrThrow(table_->Exists())) return 0;  // a Delta table already, as Spark has it
    ListFiles();
    ReadSchema();
    ReadFooters();
    return Commit();
  }

 private:
  // --- which files, and which partition each lies in ---

  void ListFiles() {
    const std::string prefix = table_->root().empty() ? "" : table_->root() + "/";
    const auto objects = ValueOrThrow(table_->environment().store->List(prefix));
    for (const auto& object : objects) {
      const std::string relative = object.key.substr(prefix.size());
      if (IsHidden(relative)) continue;
      const std::string lower = StringUtil::Lower(relative);
      if (!StringUtil::EndsWith(lower, ".parquet") && !StringUtil::EndsWith(lower, ".parq")) {
        throw duckdb::InvalidInputException(
            "CONVERT TO DELTA %s: '%s' is no Parquet file; take it out of the folder", call_.table,
            relative);
      }
      ParquetFile file;
      file.key = relative;
      file.size_bytes = static_cast<int64_t>(object.size_bytes);
      file.modified_ms = object.modified_micros / 1000;
      file.partition_values = PartitionOf(relative);
      positions_[table_->environment().store->EnginePath(object.key)] = files_.size();
      files_.push_back(std::move(file));
    }
    if (files_.empty()) {
      throw duckdb::InvalidInputException("CONVERT TO DELTA %s: the folder holds no Parquet file",
                                          call_.table);
    }
  }

  static bool IsHidden(const std::string& relative) {
    for (const auto& part : StringUtil::Split(relative, '/')) {
      if (part.empty()) continue;
      const bool partition = part[0] == '_' && part.find('=') != std::string::npos;
      if ((part[0] == '_' && !partition) || part[0] == '.') return true;
    }
    return false;
  }

  delta::PartitionValues PartitionOf(const std::string& relative) const {
    delta::PartitionValues out;
    auto folders = StringUtil::Split(relative, '/');
    folders.pop_back();
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& folder : folders) {
      const size_t equals = folder.find('=');
      if (equals == std::string::npos) continue;
      pairs.emplace_back(delta::UriDecode(folder.substr(0, equals)), folder.substr(equals + 1));
    }
    if (pairs.size() != partitions_.size()) {
      throw duckdb::InvalidInputException(
          "CONVERT TO DELTA %s: '%s' lies in %llu partition folders, PARTITIONED BY names %llu "
          "columns; write PARTITIONED BY (column TYPE, …) for all of them, in order",
          call_.table, relative, static_cast<unsigned long long>(pairs.size()),
          static_cast<unsigned long long>(partitions_.size()));
    }
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& field = partitions_[i];
      if (!StringUtil::CIEquals(pairs[i].first, field.name)) {
        throw duckdb::InvalidInputException(
            "CONVERT TO DELTA %s: '%s' is partitioned by '%s' where PARTITIONED BY says '%s'",
            call_.table, relative, pairs[i].first, field.name);
      }
      out[field.name] = ValueIn(field, pairs[i].second, relative);
    }
    return out;
  }

  std::optional<std::string> ValueIn(const delta::StructField& field, const std::string& text,
                                     const std::string& relative) const {
    if (text == delta::kNullPartition) return std::nullopt;
    const Value raw(delta::UriDecode(text));
    Value typed;
    std::string error;
    if (!raw.TryCastAs(call_.context, ToLogicalType(*field.type), typed, &error)) {
      throw duckdb::InvalidInputException(
          "CONVERT TO DELTA %s: '%s' of '%s' is no %s; give partition column '%s' another type",
          call_.table, text, relative, field.type->ToString(), field.name);
    }
    return ValueOrThrow(delta::SerializePartitionValue(ToDeltaValue(typed), *field.type));
  }

  // --- what is in them ---

  duckdb::unique_ptr<duckdb::MaterializedQueryResult> Ask(const std::string& sql) {
    auto result = connection_.Query(sql);
    if (result->HasError()) {
      throw duckdb::InvalidInputException("CONVERT TO DELTA %s: %s", call_.table,
                                          result->GetErrorObject().RawMessage());
    }
    return result;
  }

  std::string FileList() const {
    std::string list = "[";
    for (const auto& [path, position] : positions_) {
      list += (list.size() > 1 ? ", " : "") + Quoted(path);
    }
    return list + "]";
  }

  void ReadSchema() {
    const auto columns = Ask("DESCRIBE SELECT * FROM read_parquet(" + FileList() +
                             ", union_by_name = true, hive_partitioning = false)");
    std::set<std::string> legacy_times;
    const auto times =
        Ask("SELECT DISTINCT name FROM parquet_schema(" + FileList() + ") WHERE type = 'INT96'");
    for (size_t i = 0; i < times->RowCount(); ++i) {
      legacy_times.insert(times->GetValue(0, i).ToString());
    }
    for (size_t i = 0; i < columns->RowCount(); ++i) {
      delta::StructField field;
      field.name = columns->GetValue(0, i).ToString();
      const bool partition = std::any_of(
          partitions_.begin(), partitions_.end(),
          [&](const auto& other) { return StringUtil::CIEquals(other.name, field.name); });
      if (partition) continue;  // the folder's value counts
      auto type =
          duckdb::TransformStringToLogicalType(columns->GetValue(1, i).ToString(), call_.context);
      // Timestamps of old writers carry no zone and mean UTC.
      if (legacy_times.count(field.name)) type = LogicalType::TIMESTAMP_TZ;
      field.type = FromLogicalType(type, field.name);
      schema_.fields.push_back(std::move(field));
    }
    for (const auto& field : partitions_) schema_.fields.push_back(field);
  }

  // A column of the footers as its quoted path in DuckDB: `"a"."b"`.
  static std::string PathKey(const std::string& path_in_schema) {
    std::string out;
    for (const auto& part : StringUtil::Split(path_in_schema, ", ")) {
      out += (out.empty() ? "" : ".") + duckdb::KeywordHelper::WriteQuoted(part, '"');
    }
    return out;
  }

  void ReadFooters() {
    const auto rows =
        Ask("SELECT file_name, row_group_id, row_group_num_rows, path_in_schema, "
            "stats_min_value, stats_max_value, stats_null_count "
            "FROM parquet_metadata(" +
            FileList() + ")");
    std::set<std::pair<size_t, int64_t>> counted;
    std::set<std::pair<size_t, std::string>> unknown;  // a row group without statistics
    for (size_t i = 0; i < rows->RowCount(); ++i) {
      const auto found = positions_.find(rows->GetValue(0, i).ToString());
      if (found == positions_.end()) continue;
      ParquetFile& file = files_[found->second];
      const auto group = rows->GetValue(1, i).GetValue<int64_t>();
      if (counted.insert({found->second, group}).second) {
        file.written.row_count += rows->GetValue(2, i).GetValue<uint64_t>();
      }
      if (!collect_) continue;
      const std::string path = PathKey(rows->GetValue(3, i).ToString());
      auto& stats = file.written.column_statistics[path];
      if (!Merge(path, rows->GetValue(4, i), rows->GetValue(5, i), rows->GetValue(6, i), &stats)) {
        unknown.insert({found->second, path});
      }
    }
    for (const auto& [position, path] : unknown) {
      auto& stats = files_[position].written.column_statistics[path];
      stats.erase("min");
      stats.erase("max");
    }
  }

  // The type of a top-level or nested field by its quoted path; null for lists and maps.
  LogicalType LeafType(const std::string& path) const {
    const std::vector<delta::StructField>* fields = &schema_.fields;
    const delta::DataType* type = nullptr;
    for (auto part : StringUtil::Split(path, "\".\"")) {
      part.erase(std::remove(part.begin(), part.end(), '"'), part.end());
      if (!fields) return LogicalType::SQLNULL;
      type = nullptr;
      for (const auto& field : *fields) {
        if (field.name == part) type = field.type.get();
      }
      if (!type) return LogicalType::SQLNULL;
      fields = type->kind == delta::TypeKind::kStruct ? &type->fields : nullptr;
    }
    return type && type->is_primitive() ? ToLogicalType(*type) : LogicalType(LogicalType::SQLNULL);
  }

  // False when this row group says nothing of the column's bounds.
  bool Merge(const std::string& path, const Value& min, const Value& max, const Value& nulls,
             duckdb::case_insensitive_map_t<Value>* stats) const {
    if (!nulls.IsNull()) {
      const auto before = stats->find("null_count");
      const int64_t sum = (before == stats->end() ? 0 : before->second.GetValue<int64_t>()) +
                          nulls.GetValue<int64_t>();
      (*stats)["null_count"] = Value::BIGINT(sum);
    }
    if (min.IsNull() || max.IsNull()) return false;
    const LogicalType type = LeafType(path);
    if (type.id() == duckdb::LogicalTypeId::SQLNULL) return false;
    for (const bool is_max : {false, true}) {
      const char* name = is_max ? "max" : "min";
      Value typed;
      std::string error;
      if (!(is_max ? max : min).TryCastAs(call_.context, type, typed, &error)) return false;
      const auto before = stats->find(name);
      const bool wider =
          before == stats->end() || (is_max ? before->second < typed : typed < before->second);
      if (wider) (*stats)[name] = typed;
    }
    return true;
  }

  // --- the first version ---

  int64_t Commit() {
    delta::Metadata metadata;
    metadata.schema_string = delta::SerializeSchema(schema_);
    for (const auto& field : partitions_) metadata.partition_columns.push_back(field.name);
    auto transaction = ValueOrThrow(delta::Transaction::Create(table_, metadata));
    const auto target =
        MakeWriteTarget(call_.table, table_, transaction->schema(), transaction->metadata());
    int64_t bytes = 0;
    for (auto& file : files_) {
      delta::AddFile add;
      add.path = delta::UriEncodePath(file.key);
      add.partition_values = std::move(file.partition_values);
      add.size_bytes = file.size_bytes;
      add.modification_time_ms = file.modified_ms;
      add.stats = collect_ ? StatsJson(*target, file.written)
                           : "{\"numRecords\":" + std::to_string(file.written.row_count) + "}";
      bytes += file.size_bytes;
      ThrowIfError(transaction->AddDataFile(std::move(add)));
    }
    std::string names = "[";
    for (const auto& field : partitions_) {
      names += (names.size() > 1 ? "," : "") + delta::JsonQuote(field.name);
    }
    transaction->SetOperation("CONVERT", {{"numFiles", std::to_string(files_.size())},
                                          {"partitionedBy", JsonText(names + "]")},
                                          {"collectStats", collect_ ? "true" : "false"}});
    transaction->SetMetric("numConvertedFiles", static_cast<int64_t>(files_.size()));
    transaction->SetMetric("numOutputBytes", bytes);
    ThrowIfError(transaction->Commit().status());
    return static_cast<int64_t>(files_.size());
  }

  const MaintenanceCall& call_;
  duckdb::Connection connection_;
  bool collect_;
  std::shared_ptr<delta::Table> table_;
  std::vector<delta::StructField> partitions_;
  delta::Schema schema_;
  std::vector<ParquetFile> files_;
  std::map<std::string, size_t> positions_;  // by the path DuckDB opens
};

}  // namespace

void RegisterConvert(duckdb::ExtensionLoader& loader) {
  const auto text = LogicalType::VARCHAR;
  RegisterMaintenance(loader, "tarn_convert", {LogicalType::LIST(text), LogicalType::BOOLEAN}, 0,
                      {{"path", text}, {"num_converted_files", LogicalType::BIGINT}},
                      [](const MaintenanceCall& call) -> std::vector<MaintenanceRow> {
                        const int64_t files = Converter(call).Run();
                        return {{Value(call.table), Value::BIGINT(files)}};
                      });
}

}  // namespace tarn::duck
