#include "duck/extension.h"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "duck/checkpoint_parquet.h"
#include "duck/delta_scan.h"
#include "duck/freshness_function.h"
#include "duck/functions.h"
#include "duck/lake_catalog.h"
#include "duck/lake_transaction.h"
#include "duck/status_exception.h"
#include "duck/view_file.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/parser/parsed_data/attach_info.hpp"

namespace tarn::duck {

namespace {

constexpr const char* kStorageType = "tarn";

duckdb::unique_ptr<duckdb::Catalog> Attach(
    duckdb::optional_ptr<duckdb::StorageExtensionInfo> storage_info, duckdb::ClientContext& context,
    duckdb::AttachedDatabase& db, const duckdb::string& name, duckdb::AttachInfo& info,
    duckdb::AttachOptions& options) {
  store::LocalStoreOptions store_options;
  for (const auto& entry : options.options) {
    const std::string key = duckdb::StringUtil::Lower(entry.first);
    if (key == "fsync") {
      store_options.fsync =
          duckdb::BooleanValue::Get(entry.second.DefaultCastAs(duckdb::LogicalType::BOOLEAN));
    } else if (key == "create") {
      store_options.create_root =
          duckdb::BooleanValue::Get(entry.second.DefaultCastAs(duckdb::LogicalType::BOOLEAN));
    } else {
      throw duckdb::BinderException(
          "ATTACH … (TYPE tarn) knows no option '%s'; it has fsync and create", entry.first);
    }
  }
  if (info.path.empty()) {
    throw duckdb::BinderException(
        "ATTACH … (TYPE tarn) needs the folder or the address of the lake");
  }
  const std::string prefix = kAddressPrefix;
  const bool remote = info.path.rfind(prefix, 0) == 0;
  const std::string path = remote ? info.path.substr(prefix.size()) : info.path;
  auto& state = ExtensionState::Get(context);
  auto store = ValueOrThrow(state.OpenLake(path, store_options));
  return duckdb::make_uniq<LakeCatalog>(db, state, path, std::move(store));
}

duckdb::unique_ptr<duckdb::TransactionManager> CreateTransactionManager(
    duckdb::optional_ptr<duckdb::StorageExtensionInfo> storage_info, duckdb::AttachedDatabase& db,
    duckdb::Catalog& catalog) {
  return duckdb::make_uniq<LakeTransactionManager>(db, catalog.Cast<LakeCatalog>());
}

}  // namespace

void RegisterTarnExtension(duckdb::DatabaseInstance& db,
                           std::shared_ptr<store::StoreOpener> opener) {
  auto& config = duckdb::DBConfig::GetConfig(db);
  auto extension = duckdb::make_shared_ptr<duckdb::StorageExtension>();
  extension->attach = Attach;
  extension->create_transaction_manager = CreateTransactionManager;
  extension->storage_info = duckdb::make_shared_ptr<ExtensionState>(db, std::move(opener));
  duckdb::StorageExtension::Register(config, kStorageType, std::move(extension));
  config.AddExtensionOption(kVariantByShapeSetting,
                            "Read unannotated Parquet structs of metadata and value as VARIANT",
                            duckdb::LogicalType::BOOLEAN, duckdb::Value::BOOLEAN(false));
  config.AddExtensionOption(kViewDialectSetting, "The dialect recorded with a view",
                            duckdb::LogicalType::VARCHAR, duckdb::Value("duckdb"));
  config.AddExtensionOption(kRetentionCheckSetting,
                            "VACUUM refuses a retention below the table's own",
                            duckdb::LogicalType::BOOLEAN, duckdb::Value::BOOLEAN(true));
  config.AddExtensionOption(kSnapshotCacheSetting,
                            "Bytes of table snapshots kept between statements",
                            duckdb::LogicalType::UBIGINT, duckdb::Value::UBIGINT(512u << 20));
  duckdb::ExtensionLoader loader(db, kStorageType);
  RegisterMetadataFunctions(loader);
  RegisterProcedures(loader);
  RegisterMaintenanceFunctions(loader);
  RegisterChangeFeed(loader);
  RegisterClone(loader);
  RegisterRequestMetrics(loader);
  RegisterFreshness(loader);
  RegisterConvert(loader);
  RegisterCheckFunctions(loader);
}

ExtensionState::ExtensionState(duckdb::DatabaseInstance& db,
                               std::shared_ptr<store::StoreOpener> opener)
    : db_(db), opener_(opener), checkpoint_format_(MakeParquetCheckpointFormat(db, opener)) {}

ExtensionState& ExtensionState::Get(duckdb::DatabaseInstance& db) {
  auto extension = duckdb::StorageExtension::Find(duckdb::DBConfig::GetConfig(db), kStorageType);
  if (!extension) {
    throw duckdb::InvalidConfigurationException("the tarn extension is not registered");
  }
  return static_cast<ExtensionState&>(*extension->storage_info);
}

ExtensionState& ExtensionState::Get(duckdb::ClientContext& context) { return Get(*context.db); }

std::shared_ptr<delta::Table> ExtensionState::TableAt(
    const std::shared_ptr<store::ObjectStore>& store, const std::string& root) {
  std::string place = store->EnginePath(root);
  if (place.empty()) {
    char address[32];
    std::snprintf(address, sizeof address, "%p:", static_cast<void*>(store.get()));
    place = address + root;
  }
  std::lock_guard<std::mutex> guard(mutex_);
  auto& table = tables_[place];
  if (!table) {
    delta::TableEnvironment environment;
    environment.store = store;
    environment.checkpoint_format = checkpoint_format_;
    environment.defer_from_bytes = defer_from_bytes_;
    table = delta::Table::At(std::move(environment), root);
  }
  return table;
}

Result<std::shared_ptr<store::ObjectStore>> ExtensionState::OpenLake(
    const std::string& path, const store::LocalStoreOptions& options) {
  if (opener_ && opener_->Handles(path)) return opener_->Open(path);
  if (path.find("://") != std::string::npos) {
    return Status::Unsupported("'" + path + "' is no place for a lake; give a folder" +
                               (opener_ ? " or s3://bucket/prefix" : ""));
  }
  return store::OpenLocalStore(path, options);
}

std::shared_ptr<delta::Table> ExtensionState::TableIn(const std::string& place,
                                                      std::shared_ptr<store::ObjectStore> store) {
  std::lock_guard<std::mutex> guard(mutex_);
  for (const auto& key : {place, place + "/"}) {
    const auto it = tables_.find(key);
    if (it != tables_.end()) return it->second;
  }
  delta::TableEnvironment environment;
  environment.store = std::move(store);
  environment.checkpoint_format = checkpoint_format_;
  environment.defer_from_bytes = defer_from_bytes_;
  return tables_.emplace(place, delta::Table::At(std::move(environment), "")).first->second;
}

Result<std::shared_ptr<delta::Table>> ExtensionState::TableAtAddress(const std::string& address) {
  TARN_ASSIGN_OR_RETURN(const std::string place, opener_->Normalize(address));
  TARN_ASSIGN_OR_RETURN(auto store, opener_->Open(place));
  return TableIn(place, std::move(store));
}

Result<std::shared_ptr<delta::Table>> ExtensionState::TableAtPath(const std::string& path) {
  std::string local = path;
  for (const char* scheme : {"file://", "file:"}) {
    if (duckdb::StringUtil::StartsWith(local, scheme)) {
      local = local.substr(std::string(scheme).size());
      break;
    }
  }
  if (opener_ && opener_->Handles(path)) return TableAtAddress(path);
  if (local.find("://") != std::string::npos) {
    return Status::Unsupported(
        "'" + path + "' is not a path of the local file system" +
        (opener_ ? ", and not s3://…" : "; this build reads local folders only"));
  }
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(local, error);
  if (error || !std::filesystem::is_directory(canonical, error)) {
    return Status::NotFound("there is no folder '" + path +
                            "'; give the folder that holds _delta_log");
  }
  const std::string place = canonical.string();
  TARN_ASSIGN_OR_RETURN(auto store, store::OpenLocalStore(place));
  return TableIn(place, std::move(store));
}

void ExtensionState::NoteUse(const std::shared_ptr<delta::Table>& table, uint64_t budget_bytes) {
  std::lock_guard<std::mutex> guard(mutex_);
  uint64_t total = 0;
  auto mine = uses_.end();
  for (auto it = uses_.begin(); it != uses_.end();) {
    const auto other = it->table.lock();
    if (!other) {
      it = uses_.erase(it);
      continue;
    }
    if (other == table) mine = it;
    total += it->bytes;
    ++it;
  }
  if (mine == uses_.end()) {
    uses_.push_front({table, 0});
  } else {
    uses_.splice(uses_.begin(), uses_, mine);
  }
  total -= uses_.front().bytes;
  uses_.front().bytes = table->CachedBytes();
  total += uses_.front().bytes;
  while (total > budget_bytes && uses_.size() > 1) {
    if (const auto oldest = uses_.back().table.lock()) oldest->Invalidate();
    total -= uses_.back().bytes;
    uses_.pop_back();
  }
}

void ExtensionState::Forget(const std::shared_ptr<delta::Table>& table) {
  table->Invalidate();
  std::lock_guard<std::mutex> guard(mutex_);
  for (auto it = tables_.begin(); it != tables_.end();) {
    it = it->second == table ? tables_.erase(it) : std::next(it);
  }
}

}  // namespace tarn::duck
