#include "delta/symlink_manifest.h"

#include <map>
#include <set>

#include "delta/file_table.h"
#include "delta/partition_folder.h"
#include "delta/path_key.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

constexpr char kFolder[] = "_symlink_format_manifest/";

std::string FolderOf(const Snapshot& snapshot, const PartitionValues& values) {
  std::string folder;
  for (const auto& column : snapshot.metadata().partition_columns) {
    const auto found = values.find(column);
    const bool null = found == values.end() || !found->second || found->second->empty();
    folder += EscapeFolderName(column) + "=" +
              (null ? kNullPartition : EscapeFolderName(*found->second)) + "/";
  }
  return folder;
}

Status CheckPossible(const Table& table, const Snapshot& snapshot) {
  const std::string name = table.root().empty() ? "the table" : "table " + table.root();
  if (snapshot.column_mapping() != ColumnMappingMode::kNone) {
    return Status::Unsupported(name + ": readers of symlink manifests do not know column mapping");
  }
  if (snapshot.files().totals().deletion_vectors > 0) {
    return Status::Unsupported(name +
                               " has deletion vectors, which readers of symlink manifests would "
                               "ignore; run REORG TABLE … APPLY (PURGE) first and set "
                               "delta.enableDeletionVectors = false");
  }
  return Status::Ok();
}

std::string AbsoluteOf(Table& table, std::string_view logged) {
  const auto key = table.KeyOf(std::string(logged));
  if (!key.ok()) return UriDecode(logged);
  const std::string path = table.environment().store->EnginePath(*key);
  return path.rfind('/', 0) == 0 ? "file:" + path : path;
}

std::string ManifestKey(Table& table, const std::string& folder) {
  const std::string prefix = table.root().empty() ? "" : table.root() + "/";
  return prefix + kFolder + folder + "manifest";
}

// Writes the manifests of the folders `only` accepts; returns the folders that have files.
template <typename Only>
Status Write(Table& table, const Snapshot& snapshot, const Only& only, ManifestOutcome* out,
             std::set<std::string>* written) {
  std::map<std::string, std::string> texts;
  for (uint32_t i = 0; i < snapshot.num_files(); ++i) {
    const AddFile file = snapshot.File(FileIndex(i));
    const std::string folder = FolderOf(snapshot, file.partition_values);
    if (!only(folder)) continue;
    texts[folder] += AbsoluteOf(table, file.path) + "\n";
    ++out->files;
  }
  for (const auto& [folder, text] : texts) {
    TARN_RETURN_IF_ERROR(table.environment().store->Put(ManifestKey(table, folder), text,
                                                        store::PutMode::kOverwrite));
    written->insert(folder);
    ++out->manifests;
  }
  return Status::Ok();
}

}  // namespace

bool WantsManifests(const Snapshot& snapshot) {
  return snapshot.Property("delta.compatibility.symlinkFormatManifest.enabled").value_or("") ==
         "true";
}

Result<ManifestOutcome> GenerateManifests(Table& table, const Snapshot& snapshot) {
  TARN_RETURN_IF_ERROR(CheckPossible(table, snapshot));
  ManifestOutcome out;
  std::set<std::string> written;
  const auto all = [](const std::string&) { return true; };
  TARN_RETURN_IF_ERROR(Write(table, snapshot, all, &out, &written));
  if (snapshot.metadata().partition_columns.empty() && written.empty()) {
    TARN_RETURN_IF_ERROR(
        table.environment().store->Put(ManifestKey(table, ""), "", store::PutMode::kOverwrite));
    written.insert("");
    ++out.manifests;
  }
  const std::string prefix = ManifestKey(table, "");
  const std::string folder = prefix.substr(0, prefix.size() - std::string("manifest").size());
  TARN_ASSIGN_OR_RETURN(const auto there, table.environment().store->List(folder));
  for (const auto& object : there) {
    const std::string rest = object.key.substr(folder.size());
    if (!rest.ends_with("manifest")) continue;
    if (written.count(rest.substr(0, rest.size() - std::string("manifest").size())) != 0) continue;
    TARN_RETURN_IF_ERROR(table.environment().store->Delete(object.key));
    ++out.removed;
  }
  return out;
}

Result<ManifestOutcome> UpdateManifests(Table& table, const Snapshot& snapshot,
                                        const std::vector<Action>& commit) {
  std::set<std::string> touched;
  for (const Action& action : commit) {
    if (std::holds_alternative<Metadata>(action)) return GenerateManifests(table, snapshot);
    if (const auto* add = std::get_if<AddFile>(&action)) {
      touched.insert(FolderOf(snapshot, add->partition_values));
    } else if (const auto* remove = std::get_if<RemoveFile>(&action)) {
      if (!remove->extended_file_metadata) return GenerateManifests(table, snapshot);
      touched.insert(FolderOf(snapshot, remove->partition_values));
    }
  }
  ManifestOutcome out;
  if (touched.empty()) return out;
  TARN_RETURN_IF_ERROR(CheckPossible(table, snapshot));
  std::set<std::string> written;
  const auto is_touched = [&](const std::string& folder) { return touched.count(folder) != 0; };
  TARN_RETURN_IF_ERROR(Write(table, snapshot, is_touched, &out, &written));
  for (const std::string& folder : touched) {
    if (written.count(folder) != 0) continue;
    TARN_RETURN_IF_ERROR(table.environment().store->Delete(ManifestKey(table, folder)));
    ++out.removed;
  }
  return out;
}

}  // namespace tarn::delta
