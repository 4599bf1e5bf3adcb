#include "delta/clone_registry.h"

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "delta/deletion_vector.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"

namespace tarn::delta {
namespace {

constexpr char kFolder[] = "_tarn_clones/";
// A clone that is registered but has no log after this long was never made.
constexpr int64_t kMakingMs = 24LL * 3'600'000;

// A path of the log of `clone` as a key of the source's store, when it lies in the source's folder.
void UseIfInside(Table& clone, Table& source, const std::string& path,
                 const std::function<void(const std::string&)>& use) {
  std::string absolute = path;
  if (!IsAbsolutePath(path)) {
    // Relative files are the clone's own; they are the source's only if both are one folder.
    const auto key = clone.KeyOf(path);
    if (!key.ok()) return;
    absolute = UriEncodePath(clone.environment().store->EnginePath(*key));
  }
  const auto key = source.KeyOf(absolute);
  if (!key.ok()) return;
  const std::string prefix = source.root().empty() ? "" : source.root() + "/";
  if (key->rfind(prefix, 0) == 0) use(*key);
}

struct Pair {
  std::string path;
  std::optional<DeletionVectorDescriptor> vector;
};

void UsePair(Table& clone, Table& source, const Pair& pair,
             const std::function<void(const std::string&)>& use) {
  UseIfInside(clone, source, pair.path, use);
  // Vectors of cloned files have absolute paths; inline and relative ones are the clone's own.
  if (pair.vector && pair.vector->storage_type == 'p') {
    UseIfInside(clone, source, pair.vector->path_or_inline, use);
  }
}

Status ProtectOne(Table& clone, Table& source, const std::function<void(const std::string&)>& use) {
  TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, clone.Latest());
  for (uint32_t i = 0; i < latest->num_files(); ++i) {
    const auto* vector = latest->files().DeletionVector(FileIndex(i));
    UsePair(clone, source,
            {std::string(latest->files().Path(FileIndex(i))),
             vector ? std::optional(*vector) : std::nullopt},
            use);
  }
  for (const RemoveFile& file : latest->Tombstones()) {
    UsePair(clone, source, {file.path, file.deletion_vector}, use);
  }
  TARN_ASSIGN_OR_RETURN(const LogListing listing,
                        ListLog(*clone.environment().store, clone.root()));
  for (const auto& [version, commit] : listing.commits) {
    const auto actions = clone.ReadCommit(version);
    if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) continue;
    if (!actions.ok()) return actions.status();
    for (const Action& action : *actions) {
      if (const auto* add = std::get_if<AddFile>(&action)) {
        UsePair(clone, source, {add->path, add->deletion_vector}, use);
      } else if (const auto* remove = std::get_if<RemoveFile>(&action)) {
        UsePair(clone, source, {remove->path, remove->deletion_vector}, use);
      }
    }
  }
  return Status::Ok();
}

// The clone has no log yet: what it is about to name is the version it clones.
Status ProtectVersion(Table& source, const CloneEntry& entry,
                      const std::function<void(const std::string&)>& use) {
  TARN_ASSIGN_OR_RETURN(const SnapshotPtr snapshot, source.At(Version(entry.source_version)));
  for (uint32_t i = 0; i < snapshot->num_files(); ++i) {
    const auto* vector = snapshot->files().DeletionVector(FileIndex(i));
    KeysOf(source, std::string(snapshot->files().Path(FileIndex(i))),
           vector ? std::optional(*vector) : std::nullopt, use);
  }
  return Status::Ok();
}

}  // namespace

void KeysOf(Table& table, const std::string& path,
            const std::optional<DeletionVectorDescriptor>& vector,
            const std::function<void(const std::string&)>& use) {
  if (const auto key = table.KeyOf(path); key.ok()) use(*key);
  if (!vector) return;
  const auto key = DeletionVectorKey(*table.environment().store, table.root(), *vector);
  if (key.ok() && !key->empty()) use(*key);
}

Status RegisterClone(Table& source, const std::string& location, Version version) {
  nlohmann::json json;
  json["location"] = location;
  json["sourceVersion"] = version.value();
  json["registeredTime"] = source.environment().clock->NowMillis();
  return source.environment().store->Put(
      source.LogKey(kFolder + ("clone-" + Md5Hex(location)) + ".json"), json.dump(),
      store::PutMode::kOverwrite);
}

Result<std::vector<CloneEntry>> ListClones(Table& source) {
  store::ObjectStore& store = *source.environment().store;
  TARN_ASSIGN_OR_RETURN(const auto objects, store.List(source.LogKey(kFolder)));
  std::vector<CloneEntry> out;
  for (const auto& object : objects) {
    auto bytes = store.Get(object.key);
    if (!bytes.ok() && bytes.status().code() == StatusCode::kNotFound) continue;
    if (!bytes.ok()) return bytes.status();
    const auto json = nlohmann::json::parse(*bytes, nullptr, false);
    if (!json.is_object() || !json.contains("location") || !json["location"].is_string() ||
        !json.contains("sourceVersion") || !json["sourceVersion"].is_number_integer()) {
      return Status::Corruption(object.key +
                                " does not say which clone it stands for; delete it when no "
                                "shallow clone of this table is in use");
    }
    CloneEntry entry;
    entry.location = json["location"];
    entry.source_version = json["sourceVersion"];
    entry.registered_ms = json.value("registeredTime", int64_t{0});
    entry.key = object.key;
    out.push_back(std::move(entry));
  }
  return out;
}

Status ForgetClone(Table& source, const CloneEntry& entry) {
  return source.environment().store->Delete(entry.key);
}

Status ProtectClones(Table& source, const OpenLocation& open, bool dry_run,
                     const std::function<void(const std::string&)>& protect) {
  TARN_ASSIGN_OR_RETURN(const auto clones, ListClones(source));
  for (const CloneEntry& entry : clones) {
    const auto fail = [&](const Status& status) {
      return Status(status.code(), "shallow clone " + entry.location +
                                       " uses files of this table and cannot be " + "looked at (" +
                                       status.message() +
                                       "); nothing was deleted. Make it reachable, or delete " +
                                       entry.key + " when it is gone for good");
    };
    auto clone = open ? open(entry.location)
                      : Result<std::shared_ptr<Table>>(Status::Unsupported("no way to open it"));
    bool absent = !clone.ok() && clone.status().code() == StatusCode::kNotFound;
    if (!clone.ok() && !absent) return fail(clone.status());
    if (!absent) {
      const auto exists = (*clone)->Exists();
      if (!exists.ok()) return fail(exists.status());
      absent = !*exists;
    }
    if (!absent) {
      const Status status = ProtectOne(**clone, source, protect);
      if (!status.ok()) return fail(status);
      continue;
    }
    if (source.environment().clock->NowMillis() - entry.registered_ms < kMakingMs) {
      const Status status = ProtectVersion(source, entry, protect);
      if (!status.ok() && status.code() != StatusCode::kNotFound) return fail(status);
    } else if (!dry_run) {
      TARN_RETURN_IF_ERROR(ForgetClone(source, entry));
    }
  }
  return Status::Ok();
}

}  // namespace tarn::delta
