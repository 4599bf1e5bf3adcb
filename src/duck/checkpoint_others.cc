#include "duck/checkpoint_others.h"

#include <optional>

namespace tarn::duck {

using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::StringUtil;
using duckdb::Value;

namespace {

Value FieldOf(const Value& row, const std::string& name) {
  if (row.IsNull()) return Value();
  const auto& types = duckdb::StructType::GetChildTypes(row.type());
  for (idx_t i = 0; i < types.size(); ++i) {
    if (StringUtil::CIEquals(types[i].first, name)) return duckdb::StructValue::GetChildren(row)[i];
  }
  return Value();
}

std::string TextOf(const Value& row, const std::string& name) {
  const Value field = FieldOf(row, name);
  return field.IsNull() ? "" : field.DefaultCastAs(LogicalType::VARCHAR).GetValue<std::string>();
}

std::optional<std::string> OptionalTextOf(const Value& row, const std::string& name) {
  if (FieldOf(row, name).IsNull()) return std::nullopt;
  return TextOf(row, name);
}

std::optional<int64_t> LongOf(const Value& row, const std::string& name) {
  const Value field = FieldOf(row, name);
  if (field.IsNull()) return std::nullopt;
  return field.GetValue<int64_t>();
}

delta::StringMap MapOf(const Value& row, const std::string& name) {
  delta::StringMap map;
  const Value field = FieldOf(row, name);
  if (field.IsNull()) return map;
  for (const Value& pair : duckdb::MapValue::GetChildren(field)) {
    const auto& sides = duckdb::StructValue::GetChildren(pair);
    if (!sides[1].IsNull())
      map[sides[0].GetValue<std::string>()] = sides[1].GetValue<std::string>();
  }
  return map;
}

std::optional<std::vector<std::string>> ListOf(const Value& row, const std::string& name) {
  const Value field = FieldOf(row, name);
  if (field.IsNull()) return std::nullopt;
  std::vector<std::string> list;
  for (const Value& item : duckdb::ListValue::GetChildren(field)) list.push_back(item.ToString());
  return list;
}

delta::Metadata MetadataOf(const Value& row) {
  delta::Metadata metadata;
  metadata.id = TextOf(row, "id");
  metadata.name = OptionalTextOf(row, "name");
  metadata.description = OptionalTextOf(row, "description");
  const Value format = FieldOf(row, "format");
  if (!format.IsNull()) {
    metadata.format_provider = TextOf(format, "provider");
    metadata.format_options = MapOf(format, "options");
  }
  metadata.schema_string = TextOf(row, "schemaString");
  metadata.partition_columns = ListOf(row, "partitionColumns").value_or(std::vector<std::string>{});
  metadata.configuration = MapOf(row, "configuration");
  metadata.created_time_ms = LongOf(row, "createdTime");
  return metadata;
}

const char* const kOtherColumns[] = {"protocol",       "metaData", "txn",
                                     "domainMetadata", "sidecar",  "checkpointMetadata"};

std::optional<delta::Action> OtherAction(const std::string& column, const Value& row) {
  if (row.IsNull()) return std::nullopt;
  if (column == "protocol") {
    delta::Protocol protocol;
    protocol.min_reader_version = static_cast<int>(LongOf(row, "minReaderVersion").value_or(1));
    protocol.min_writer_version = static_cast<int>(LongOf(row, "minWriterVersion").value_or(1));
    protocol.reader_features = ListOf(row, "readerFeatures");
    protocol.writer_features = ListOf(row, "writerFeatures");
    return protocol;
  }
  if (column == "metaData") return MetadataOf(row);
  if (column == "txn") {
    return delta::SetTransaction{TextOf(row, "appId"), LongOf(row, "version").value_or(0),
                                 LongOf(row, "lastUpdated")};
  }
  if (column == "domainMetadata") {
    const Value removed = FieldOf(row, "removed");
    return delta::DomainMetadata{TextOf(row, "domain"), TextOf(row, "configuration"),
                                 !removed.IsNull() && removed.GetValue<bool>()};
  }
  if (column == "sidecar") {
    return delta::Sidecar{TextOf(row, "path"), LongOf(row, "sizeInBytes").value_or(0),
                          LongOf(row, "modificationTime").value_or(0), MapOf(row, "tags")};
  }
  return delta::CheckpointMetadata{LongOf(row, "version").value_or(0), MapOf(row, "tags")};
}

// Some writers leave a struct with all fields null where the action is absent: its key field
// decides.
const char* KeyField(const std::string& column) {
  if (column == "protocol") return "minReaderVersion";
  if (column == "metaData") return "id";
  if (column == "txn") return "appId";
  if (column == "domainMetadata") return "domain";
  return column == "sidecar" ? "path" : "version";
}

// First and last row of each stretch of the file that holds such rows. They are few, and lie at its
// begin or end: the columns of all other rows need not be decoded.
std::vector<std::pair<int64_t, int64_t>> Stretches(duckdb::Connection& connection,
                                                   const std::string& source,
                                                   const std::string& condition) {
  constexpr int64_t kGap = 20'000;
  std::vector<std::pair<int64_t, int64_t>> out;
  const std::string sql = "SELECT file_row_number // " + std::to_string(kGap) +
                          ", min(file_row_number), max(file_row_number) FROM " + source +
                          " WHERE " + condition + " GROUP BY 1 ORDER BY 1";
  auto result = connection.Query(sql);
  if (result->HasError()) result->ThrowError();
  for (idx_t row = 0; row < result->RowCount(); ++row) {
    const auto first = result->GetValue(1, row).GetValue<int64_t>();
    const auto last = result->GetValue(2, row).GetValue<int64_t>();
    if (!out.empty() && first - out.back().second <= kGap) {
      out.back().second = last;
    } else {
      out.emplace_back(first, last);
    }
  }
  return out;
}

}  // namespace

Status ReadOthers(duckdb::Connection& connection, const std::string& source, const Layout& layout,
                  const delta::CheckpointReadOptions& options, delta::CheckpointSink* sink) {
  std::vector<std::string> columns;
  std::string list, condition;
  for (const std::string column : kOtherColumns) {
    if (column == "sidecar" ? !options.sidecars : !options.other_actions) continue;
    if (Layout::Field(layout.Column(column), KeyField(column)) == nullptr) continue;
    columns.push_back(column);
    list += (list.empty() ? "" : ", ") + Quote(column);
    condition += (condition.empty() ? "" : " OR ") + Quote(column) + "." + Quote(KeyField(column)) +
                 " IS NOT NULL";
  }
  if (columns.empty()) return Status::Ok();
  for (const auto& [first, last] : Stretches(connection, source, condition)) {
    const std::string sql = "SELECT " + list + " FROM " + source +
                            " WHERE file_row_number BETWEEN " + std::to_string(first) + " AND " +
                            std::to_string(last) + " AND (" + condition + ")";
    TARN_RETURN_IF_ERROR(ForEachChunk(connection, sql, [&](duckdb::DataChunk& chunk) -> Status {
      for (idx_t row = 0; row < chunk.size(); ++row) {
        for (size_t i = 0; i < columns.size(); ++i) {
          const Value value = chunk.GetValue(i, row);
          if (value.IsNull() || FieldOf(value, KeyField(columns[i])).IsNull()) continue;
          auto action = OtherAction(columns[i], value);
          if (action) TARN_RETURN_IF_ERROR(sink->OnAction(std::move(*action)));
        }
      }
      return Status::Ok();
    }));
  }
  return Status::Ok();
}

}  // namespace tarn::duck
