// Procedures (CALL tarn_…) that change a table's metadata; src/duck/README.md lists them.
//
// Each is a table function of one row: binding looks the table up and marks the lake as written,
// executing stages the change in the LakeTransaction, where COMMIT finds it.
#include <functional>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "delta/json.h"
#include "delta/properties.h"
#include "duck/computed_columns.h"
#include "duck/constraints.h"
#include "duck/delta_table_entry.h"
#include "duck/file_rescan.h"
#include "duck/functions.h"
#include "duck/lake_catalog.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/table_lookup.h"
#include "duck/table_naming.h"
#include "duck/table_write.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/function/table_function.hpp"
#include "duckdb/planner/binder.hpp"

namespace tarn::duck {

using duckdb::LogicalType;
using duckdb::StringUtil;
using duckdb::Value;

namespace {

struct Call {
  duckdb::ClientContext& context;
  const std::string& table;
  const duckdb::vector<Value>& arguments;  // after the table's name

  std::string Text(size_t i) const { return arguments[i].IsNull() ? "" : arguments[i].ToString(); }
  bool Flag(size_t i) const { return !arguments[i].IsNull() && arguments[i].GetValue<bool>(); }
};

using Procedure = void (*)(const Call& call);

struct ProcedureInfo : public duckdb::TableFunctionInfo {
  explicit ProcedureInfo(Procedure run) : run(run) {}
  Procedure run;
};

struct ProcedureData : public duckdb::TableFunctionData {
  Procedure run = nullptr;
  std::string table;
  duckdb::vector<Value> arguments;
};

struct ProcedureState : public duckdb::GlobalTableFunctionState {
  bool done = false;
};

duckdb::unique_ptr<duckdb::FunctionData> BindProcedure(duckdb::ClientContext& context,
                                                       duckdb::TableFunctionBindInput& input,
                                                       duckdb::vector<LogicalType>& types,
                                                       duckdb::vector<duckdb::string>& names) {
  auto data = duckdb::make_uniq<ProcedureData>();
  data->run = input.info->Cast<ProcedureInfo>().run;
  if (input.inputs.empty() || input.inputs[0].IsNull()) {
    throw duckdb::BinderException("the first argument is the table's name, not NULL");
  }
  data->table = input.inputs[0].ToString();
  data->arguments.assign(input.inputs.begin() + 1, input.inputs.end());
  auto& entry = LookupLakeTable(context, data->table);
  if (input.binder) {
    input.binder->GetStatementProperties().RegisterDBModify(
        entry.ParentCatalog(), context, duckdb::DatabaseModificationType::ALTER_TABLE);
  }
  names.emplace_back("table_name");
  types.push_back(LogicalType::VARCHAR);
  return data;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> InitProcedure(
    duckdb::ClientContext&, duckdb::TableFunctionInitInput&) {
  return duckdb::make_uniq<ProcedureState>();
}

void RunProcedure(duckdb::ClientContext& context, duckdb::TableFunctionInput& input,
                  duckdb::DataChunk& output) {
  auto& state = input.global_state->Cast<ProcedureState>();
  if (state.done) return;
  state.done = true;
  const auto& data = input.bind_data->Cast<ProcedureData>();
  data.run(Call{context, data.table, data.arguments});
  output.SetValue(0, 0, Value(data.table));
  output.SetCardinality(1);
}

// --- staging changes of metadata ---

void StageMetadata(const Call& call, DeltaTableEntry& entry, delta::Metadata metadata,
                   const std::string& operation, delta::StringMap parameters) {
  auto& lake = LakeTransaction::Get(call.context, entry.ParentCatalog());
  auto& delta = lake.WriteTo(entry);
  ThrowIfError(NamingTable(delta.SetMetadata(std::move(metadata)), entry.table()->root(),
                           entry.QualifiedName()));
  if (!lake.IsCreating(entry.table())) delta.SetOperation(operation, std::move(parameters));
  lake.InvalidateEntries(entry.table());
}

delta::Metadata StagedMetadata(const Call& call, DeltaTableEntry& entry) {
  return LakeTransaction::Get(call.context, entry.ParentCatalog()).WriteTo(entry).metadata();
}

// Keys under which CHECK constraints are kept are not for SET and UNSET.
void RefuseConstraintKey(const std::string& key) {
  if (!StringUtil::StartsWith(StringUtil::Lower(key), "delta.constraints.")) return;
  throw duckdb::InvalidInputException(
      "'%s' is a CHECK constraint; use ALTER TABLE … ADD CONSTRAINT or DROP CONSTRAINT", key);
}

void SetProperties(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  delta::Metadata metadata = StagedMetadata(call, entry);
  delta::StringMap given;
  for (const Value& pair : duckdb::MapValue::GetChildren(call.arguments[0])) {
    const auto& sides = duckdb::StructValue::GetChildren(pair);
    const std::string key = sides[0].ToString();
    if (sides[1].IsNull()) {
      throw duckdb::InvalidInputException("property '%s' has no value; UNSET removes one", key);
    }
    RefuseConstraintKey(key);
    given[key] = sides[1].ToString();
    if (key == "comment") {
      metadata.description = given[key];
    } else {
      metadata.configuration[key] = given[key];
    }
  }
  StageMetadata(call, entry, std::move(metadata), "SET TBLPROPERTIES",
                {{"properties", JsonText(delta::StringMapToJson(given))}});
}

void UnsetProperties(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  delta::Metadata metadata = StagedMetadata(call, entry);
  nlohmann::json keys = nlohmann::json::array();
  for (const Value& item : duckdb::ListValue::GetChildren(call.arguments[0])) {
    const std::string key = item.ToString();
    RefuseConstraintKey(key);
    keys.push_back(key);
    bool found = metadata.configuration.erase(key) > 0;
    if (key == "comment" && metadata.description) {
      metadata.description.reset();
      found = true;
    }
    if (!found && !call.Flag(1)) {
      throw duckdb::InvalidInputException(
          "table %s has no property '%s'; add IF EXISTS if that is fine", entry.QualifiedName(),
          key);
    }
  }
  StageMetadata(
      call, entry, std::move(metadata), "UNSET TBLPROPERTIES",
      {{"properties", JsonText(keys.dump())}, {"ifExists", call.Flag(1) ? "true" : "false"}});
}

// The files of the table as the transaction will leave them.
std::vector<delta::AddFile> LiveFiles(const delta::Transaction& delta) {
  std::vector<delta::AddFile> files = delta.added_files();
  if (!delta.base()) return files;
  for (uint32_t i = 0; i < delta.base()->num_files(); ++i) {
    const delta::FileIndex index(i);
    if (delta.IsRemoved(index)) continue;
    files.push_back(delta.base()->File(index));
    if (auto vector = delta.NewDeletionVector(index)) files.back().deletion_vector = *vector;
  }
  return files;
}

// Every row the transaction sees must satisfy the check.
void CheckExistingRows(const Call& call, TableWrite& write, CheckConstraint check) {
  const auto target = MakeWriteTarget(write.entry().QualifiedName(), write.entry().table(),
                                      write.delta().schema(), write.delta().metadata());
  const ConstraintSet set(target, std::move(check));
  std::vector<delta::AddFile> files = LiveFiles(write.delta());
  std::vector<std::unique_ptr<ConstraintChecker>> checkers(
      RescanWorkers(call.context, files.size()));
  RescanVisitor visitor;
  visitor.begin = [&](duckdb::ExecutionContext& execution, size_t worker) {
    checkers[worker] = std::make_unique<ConstraintChecker>(execution.client, set);
  };
  visitor.rows = [&](duckdb::ExecutionContext&, size_t worker, duckdb::DataChunk& rows) {
    checkers[worker]->Check(rows);
  };
  visitor.end = [](duckdb::ExecutionContext&, size_t) {};
  RescanFiles(call.context, write.entry(), std::move(files), visitor);
}

void AddConstraint(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  const std::string name = call.Text(0);
  const std::string sql = call.Text(1);
  if (name.empty() || sql.empty()) {
    throw duckdb::InvalidInputException("a CHECK constraint needs a name and a condition");
  }
  TableWrite write(call.context, entry, WriteOptions{});
  for (const auto& [have, text] : write.target().properties.check_constraints) {
    if (StringUtil::CIEquals(have, name)) {
      throw duckdb::InvalidInputException(
          "table %s has a constraint '%s' already (%s); drop it first", entry.QualifiedName(), name,
          text);
    }
  }
  write.delta().ReadWholeTable();  // a row added meanwhile may violate it
  CheckExistingRows(call, write,
                    ConstraintSet::Bind(call.context, write.target(),
                                        "CHECK constraint '" + name + "'", sql, true));
  delta::Metadata metadata = write.delta().metadata();
  metadata.configuration["delta.constraints." + StringUtil::Lower(name)] = sql;
  StageMetadata(call, entry, std::move(metadata), "ADD CONSTRAINT",
                {{"name", JsonText(name)}, {"expr", JsonText(sql)}});
}

void DropConstraint(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  const std::string name = call.Text(0);
  delta::Metadata metadata = StagedMetadata(call, entry);
  for (auto it = metadata.configuration.begin(); it != metadata.configuration.end(); ++it) {
    if (!StringUtil::CIEquals(it->first, "delta.constraints." + name)) continue;
    const std::string sql = it->second;
    metadata.configuration.erase(it);
    StageMetadata(call, entry, std::move(metadata), "DROP CONSTRAINT",
                  {{"name", JsonText(name)}, {"expr", JsonText(sql)}});
    return;
  }
  if (!call.Flag(1)) {
    throw duckdb::InvalidInputException(
        "table %s has no constraint '%s'; add IF EXISTS if that is fine", entry.QualifiedName(),
        name);
  }
}

// The field a dotted path names; null when there is none.
delta::StructField* FindField(std::vector<delta::StructField>* fields, const std::string& path) {
  for (auto& field : *fields) {
    if (StringUtil::CIEquals(field.name, path)) return &field;
    const std::string prefix = StringUtil::Lower(field.name) + ".";
    if (!StringUtil::StartsWith(StringUtil::Lower(path), prefix) ||
        field.type->kind != delta::TypeKind::kStruct) {
      continue;
    }
    // Types are shared and immutable: change a copy.
    auto copy = std::make_shared<delta::DataType>(*field.type);
    if (auto* found = FindField(&copy->fields, path.substr(prefix.size()))) {
      field.type = copy;
      return found;
    }
  }
  return nullptr;
}

// (table, column or NULL, comment or NULL)
void SetComment(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  delta::Metadata metadata = StagedMetadata(call, entry);
  const bool clear = call.arguments[1].IsNull();
  const std::string comment = call.Text(1);
  const std::string column = call.Text(0);
  // What is said already needs no commit.
  const auto wanted = clear ? std::nullopt : std::optional<std::string>(comment);
  if (column.empty()) {
    if (metadata.description == wanted) return;
    metadata.description = clear ? std::nullopt : std::optional<std::string>(comment);
    StageMetadata(call, entry, std::move(metadata), "SET TBLPROPERTIES",
                  {{"properties", JsonText(delta::StringMapToJson({{"comment", comment}}))}});
    return;
  }
  delta::Schema schema = ValueOrThrow(delta::ParseSchema(metadata.schema_string));
  auto* field = FindField(&schema.fields, column);
  if (!field) {
    throw duckdb::BinderException("table %s has no column '%s'", entry.QualifiedName(), column);
  }
  const auto said = field->metadata.find("comment");
  if (said == field->metadata.end() ? clear : !clear && said->second == JsonText(comment)) return;
  if (clear) {
    field->metadata.erase("comment");
  } else {
    field->metadata["comment"] = JsonText(comment);
  }
  metadata.schema_string = delta::SerializeSchema(schema);
  StageMetadata(call, entry, std::move(metadata), "CHANGE COLUMN", {{"column", JsonText(column)}});
}

// (table, column, default or NULL), the default in the words of whoever wrote the statement.
void SetDefault(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  delta::Metadata metadata = StagedMetadata(call, entry);
  delta::Schema schema = ValueOrThrow(delta::ParseSchema(metadata.schema_string));
  auto* field = FindField(&schema.fields, call.Text(0));
  if (!field) {
    throw duckdb::BinderException("table %s has no column '%s'", entry.QualifiedName(),
                                  call.Text(0));
  }
  if (call.arguments[1].IsNull()) {
    field->metadata.erase("CURRENT_DEFAULT");
  } else {
    field->metadata["CURRENT_DEFAULT"] = JsonText(call.Text(1));
  }
  CheckColumnDefinitions(call.context,
                         MakeWriteTarget(entry.QualifiedName(), entry.table(), schema, metadata));
  metadata.schema_string = delta::SerializeSchema(schema);
  StageMetadata(call, entry, std::move(metadata), "CHANGE COLUMN",
                {{"column", JsonText(call.Text(0))}});
}

// (table, feature, truncate history)
void DropFeature(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  auto& lake = LakeTransaction::Get(call.context, entry.ParentCatalog());
  auto& delta = lake.WriteTo(entry);
  if (delta.HasChanges()) {
    throw duckdb::TransactionException(
        "DROP FEATURE after other changes of table %s in one transaction is not supported; COMMIT "
        "first",
        entry.QualifiedName());
  }
  const std::string feature = call.Text(0);
  ThrowIfError(
      NamingTable(delta.DropFeature(feature), entry.table()->root(), entry.QualifiedName()));
  delta.SetOperation("DROP FEATURE", {{"featureName", JsonText(feature)}});
  lake.InvalidateEntries(entry.table());
}

// (table, column): numbers go on behind the largest (or, counting down, smallest) that is there.
void SyncIdentity(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  TableWrite write(call.context, entry, WriteOptions{});
  delta::Schema schema = write.target().schema;
  const delta::StructField* found = schema.Find(call.Text(0));
  const auto position = found ? static_cast<duckdb::idx_t>(found - schema.fields.data()) : 0;
  const auto identity = found ? IdentityOf(*found, position) : std::nullopt;
  if (!identity) {
    throw duckdb::BinderException("table %s has no identity column '%s'", entry.QualifiedName(),
                                  call.Text(0));
  }
  write.delta().ReadWholeTable();
  std::mutex mutex;
  std::optional<int64_t> extreme = identity->high_water_mark;
  RescanVisitor visitor;
  visitor.begin = [](duckdb::ExecutionContext&, size_t) {};
  visitor.end = [](duckdb::ExecutionContext&, size_t) {};
  visitor.rows = [&](duckdb::ExecutionContext&, size_t, duckdb::DataChunk& rows) {
    duckdb::UnifiedVectorFormat format;
    rows.data[position].ToUnifiedFormat(rows.size(), format);
    const auto* values = duckdb::UnifiedVectorFormat::GetData<int64_t>(format);
    std::lock_guard<std::mutex> guard(mutex);
    for (duckdb::idx_t i = 0; i < rows.size(); ++i) {
      const auto at = format.sel->get_index(i);
      if (!format.validity.RowIsValid(at)) continue;
      const bool further =
          !extreme || (identity->step > 0 ? values[at] > *extreme : values[at] < *extreme);
      if (further) extreme = values[at];
    }
  };
  RescanFiles(call.context, entry, LiveFiles(write.delta()), visitor);
  if (!extreme || extreme == identity->high_water_mark) return;
  schema.fields[position].metadata["delta.identity.highWaterMark"] = std::to_string(*extreme);
  delta::Metadata metadata = write.delta().metadata();
  metadata.schema_string = delta::SerializeSchema(schema);
  StageMetadata(call, entry, std::move(metadata), "SYNC IDENTITY",
                {{"columnName", JsonText(call.Text(0))}});
}

// (table, condition or NULL): the next INSERT into the table in this transaction replaces these
// rows.
void BeginOverwrite(const Call& call) {
  auto& entry = LookupLakeTable(call.context, call.table);
  if (call.context.transaction.IsAutoCommit()) {
    throw duckdb::TransactionException(
        "tarn_begin_overwrite('%s') must run in a transaction with the INSERT that it is for: "
        "BEGIN first",
        call.table);
  }
  OverwriteIntent intent;
  intent.predicate_sql = call.Text(0);
  intent.whole_table = intent.predicate_sql.empty();
  LakeTransaction::Get(call.context, entry.ParentCatalog())
      .SetOverwriteIntent(entry.table(), intent);
}

void Register(duckdb::ExtensionLoader& loader, const std::string& name,
              duckdb::vector<LogicalType> arguments, Procedure run) {
  arguments.insert(arguments.begin(), LogicalType::VARCHAR);
  duckdb::TableFunction function(name, std::move(arguments), RunProcedure, BindProcedure,
                                 InitProcedure);
  function.function_info = duckdb::make_shared_ptr<ProcedureInfo>(run);
  loader.RegisterFunction(function);
}

}  // namespace

void RegisterProcedures(duckdb::ExtensionLoader& loader) {
  const auto text = LogicalType::VARCHAR;
  Register(loader, "tarn_set_properties", {LogicalType::MAP(text, text)}, SetProperties);
  Register(loader, "tarn_unset_properties", {LogicalType::LIST(text), LogicalType::BOOLEAN},
           UnsetProperties);
  Register(loader, "tarn_add_constraint", {text, text}, AddConstraint);
  Register(loader, "tarn_drop_constraint", {text, LogicalType::BOOLEAN}, DropConstraint);
  Register(loader, "tarn_set_comment", {text, text}, SetComment);
  Register(loader, "tarn_set_default", {text, text}, SetDefault);
  Register(loader, "tarn_sync_identity", {text}, SyncIdentity);
  Register(loader, "tarn_drop_feature", {text, LogicalType::BOOLEAN}, DropFeature);
  Register(loader, "tarn_begin_overwrite", {text}, BeginOverwrite);
}

}  // namespace tarn::duck
