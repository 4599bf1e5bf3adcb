// Reading: one streaming query per kind of action over the columns the file has, so that DuckDB
// decodes in parallel only what is asked for.
#include "duck/checkpoint_parquet.h"

#include <string>
#include <utility>
#include <vector>

#include "delta/json.h"
#include "duck/checkpoint_others.h"
#include "duck/checkpoint_query.h"
#include "duck/checkpoint_stats.h"
#include "duck/checkpoint_write.h"
#include "duck/store_file_system.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/connection.hpp"
#include "duckdb/parser/keyword_helper.hpp"

namespace tarn::duck {
namespace {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::ListVector;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::StringUtil;
using duckdb::StructVector;
using duckdb::Value;
using duckdb::Vector;

// Output columns of the queries for add and remove, in this order.
enum FileColumn : idx_t {
  kPath,
  kPartitionValues,
  kSize,
  kTime,
  kDataChange,
  kStats,
  kTags,
  kDvType,
  kDvPath,
  kDvOffset,
  kDvSize,
  kDvCardinality,
  kBaseRowId,
  kDefaultVersion,
  kClustering,
  kExtended,
  kStatsParsed,
  kPartitionParsed,
  kFileColumns
};

struct FieldSpec {
  const char* field;  // "a.b" for a field of a struct field
  const char* type;
};

constexpr FieldSpec kFileFields[] = {
    {"path", "VARCHAR"},
    {"partitionValues", "MAP(VARCHAR, VARCHAR)"},
    {"size", "BIGINT"},
    {"modificationTime", "BIGINT"},  // deletionTimestamp for remove
    {"dataChange", "BOOLEAN"},
    {"stats", "VARCHAR"},
    {"tags", "MAP(VARCHAR, VARCHAR)"},
    {"deletionVector.storageType", "VARCHAR"},
    {"deletionVector.pathOrInlineDv", "VARCHAR"},
    {"deletionVector.offset", "INTEGER"},
    {"deletionVector.sizeInBytes", "INTEGER"},
    {"deletionVector.cardinality", "BIGINT"},
    {"baseRowId", "BIGINT"},
    {"defaultRowCommitVersion", "BIGINT"},
    {"clusteringProvider", "VARCHAR"},
    {"extendedFileMetadata", "BOOLEAN"},
};

// `column.field::type`, or a typed NULL when the file lacks the field.
std::string FieldExpression(const std::string& column, const LogicalType* type, std::string field,
                            const std::string& cast) {
  std::string expression = Quote(column);
  const LogicalType* at = type;
  while (!field.empty()) {
    const size_t dot = field.find('.');
    const std::string part = field.substr(0, dot);
    field = dot == std::string::npos ? "" : field.substr(dot + 1);
    at = Layout::Field(at, part);
    if (at == nullptr) return "NULL::" + cast;
    expression += "." + Quote(part);
  }
  return "(" + expression + ")::" + cast;
}

std::string FileQuery(const std::string& source, const LogicalType* type, bool is_add,
                      bool with_stats) {
  const std::string column = is_add ? "add" : "remove";
  std::string sql = "SELECT ";
  for (idx_t i = 0; i < kStatsParsed; ++i) {
    const char* field = i == kTime && !is_add ? "deletionTimestamp" : kFileFields[i].field;
    const bool wanted = i != kStats || with_stats;
    sql += wanted ? FieldExpression(column, type, field, kFileFields[i].type)
                  : std::string("NULL::") + kFileFields[i].type;
    sql += ", ";
  }
  const bool parsed_stats = is_add && with_stats && !Layout::Field(type, "stats") &&
                            Layout::Field(type, "stats_parsed") != nullptr;
  sql += parsed_stats ? Quote(column) + ".\"stats_parsed\"" : "NULL";
  const bool parsed_partition = !Layout::Field(type, "partitionValues") &&
                                Layout::Field(type, "partitionValues_parsed") != nullptr;
  sql += ", ";
  sql += parsed_partition ? Quote(column) + ".\"partitionValues_parsed\"" : "NULL";
  return sql + " FROM " + source + " WHERE " + Quote(column) + ".\"path\" IS NOT NULL";
}

bool IsNull(Vector& vector, idx_t row) { return !FlatVector::Validity(vector).RowIsValid(row); }

std::string_view Text(Vector& vector, idx_t row) {
  const auto& text = FlatVector::GetData<duckdb::string_t>(vector)[row];
  return {text.GetData(), text.GetSize()};
}

template <typename T>
std::optional<T> Number(Vector& vector, idx_t row) {
  if (IsNull(vector, row)) return std::nullopt;
  return FlatVector::GetData<T>(vector)[row];
}

// One chunk of the file query, flattened, with the per-row values assembled on request.
class FileRows {
 public:
  explicit FileRows(duckdb::DataChunk& chunk) : chunk_(chunk) { chunk.Flatten(); }

  std::string_view TextAt(FileColumn column, idx_t row) {
    Vector& vector = chunk_.data[column];
    return IsNull(vector, row) ? std::string_view() : Text(vector, row);
  }
  std::optional<int64_t> LongAt(FileColumn column, idx_t row) {
    return Number<int64_t>(chunk_.data[column], row);
  }
  std::optional<bool> FlagAt(FileColumn column, idx_t row) {
    return Number<bool>(chunk_.data[column], row);
  }

  bool DeletionVector(idx_t row, delta::DeletionVectorDescriptor* out) {
    if (IsNull(chunk_.data[kDvType], row)) return false;
    const std::string_view type = TextAt(kDvType, row);
    out->storage_type = type.empty() ? 'u' : type.front();
    out->path_or_inline = TextAt(kDvPath, row);
    out->offset = Number<int32_t>(chunk_.data[kDvOffset], row);
    out->size_bytes = Number<int32_t>(chunk_.data[kDvSize], row).value_or(0);
    out->cardinality = LongAt(kDvCardinality, row).value_or(0);
    return true;
  }

  // Visits (key, value, is_null) of a map column.
  template <typename Visit>
  void ForEachPair(FileColumn column, idx_t row, Visit visit) {
    Vector& vector = chunk_.data[column];
    if (IsNull(vector, row)) return;
    const auto entry = FlatVector::GetData<duckdb::list_entry_t>(vector)[row];
    auto& pair = StructVector::GetEntries(ListVector::GetEntry(vector));
    if (!pairs_flat_[column]) {
      // Flatten() of the chunk does not reach the children of lists.
      for (auto& side : pair) side->Flatten(ListVector::GetListSize(vector));
      pairs_flat_[column] = true;
    }
    for (idx_t i = entry.offset; i < entry.offset + entry.length; ++i) {
      const bool null = IsNull(*pair[1], i);
      visit(Text(*pair[0], i), null ? std::string_view() : Text(*pair[1], i), null);
    }
  }

  // Partition values when the file has only the typed form.
  void ParsedPartition(idx_t row, std::vector<std::string>* keys,
                       std::vector<std::optional<std::string>>* values) {
    Vector& vector = chunk_.data[kPartitionParsed];
    if (vector.GetType().id() != LogicalTypeId::STRUCT || IsNull(vector, row)) return;
    auto& fields = StructVector::GetEntries(vector);
    for (idx_t i = 0; i < fields.size(); ++i) {
      keys->push_back(duckdb::StructType::GetChildName(vector.GetType(), i));
      values->push_back(ParsedText(*fields[i], row));
    }
  }

  // Statistics as JSON from the typed form; false when there are none.
  bool ParsedStats(idx_t row, std::string* json) {
    Vector& vector = chunk_.data[kStatsParsed];
    if (vector.GetType().id() != LogicalTypeId::STRUCT || IsNull(vector, row)) return false;
    json->clear();
    return AppendStatsJson(vector, row, json);
  }

 private:
  static std::optional<std::string> ParsedText(Vector& field, idx_t row) {
    if (IsNull(field, row)) return std::nullopt;
    std::string text;
    AppendPartitionText(field, row, &text);
    return text;
  }
  duckdb::DataChunk& chunk_;
  bool pairs_flat_[kFileColumns] = {};
};

// The partition values of one row; reused from row to row.
struct PartitionTexts {
  std::vector<std::string_view> keys, values;
  std::vector<bool> nulls;
  std::vector<std::string> parsed_keys;
  std::vector<std::optional<std::string>> parsed_values;

  void Take(FileRows& rows, idx_t row) {
    keys.clear();
    values.clear();
    nulls.clear();
    rows.ForEachPair(kPartitionValues, row, [&](auto key, auto value, bool null) {
      keys.push_back(key);
      values.push_back(value);
      nulls.push_back(null);
    });
    parsed_keys.clear();
    parsed_values.clear();
    rows.ParsedPartition(row, &parsed_keys, &parsed_values);
    for (size_t i = 0; i < parsed_keys.size(); ++i) {
      keys.push_back(parsed_keys[i]);
      values.push_back(parsed_values[i] ? std::string_view(*parsed_values[i]) : std::string_view());
      nulls.push_back(!parsed_values[i]);
    }
  }
};

Status SendAdd(FileRows& rows, idx_t row, PartitionTexts* partition, delta::AddFilter* filter,
               delta::CheckpointSink* sink) {
  partition->Take(rows, row);
  delta::AddView view;
  view.partition_keys = &partition->keys;
  view.partition_values = &partition->values;
  view.partition_nulls = &partition->nulls;
  view.stats = rows.TextAt(kStats, row);
  std::string stats;
  if (view.stats.empty() && rows.ParsedStats(row, &stats)) view.stats = stats;
  if (filter && !filter->Keep(view)) return Status::Ok();
  delta::StringMap tags;
  rows.ForEachPair(kTags, row, [&](auto key, auto value, bool null) {
    if (!null) tags.emplace(key, value);
  });
  const std::string tags_json = tags.empty() ? "" : delta::StringMapToJson(tags);
  delta::DeletionVectorDescriptor vector;
  view.path = rows.TextAt(kPath, row);
  view.size_bytes = rows.LongAt(kSize, row).value_or(0);
  view.modification_time_ms = rows.LongAt(kTime, row).value_or(0);
  view.data_change = rows.FlagAt(kDataChange, row).value_or(false);
  view.tags_json = tags_json;
  if (rows.DeletionVector(row, &vector)) view.deletion_vector = &vector;
  view.base_row_id = rows.LongAt(kBaseRowId, row);
  view.default_row_commit_version = rows.LongAt(kDefaultVersion, row);
  view.clustering_provider = rows.TextAt(kClustering, row);
  return sink->OnAdd(view);
}

Status SendRemove(FileRows& rows, idx_t row, delta::CheckpointSink* sink) {
  delta::RemoveFile remove;
  remove.path = rows.TextAt(kPath, row);
  remove.deletion_timestamp_ms = rows.LongAt(kTime, row);
  remove.data_change = rows.FlagAt(kDataChange, row).value_or(false);
  remove.extended_file_metadata = rows.FlagAt(kExtended, row).value_or(false);
  rows.ForEachPair(kPartitionValues, row, [&](auto key, auto value, bool null) {
    std::optional<std::string> text;
    if (!null) text = std::string(value);
    remove.partition_values.emplace(key, std::move(text));
  });
  rows.ForEachPair(kTags, row, [&](auto key, auto value, bool null) {
    if (!null) remove.tags.emplace(key, value);
  });
  remove.size_bytes = rows.LongAt(kSize, row);
  remove.stats = rows.TextAt(kStats, row);
  delta::DeletionVectorDescriptor vector;
  if (rows.DeletionVector(row, &vector)) remove.deletion_vector = vector;
  remove.base_row_id = rows.LongAt(kBaseRowId, row);
  remove.default_row_commit_version = rows.LongAt(kDefaultVersion, row);
  return sink->OnAction(std::move(remove));
}

// The texts of one partition column that the filter may want, as SQL, so that DuckDB makes no row
// of another one. Empty where that would not leave out rows.
std::string WantedTexts(duckdb::Connection& connection, const std::string& source,
                        const std::string& column, delta::AddFilter* filter) {
  constexpr size_t kMostListed = 500;  // beyond, DuckDB joins, and the filter is as good
  const auto quoted = [](const std::string& text) {
    return duckdb::KeywordHelper::WriteQuoted(text, '\'');
  };
  const std::string map = "\"add\".\"partitionValues\"";
  const std::string value = map + "[" + quoted(column) + "]";
  const std::vector<std::string_view> keys = {column};
  const std::vector<bool> nulls = {false};
  std::string listed;
  size_t wanted = 0, unwanted = 0;
  bool nothing_said = false;  // of some rows: no value, or null
  const auto judge = [&](std::string_view text) {
    const std::vector<std::string_view> values = {text};
    delta::AddView view;
    view.partition_keys = &keys;
    view.partition_values = &values;
    view.partition_nulls = &nulls;
    if (!filter->Keep(view)) {
      ++unwanted;
    } else if (++wanted <= kMostListed) {
      listed += (listed.empty() ? "" : ",") + quoted(std::string(text));
    }
  };
  const Status status = ForEachChunk(
      connection, "SELECT DISTINCT " + value + " FROM " + source + " WHERE " + map + " IS NOT NULL",
      [&](duckdb::DataChunk& chunk) {
        chunk.Flatten();
        for (idx_t row = 0; row < chunk.size(); ++row) {
          if (IsNull(chunk.data[0], row)) {
            nothing_said = true;
          } else {
            judge(Text(chunk.data[0], row));
          }
        }
        return Status::Ok();
      });
  if (!status.ok() || unwanted == 0 || wanted > kMostListed) return "";
  std::string sql = wanted > 0 ? value + " IN (" + listed + ")" : "false";
  // Without the map, which is against the protocol, the value is null, too; looking is cheap.
  sql += " OR " + (nothing_said ? value : map) + " IS NULL";
  return " AND (" + sql + ")";
}

Status ReadAdds(duckdb::Connection& connection, const std::string& source, const Layout& layout,
                const delta::CheckpointReadOptions& options, delta::CheckpointSink* sink) {
  const LogicalType* type = layout.Column("add");
  if (Layout::Field(type, "path") == nullptr) return Status::Ok();
  std::string sql = FileQuery(source, type, true, options.stats);
  const LogicalType* values = Layout::Field(type, "partitionValues");
  if (options.filter && values != nullptr && values->id() == LogicalTypeId::MAP) {
    for (const std::string& column : options.filter->partition_columns()) {
      sql += WantedTexts(connection, source, column, options.filter);
    }
  }
  PartitionTexts partition;
  return ForEachChunk(connection, sql, [&](duckdb::DataChunk& chunk) -> Status {
    FileRows rows(chunk);
    for (idx_t row = 0; row < chunk.size(); ++row) {
      TARN_RETURN_IF_ERROR(SendAdd(rows, row, &partition, options.filter, sink));
    }
    return Status::Ok();
  });
}

Status ReadRemoves(duckdb::Connection& connection, const std::string& source, const Layout& layout,
                   delta::CheckpointSink* sink) {
  const LogicalType* type = layout.Column("remove");
  if (Layout::Field(type, "path") == nullptr) return Status::Ok();
  return ForEachChunk(connection, FileQuery(source, type, false, false),
                      [&](duckdb::DataChunk& chunk) -> Status {
                        FileRows rows(chunk);
                        for (idx_t row = 0; row < chunk.size(); ++row) {
                          TARN_RETURN_IF_ERROR(SendRemove(rows, row, sink));
                        }
                        return Status::Ok();
                      });
}

class ParquetCheckpointFormat final : public delta::CheckpointFormat {
 public:
  ParquetCheckpointFormat(duckdb::DatabaseInstance& db, std::shared_ptr<store::StoreOpener> opener)
      : db_(db) {
    RegisterStoreFileSystem(db, std::move(opener));
  }

  Status Read(store::ObjectStore& store, const std::string& key,
              const delta::CheckpointReadOptions& options, delta::CheckpointSink* sink) override {
    TARN_ASSIGN_OR_RETURN(const auto info, store.Head(key));  // absent is not damaged
    StoreMount mount(store);
    mount.Know(info);
    try {
      duckdb::Connection connection(db_);
      const std::string source = "read_parquet(" +
                                 duckdb::KeywordHelper::WriteQuoted(mount.Path(key), '\'') +
                                 ", binary_as_string = true, hive_partitioning = false)";
      const Layout layout(connection, source);
      TARN_RETURN_IF_ERROR(ReadOthers(connection, source, layout, options, sink));
      if (options.adds) {
        TARN_RETURN_IF_ERROR(ReadAdds(connection, source, layout, options, sink));
      }
      if (options.removes) {
        TARN_RETURN_IF_ERROR(ReadRemoves(connection, source, layout, sink));
      }
      return Status::Ok();
    } catch (const std::exception& error) {
      return CheckpointError(error, key, StatusCode::kCorruption);
    }
  }

  Result<uint64_t> Write(
      store::ObjectStore& store, const std::string& key, const delta::Metadata&,
      const std::function<Result<std::optional<delta::Action>>()>& next) override {
    return WriteCheckpointFile(db_, store, key, next);
  }

 private:
  duckdb::DatabaseInstance& db_;
};

}  // namespace

std::shared_ptr<delta::CheckpointFormat> MakeParquetCheckpointFormat(
    duckdb::DatabaseInstance& db, std::shared_ptr<store::StoreOpener> opener) {
  return std::make_shared<ParquetCheckpointFormat>(db, std::move(opener));
}

}  // namespace tarn::duck
