#include "delta/restore.h"

#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/transaction.h"
#include "delta/vacuum_mark.h"

namespace tarn::delta {
namespace {

constexpr int kMaxAttempts = 20;

bool SameVector(const FileTable& files, FileIndex index, const DeletionVectorDescriptor* vector) {
  const DeletionVectorDescriptor* own = files.DeletionVector(index);
  if (own == nullptr || vector == nullptr) return own == vector;
  return own->UniqueId() == vector->UniqueId();
}

bool Holds(const Snapshot& snapshot, std::string_view path,
           const DeletionVectorDescriptor* vector) {
  const auto found = snapshot.files().Find(path, vector);
  return found && SameVector(snapshot.files(), *found, vector);
}

// A file that the old version had and the new one lacks must still be there.
Status CheckThere(Table& table, const AddFile& file, int64_t* missing, std::string* first) {
  const auto look = [&](const Result<std::string>& key) -> Status {
    if (!key.ok()) return Status::Ok();  // another store's: found out when it is read
    if (key->empty()) return Status::Ok();
    const auto head = table.environment().store->Head(*key);
    if (head.ok()) return Status::Ok();
    if (head.status().code() != StatusCode::kNotFound) return head.status();
    if ((*missing)++ == 0) *first = file.path;
    return Status::Ok();
  };
  TARN_RETURN_IF_ERROR(look(table.KeyOf(file.path)));
  if (!file.deletion_vector) return Status::Ok();
  return look(DeletionVectorKey(*table.environment().store, table.root(), *file.deletion_vector));
}

Status StageFiles(Table& table, const Snapshot& base, const Snapshot& target,
                  Transaction& transaction, RestoreOutcome* out) {
  for (uint32_t i = 0; i < base.num_files(); ++i) {
    const FileIndex index(i);
    if (Holds(target, base.files().Path(index), base.files().DeletionVector(index))) continue;
    ++out->files_removed;
    out->bytes_removed += base.files().SizeBytes(index);
    TARN_RETURN_IF_ERROR(transaction.RemoveDataFile(index));
  }
  int64_t missing = 0;
  std::string first;
  bool looked = false;
  for (uint32_t i = 0; i < target.num_files(); ++i) {
    const FileIndex index(i);
    if (Holds(base, target.files().Path(index), target.files().DeletionVector(index))) continue;
    // A VACUUM that begins after this look shows as a conflict.
    if (!looked) TARN_RETURN_IF_ERROR(RefuseDuringVacuum(table, target.version()));
    looked = true;
    AddFile file = target.File(index);
    TARN_RETURN_IF_ERROR(CheckThere(table, file, &missing, &first));
    ++out->files_restored;
    out->bytes_restored += file.size_bytes;
    file.data_change = true;
    TARN_RETURN_IF_ERROR(transaction.AddExistingFile(std::move(file)));
  }
  if (missing > 0) {
    return Status::NotFound("version " + target.version().ToString() + " needs " +
                            std::to_string(missing) +
                            " files that are gone (VACUUM removed them), the first is " + first +
                            "; restore to a newer version");
  }
  return Status::Ok();
}

Result<RestoreOutcome> TryRestore(const std::shared_ptr<Table>& table, const SnapshotPtr& target,
                                  const StringMap& parameters) {
  TARN_ASSIGN_OR_RETURN(const SnapshotPtr base, table->Latest());
  TARN_ASSIGN_OR_RETURN(auto transaction, Transaction::Restore(table, base, *target));
  RestoreOutcome out;
  TARN_RETURN_IF_ERROR(StageFiles(*table, *base, *target, *transaction, &out));
  out.files_after = target->num_files();
  out.table_size_after = target->total_size_bytes();
  transaction->SetOperation("RESTORE", parameters);
  transaction->SetMetric("tableSizeAfterRestore", out.table_size_after);
  transaction->SetMetric("numOfFilesAfterRestore", out.files_after);
  transaction->SetMetric("numRemovedFiles", out.files_removed);
  transaction->SetMetric("numRestoredFiles", out.files_restored);
  transaction->SetMetric("removedFilesSize", out.bytes_removed);
  transaction->SetMetric("restoredFilesSize", out.bytes_restored);
  out.version = base->version();
  if (!transaction->HasChanges()) return out;
  TARN_ASSIGN_OR_RETURN(const CommitResult result, transaction->Commit());
  out.version = result.version;
  return out;
}

}  // namespace

Result<RestoreOutcome> Restore(const std::shared_ptr<Table>& table, const SnapshotPtr& target,
                               StringMap parameters) {
  // Whatever is committed meanwhile is part of what goes: look again and decide anew.
  for (int attempt = 1;; ++attempt) {
    auto out = TryRestore(table, target, parameters);
    if (out.ok() || out.status().code() != StatusCode::kConflict || attempt == kMaxAttempts) {
      return out;
    }
  }
}

}  // namespace tarn::delta
