#include "duck/lake_schema_entry.h"

#include <algorithm>
#include <set>
#include <utility>

#include "duck/delta_table_entry.h"
#include "duck/lake_catalog.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/view_file.h"
#include "duck/view_names.h"
#include "duckdb/catalog/catalog_entry/view_catalog_entry.hpp"
#include "duckdb/catalog/similar_catalog_entry.hpp"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/client_context.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"
#include "duckdb/parser/parsed_data/create_table_info.hpp"
#include "duckdb/parser/parsed_data/create_view_info.hpp"
#include "duckdb/parser/parsed_data/drop_info.hpp"

namespace tarn::duck {

using duckdb::CatalogType;
using duckdb::StringUtil;

namespace {

const std::string kSuffix = kViewSuffix;

bool EndsWith(const std::string& text, const std::string& suffix) {
  return text.size() > suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// Names that cannot be a folder or file below the schema.
bool IsPlainName(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

std::string MatchName(const std::vector<std::string>& names, const std::string& wanted) {
  std::string found;
  for (const auto& name : names) {
    if (name == wanted) return name;
    if (found.empty() && StringUtil::CIEquals(name, wanted)) found = name;
  }
  return found;
}

// Whether a folder of exactly this name is a table to the transaction.
bool IsTable(LakeTransaction& transaction, LakeCatalog& lake, const std::string& folder,
             const std::string& name) {
  const std::string root = folder + "/" + name;
  if (transaction.IsCreating(root)) return true;
  if (transaction.IsDropped(root)) return false;
  if (transaction.CachedEntry(root)) return true;
  return ValueOrThrow(lake.HasTable(folder, name));
}

// The table whose name differs from `name` in case only; empty when there is none.
std::string TableInOtherCase(LakeTransaction& transaction, LakeCatalog& lake,
                             const std::string& folder, const std::string& name,
                             const store::ObjectStore::Listing& listing) {
  for (const auto& candidate : listing.folders) {
    if (candidate != name && StringUtil::CIEquals(candidate, name) &&
        IsTable(transaction, lake, folder, candidate)) {
      return candidate;
    }
  }
  return MatchName(transaction.CreatedTables(folder), name);
}

std::vector<std::string> ViewsIn(const LakeTransaction& transaction, const std::string& folder,
                                 const store::ObjectStore::Listing& listing) {
  std::set<std::string> names;
  for (const auto& object : listing.objects) {
    if (EndsWith(object, kSuffix)) names.insert(object.substr(0, object.size() - kSuffix.size()));
  }
  for (const auto& [key, present] : transaction.StagedObjects(folder + "/")) {
    const std::string object = key.substr(folder.size() + 1);
    if (!EndsWith(object, kSuffix)) continue;
    const std::string name = object.substr(0, object.size() - kSuffix.size());
    if (present) {
      names.insert(name);
    } else {
      names.erase(name);
    }
  }
  return {names.begin(), names.end()};
}

struct Found {
  std::string table, view;  // at most one of them
};

// What `name` means. A folder of thousands of tables is listed only when nothing has exactly this
// name, and then once.
Found FindRelation(LakeTransaction& transaction, LakeCatalog& lake, const std::string& folder,
                   const std::string& name) {
  if (!IsPlainName(name)) return {};
  if (IsTable(transaction, lake, folder, name)) return {name, ""};
  if (transaction.ReadObject(folder + "/" + name + kSuffix)) return {"", name};
  const auto listing = ValueOrThrow(lake.store()->ListFolder(folder));
  Found found;
  found.table = TableInOtherCase(transaction, lake, folder, name, listing);
  if (found.table.empty()) found.view = MatchName(ViewsIn(transaction, folder, listing), name);
  return found;
}

}  // namespace

LakeSchemaEntry::LakeSchemaEntry(LakeCatalog& catalog, LakeTransaction& transaction,
                                 duckdb::CreateSchemaInfo& info, std::string folder)
    : duckdb::SchemaCatalogEntry(catalog, info),
      transaction_(transaction),
      folder_(std::move(folder)) {
  internal = false;
}

LakeCatalog& LakeSchemaEntry::lake() const { return catalog.Cast<LakeCatalog>(); }

std::vector<std::string> LakeSchemaEntry::TableNames() const {
  std::set<std::string> names;
  const auto listing = ValueOrThrow(lake().store()->ListFolder(folder_));
  for (const auto& name : listing.folders) {
    if (!IsPlainName(name) || transaction_.IsDropped(folder_ + "/" + name)) continue;
    // A folder without a log is not a table (a failed CREATE leaves such a folder behind).
    // One that cannot even be looked into is listed: using it says why.
    const auto exists = lake().HasTable(folder_, name);
    if (!exists.ok() || *exists) names.insert(name);
  }
  for (auto& name : transaction_.CreatedTables(folder_)) names.insert(std::move(name));
  return {names.begin(), names.end()};
}

std::vector<std::string> LakeSchemaEntry::ViewNames() const {
  return ViewsIn(transaction_, folder_, ValueOrThrow(lake().store()->ListFolder(folder_)));
}

std::string LakeSchemaEntry::FindTable(const std::string& name) const {
  if (!IsPlainName(name)) return "";
  if (IsTable(transaction_, lake(), folder_, name)) return name;
  return TableInOtherCase(transaction_, lake(), folder_, name,
                          ValueOrThrow(lake().store()->ListFolder(folder_)));
}

std::string LakeSchemaEntry::FindView(const std::string& name) const {
  if (!IsPlainName(name)) return "";
  if (transaction_.ReadObject(folder_ + "/" + name + kSuffix)) return name;
  return MatchName(ViewNames(), name);
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::TableEntry(
    duckdb::ClientContext& context, const std::string& name,
    duckdb::optional_ptr<duckdb::BoundAtClause> at) {
  const auto table = lake().TableAt(folder_, name);
  std::string cache_key = table->root();
  if (at) cache_key += "@" + StringUtil::Lower(at->Unit()) + at->GetValue().ToString();
  if (const auto cached = transaction_.CachedEntry(cache_key)) return cached;

  delta::TableVersionPtr version;
  delta::Schema shown;
  delta::Metadata metadata;
  const delta::Transaction* staged = at ? nullptr : transaction_.StagedFor(table);
  if (at) {
    version = std::make_shared<delta::TableVersion>(SnapshotAt(context, *table, *at));
  } else if (!transaction_.IsCreating(table)) {
    version = transaction_.PinnedVersion(table);
  }
  if (staged) {
    shown = staged->schema();
    metadata = staged->metadata();
  } else {
    shown = version->definition().schema();
    metadata = version->definition().metadata();
  }
  auto info = DescribeTable(*this, name, shown, metadata);
  auto entry =
      duckdb::make_uniq<DeltaTableEntry>(catalog, *this, *info, table, version, std::move(shown),
                                         std::move(metadata), static_cast<bool>(at));
  auto& owned = transaction_.Own(std::move(entry));
  transaction_.CacheEntry(cache_key, owned);
  return &owned;
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::ViewEntry(const std::string& name) {
  const std::string key = folder_ + "/" + name + kSuffix;
  if (const auto cached = transaction_.CachedEntry(key)) return cached;
  const auto bytes = transaction_.ReadObject(key);
  if (!bytes) return nullptr;
  const ViewFile file = ValueOrThrow(ParseView(*bytes, key));
  duckdb::CreateViewInfo info(catalog.GetName(), folder_, name);
  try {
    info.query = duckdb::CreateViewInfo::ParseSelect(file.sql);
  } catch (const std::exception& ex) {
    throw duckdb::IOException(
        "view file '%s' holds SQL that cannot be read (%s); write it again with "
        "CREATE OR REPLACE VIEW",
        key, duckdb::ErrorData(ex).RawMessage());
  }
  info.sql = file.text;
  for (const auto& column : file.columns) info.aliases.push_back(column);
  if (file.comment) info.comment = duckdb::Value(*file.comment);
  info.tags["dialect"] = file.dialect;
  auto& owned = transaction_.Own(duckdb::make_uniq<duckdb::ViewCatalogEntry>(catalog, *this, info));
  transaction_.CacheEntry(key, owned);
  return &owned;
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::LookupEntry(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup_info) {
  const CatalogType type = lookup_info.GetCatalogType();
  if (type != CatalogType::TABLE_ENTRY && type != CatalogType::VIEW_ENTRY) return nullptr;
  const Found found = FindRelation(transaction_, lake(), folder_, lookup_info.GetEntryName());
  if (!found.table.empty()) {
    return TableEntry(transaction.GetContext(), found.table, lookup_info.GetAtClause());
  }
  if (found.view.empty()) return nullptr;
  if (lookup_info.GetAtClause()) {
    throw duckdb::BinderException("'%s.%s' is a view; AT (VERSION …) works on tables", folder_,
                                  found.view);
  }
  return ViewEntry(found.view);
}

duckdb::SimilarCatalogEntry LakeSchemaEntry::GetSimilarEntry(
    duckdb::CatalogTransaction transaction, const duckdb::EntryLookupInfo& lookup_info) {
  duckdb::SimilarCatalogEntry result;
  const auto consider = [&](const std::vector<std::string>& names) {
    for (const auto& name : names) {
      const double score = StringUtil::SimilarityRating(name, lookup_info.GetEntryName());
      if (score > result.score) {
        result.score = score;
        result.name = name;
      }
    }
  };
  const CatalogType type = lookup_info.GetCatalogType();
  if (type == CatalogType::TABLE_ENTRY || type == CatalogType::VIEW_ENTRY) {
    consider(TableNames());
    consider(ViewNames());
  }
  return result;
}

duckdb::CatalogEntry& LakeSchemaEntry::BrokenTableEntry(const std::string& name,
                                                        const std::string& reason) {
  duckdb::CreateTableInfo info(*this, name);
  info.comment = duckdb::Value("cannot be read: " + reason);
  return transaction_.Own(
      duckdb::make_uniq<DeltaTableEntry>(catalog, *this, info, lake().TableAt(folder_, name),
                                         nullptr, delta::Schema(), delta::Metadata(), true));
}

void LakeSchemaEntry::Scan(duckdb::ClientContext& context, CatalogType type,
                           const std::function<void(duckdb::CatalogEntry&)>& callback) {
  if (type != CatalogType::TABLE_ENTRY && type != CatalogType::VIEW_ENTRY) return;
  if (type == CatalogType::TABLE_ENTRY) {
    for (const auto& name : TableNames()) {
      duckdb::optional_ptr<duckdb::CatalogEntry> entry;
      try {
        entry = TableEntry(context, name, nullptr);
      } catch (const std::exception& ex) {
        // One damaged table must not hide the others.
        entry = &BrokenTableEntry(name, duckdb::ErrorData(ex).RawMessage());
      }
      callback(*entry);
    }
  }
  for (const auto& name : ViewNames()) {
    duckdb::optional_ptr<duckdb::CatalogEntry> entry;
    try {
      entry = ViewEntry(name);
    } catch (const std::exception&) {
      continue;  // using the view says what is wrong with its file
    }
    if (entry) callback(*entry);
  }
}

void LakeSchemaEntry::Scan(CatalogType type,
                           const std::function<void(duckdb::CatalogEntry&)>& callback) {
  throw duckdb::InvalidInputException("a lake can be listed only inside a query");
}

void LakeSchemaEntry::DropEntry(duckdb::ClientContext& context, duckdb::DropInfo& info) {
  const bool missing_is_fine = info.if_not_found == duckdb::OnEntryNotFound::RETURN_NULL;
  const auto [table, view] = FindRelation(transaction_, lake(), folder_, info.name);
  const bool wants_table = info.type == CatalogType::TABLE_ENTRY;
  if (wants_table && !table.empty()) {
    transaction_.StageDropTable(folder_ + "." + table, lake().TableAt(folder_, table));
  } else if (!wants_table && !view.empty()) {
    transaction_.StageObject(folder_ + "/" + view + kSuffix, std::nullopt);
  } else if (!table.empty() || !view.empty()) {
    throw duckdb::CatalogException("'%s.%s' is a %s; use DROP %s", folder_, info.name,
                                   table.empty() ? "view" : "table",
                                   table.empty() ? "VIEW" : "TABLE");
  } else if (!missing_is_fine) {
    throw duckdb::CatalogException("%s '%s.%s' does not exist", wants_table ? "table" : "view",
                                   folder_, info.name);
  }
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateView(
    duckdb::CatalogTransaction transaction, duckdb::CreateViewInfo& info) {
  if (!IsPlainName(info.view_name)) {
    throw duckdb::CatalogException("'%s' cannot be a view: its name is a file's", info.view_name);
  }
  const auto [table, existing] = FindRelation(transaction_, lake(), folder_, info.view_name);
  if (!table.empty()) {
    throw duckdb::CatalogException("'%s.%s' is a table; drop it first or choose another name",
                                   folder_, info.view_name);
  }
  if (!existing.empty()) {
    if (info.on_conflict == duckdb::OnCreateConflict::IGNORE_ON_CONFLICT) return nullptr;
    if (info.on_conflict == duckdb::OnCreateConflict::ERROR_ON_CONFLICT) {
      throw duckdb::CatalogException("view '%s.%s' exists already; use CREATE OR REPLACE VIEW",
                                     folder_, existing);
    }
  }
  ViewFile file;
  file.name = existing.empty() ? info.view_name : existing;
  QualifyTables(transaction.GetContext(), catalog, info.query.get());
  file.sql = info.query->ToString();
  file.text = StringUtil::Replace(info.sql, "\r\n", "\n");
  StringUtil::Trim(file.text);
  for (const auto& alias : info.aliases) file.columns.push_back(alias);
  if (!info.comment.IsNull()) file.comment = info.comment.ToString();
  duckdb::Value dialect;
  if (transaction.GetContext().TryGetCurrentSetting(kViewDialectSetting, dialect) &&
      !dialect.IsNull()) {
    file.dialect = dialect.ToString();
  }
  transaction_.StageObject(folder_ + "/" + file.name + kSuffix, SerializeView(file));
  return ViewEntry(file.name);
}

namespace {

[[noreturn]] void Refuse(const char* what) {
  throw duckdb::NotImplementedException(
      "a lake schema holds Delta tables and views; %s belongs into a database of DuckDB's own "
      "(prefix its name with memory.main)",
      what);
}

}  // namespace

duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateFunction(
    duckdb::CatalogTransaction, duckdb::CreateFunctionInfo&) {
  Refuse("a macro");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateIndex(
    duckdb::CatalogTransaction, duckdb::CreateIndexInfo&, duckdb::TableCatalogEntry&) {
  throw duckdb::NotImplementedException(
      "Delta tables have no indexes; partition the table or cluster it with OPTIMIZE … ZORDER BY");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateSequence(
    duckdb::CatalogTransaction, duckdb::CreateSequenceInfo&) {
  Refuse("a sequence");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateTableFunction(
    duckdb::CatalogTransaction, duckdb::CreateTableFunctionInfo&) {
  Refuse("a table function");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCopyFunction(
    duckdb::CatalogTransaction, duckdb::CreateCopyFunctionInfo&) {
  Refuse("a copy function");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreatePragmaFunction(
    duckdb::CatalogTransaction, duckdb::CreatePragmaFunctionInfo&) {
  Refuse("a pragma");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateCollation(
    duckdb::CatalogTransaction, duckdb::CreateCollationInfo&) {
  Refuse("a collation");
}
duckdb::optional_ptr<duckdb::CatalogEntry> LakeSchemaEntry::CreateType(duckdb::CatalogTransaction,
                                                                       duckdb::CreateTypeInfo&) {
  Refuse("a type");
}

}  // namespace tarn::duck
