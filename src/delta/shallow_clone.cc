#include "delta/shallow_clone.h"

#include <map>
#include <set>

#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/path_key.h"
#include "delta/properties.h"
#include "delta/transaction.h"
#include "delta/vacuum_mark.h"

namespace tarn::delta {
namespace {

constexpr int kMaxFoldersUp = 16;  // from a file to its table

class Cloner {
 public:
  explicit Cloner(const CloneRequest& request)
      : request_(request), source_(*request.source), snapshot_(*request.version) {}

  Result<CloneOutcome> Run() {
    location_ = request_.target->environment().store->EnginePath(request_.target->root());
    if (location_.empty() || source_.environment().store->EnginePath("x").empty()) {
      return Status::Unsupported("a shallow clone names files by path, and the store " +
                                 source_.environment().store->Describe() + " has none");
    }
    TARN_RETURN_IF_ERROR(MakeFiles());
    TARN_RETURN_IF_ERROR(BeginTarget());
    TARN_RETURN_IF_ERROR(Register());
    TARN_RETURN_IF_ERROR(CheckOldFiles());
    TARN_RETURN_IF_ERROR(StageFiles());
    TARN_ASSIGN_OR_RETURN(const CommitResult result, transaction_->Commit());
    out_.version = result.version;
    return out_;
  }

 private:
  // "file:/lake/t/a%20b.parquet" as Spark spells it, which compares these texts; or the URL of
  // another store.
  std::string Absolute(const std::string& engine_path) const {
    const std::string encoded = UriEncodePath(engine_path);
    return engine_path.rfind('/', 0) == 0 ? "file:" + encoded : encoded;
  }

  Result<std::string> AbsolutePath(const std::string& logged) const {
    if (IsAbsolutePath(logged)) return logged;
    TARN_ASSIGN_OR_RETURN(const std::string key, source_.KeyOf(logged));
    return Absolute(source_.environment().store->EnginePath(key));
  }

  Status MakeFiles() {
    for (uint32_t i = 0; i < snapshot_.num_files(); ++i) {
      AddFile file = snapshot_.File(FileIndex(i));
      if (IsAbsolutePath(file.path)) foreign_.push_back(file.path);
      TARN_ASSIGN_OR_RETURN(file.path, AbsolutePath(file.path));
      if (file.deletion_vector && file.deletion_vector->storage_type == 'u') {
        TARN_ASSIGN_OR_RETURN(
            const std::string key,
            DeletionVectorKey(*source_.environment().store, source_.root(), *file.deletion_vector));
        file.deletion_vector->storage_type = 'p';
        file.deletion_vector->path_or_inline =
            Absolute(source_.environment().store->EnginePath(key));
      } else if (file.deletion_vector && file.deletion_vector->storage_type == 'p') {
        foreign_.push_back(file.deletion_vector->path_or_inline);
      }
      // Row ids are the clone's own.
      file.base_row_id.reset();
      file.default_row_commit_version.reset();
      file.data_change = true;
      out_.source_bytes += file.size_bytes;
      files_.push_back(std::move(file));
    }
    out_.source_files = static_cast<int64_t>(files_.size());
    return Status::Ok();
  }

  Metadata CloneMetadata() const {
    Metadata metadata = snapshot_.metadata();
    metadata.id.clear();
    metadata.created_time_ms.reset();
    // Ids that the source's files hold for rows that moved are the source's: new names hide them.
    metadata.configuration.erase("delta.rowTracking.materializedRowIdColumnName");
    metadata.configuration.erase("delta.rowTracking.materializedRowCommitVersionColumnName");
    for (const auto& [key, value] : request_.properties) metadata.configuration[key] = value;
    // Readers need a feature when some file uses it, whatever the properties say now.
    for (const FeatureInfo& feature : KnownFeatures()) {
      if (feature.kind == FeatureKind::kReaderWriter && feature.tarn_writes &&
          ProtocolSupports(snapshot_.protocol(), feature.name)) {
        metadata.configuration[std::string("delta.feature.") + feature.name] = "supported";
      }
    }
    return metadata;
  }

  Status BeginTarget() {
    TARN_RETURN_IF_ERROR(CheckWritable(snapshot_.protocol(), snapshot_.metadata())
                             .WithContext("source " + request_.source_name));
    TARN_ASSIGN_OR_RETURN(const bool exists, request_.target->Exists());
    if (exists && !request_.replace) {
      return Status::AlreadyExists(location_ + " holds a table already; use CREATE OR REPLACE");
    }
    if (exists) {
      TARN_ASSIGN_OR_RETURN(const SnapshotPtr base, request_.target->Latest());
      TARN_ASSIGN_OR_RETURN(transaction_,
                            Transaction::Replace(request_.target, base, CloneMetadata()));
    } else {
      TARN_ASSIGN_OR_RETURN(transaction_, Transaction::Create(request_.target, CloneMetadata()));
    }
    if (const auto clustering = snapshot_.Domain("delta.clustering")) {
      transaction_->SetDomain(*clustering);
    }
    return Status::Ok();
  }

  // The table that owns a file named by absolute path: the nearest folder above it with a log.
  std::shared_ptr<Table> OwnerOf(const std::string& path) {
    std::string scratch;
    std::string folder(CanonicalPath(path, &scratch));
    for (int up = 0; up < kMaxFoldersUp; ++up) {
      const size_t slash = folder.rfind('/');
      if (slash == std::string::npos || slash == 0) return nullptr;
      folder.resize(slash);
      auto [known, fresh] = owners_.emplace(folder, nullptr);
      if (!fresh && known->second) return known->second;
      if (!fresh) continue;
      const auto table = request_.open ? request_.open(folder)
                                       : Result<std::shared_ptr<Table>>(Status::NotFound(""));
      if (!table.ok()) continue;
      const auto exists = (*table)->Exists();
      if (exists.ok() && *exists) return known->second = *table;
    }
    return nullptr;
  }

  Status Register() {
    TARN_RETURN_IF_ERROR(RegisterClone(source_, location_, snapshot_.version()));
    std::set<Table*> done;
    for (const std::string& path : foreign_) {
      const auto owner = OwnerOf(path);
      if (!owner || !done.insert(owner.get()).second) continue;
      TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, owner->Latest());
      TARN_RETURN_IF_ERROR(RegisterClone(*owner, location_, latest->version()));
    }
    return Status::Ok();
  }

  // Files of an old version may be gone. A VACUUM that begins now knows of us; one that is under
  // way may have looked before.
  Status CheckOldFiles() {
    TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, source_.Latest());
    bool looked = false;
    for (uint32_t i = 0; i < snapshot_.num_files(); ++i) {
      const std::string path(snapshot_.files().Path(FileIndex(i)));
      const auto* vector = snapshot_.files().DeletionVector(FileIndex(i));
      if (latest->files().Find(path, vector)) continue;
      if (!looked) TARN_RETURN_IF_ERROR(RefuseDuringVacuum(source_, snapshot_.version()));
      looked = true;
      std::vector<std::string> keys;
      KeysOf(source_, path, vector ? std::optional(*vector) : std::nullopt,
             [&](const std::string& key) { keys.push_back(key); });
      for (const std::string& key : keys) TARN_RETURN_IF_ERROR(CheckThere(key));
    }
    return Status::Ok();
  }

  Status CheckThere(const std::string& key) const {
    const auto head = source_.environment().store->Head(key);
    if (head.ok() || head.status().code() != StatusCode::kNotFound) return head.status();
    return Status::NotFound("version " + snapshot_.version().ToString() + " of " +
                            request_.source_name + " needs " + key +
                            ", which is gone (VACUUM removed it); clone a newer version");
  }

  Status StageFiles() {
    const SnapshotPtr& base = transaction_->base();
    for (AddFile& file : files_) {
      if (base) {
        const auto same =
            base->files().Find(file.path, file.deletion_vector ? &*file.deletion_vector : nullptr);
        if (same) {
          transaction_->KeepDataFile(*same);
          continue;
        }
      }
      TARN_RETURN_IF_ERROR(transaction_->AddExistingFile(std::move(file)));
    }
    for (uint32_t i = 0; base && i < base->num_files(); ++i) {
      if (!transaction_->IsRemoved(FileIndex(i))) continue;
      ++out_.removed_files;
      out_.removed_bytes += base->files().SizeBytes(FileIndex(i));
    }
    transaction_->SetOperation("CLONE", {{"source", JsonQuote(request_.source_name)},
                                         {"sourceVersion", snapshot_.version().ToString()},
                                         {"isShallow", "true"}});
    transaction_->SetMetric("sourceTableSize", out_.source_bytes);
    transaction_->SetMetric("sourceNumOfFiles", out_.source_files);
    transaction_->SetMetric("numRemovedFiles", out_.removed_files);
    transaction_->SetMetric("removedFilesSize", out_.removed_bytes);
    transaction_->SetMetric("numCopiedFiles", 0);
    transaction_->SetMetric("copiedFilesSize", 0);
    return Status::Ok();
  }

  const CloneRequest& request_;
  Table& source_;
  const Snapshot& snapshot_;
  std::string location_;
  std::vector<AddFile> files_;
  std::vector<std::string> foreign_;  // absolute paths the source itself names
  std::map<std::string, std::shared_ptr<Table>> owners_;
  std::unique_ptr<Transaction> transaction_;
  CloneOutcome out_;
};

}  // namespace

Result<CloneOutcome> ShallowClone(const CloneRequest& request) { return Cloner(request).Run(); }

}  // namespace tarn::delta
