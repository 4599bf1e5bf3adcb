#include "delta/table_version.h"

#include "delta/add_filter.h"
#include "delta/snapshot_builder.h"
#include "delta/table.h"

namespace tarn::delta {
namespace {

// A table dropped and made anew since its definition was read has versions of the same numbers.
Result<SnapshotPtr> OfSameTable(const Snapshot& definition, Result<SnapshotPtr> loaded) {
  if (!loaded.ok()) return loaded;
  const auto& before = PartsOf(definition).stamp;
  const auto& now = PartsOf(**loaded).stamp;
  if (before && now && *before != *now) {
    return Status::NotFound("version " + definition.version().ToString() + " of table '" +
                            PartsOf(definition).root +
                            "' was replaced while it was read; run the statement again");
  }
  return loaded;
}

}  // namespace

SnapshotPtr TableVersion::IfLoaded() const {
  std::lock_guard lock(mutex_);
  return full_;
}

Result<SnapshotPtr> TableVersion::Full() {
  std::lock_guard lock(mutex_);  // one load at a time: the others want the same answer
  if (full_) return full_;
  const auto& environment = table_->environment();
  TARN_ASSIGN_OR_RETURN(
      full_, OfSameTable(*definition_, LoadSnapshot({environment.store,
                                                     environment.checkpoint_format, table_->root()},
                                                    definition_->version())));
  table_->Adopt(full_);
  return full_;
}

Result<SnapshotPtr> TableVersion::Matching(const Predicate& predicate) {
  if (SnapshotPtr full = IfLoaded()) return full;
  const PredicateAddFilter judge(definition_->schema(), definition_->metadata().partition_columns,
                                 definition_->column_mapping() != ColumnMappingMode::kNone,
                                 predicate);
  if (!judge.IsSelective()) return Full();
  const auto& environment = table_->environment();
  return OfSameTable(
      *definition_, LoadMatching({environment.store, environment.checkpoint_format, table_->root()},
                                 *definition_, predicate));
}

std::optional<int64_t> TableVersion::num_files() const {
  if (const SnapshotPtr full = IfLoaded()) return full->num_files();
  return PartsOf(*definition_).known_files;
}

}  // namespace tarn::delta
