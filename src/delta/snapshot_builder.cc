#include "delta/snapshot_builder.h"

#include <algorithm>
#include <array>

#include "delta/add_filter.h"
#include "delta/checksum.h"
#include "delta/file_table_builder.h"
#include "delta/json.h"
#include "delta/path_key.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

const DeletionVectorDescriptor* VectorOf(const RemoveFile& remove) {
  return remove.deletion_vector ? &*remove.deletion_vector : nullptr;
}

// The net effect of consecutive commits: per logical file the last word, per kind of other action
// the newest one.
class CommitReplay final : public CheckpointSink {
 public:
  Status OnAdd(const AddView& add) override {
    removes.Erase(add.path, add.deletion_vector);
    adds.Append(add);
    return Status::Ok();
  }

  Status OnAction(Action action) override {
    if (auto* remove = std::get_if<RemoveFile>(&action)) {
      adds.Erase(remove->path, VectorOf(*remove));
      removes.Append(*remove);
    } else if (auto* info = std::get_if<CommitInfo>(&action)) {
      last_info = std::move(*info);
    } else if (auto* txn = std::get_if<SetTransaction>(&action)) {
      std::string key = txn->app_id;
      transactions.insert_or_assign(std::move(key), std::move(*txn));
    } else if (auto* domain = std::get_if<DomainMetadata>(&action)) {
      std::string key = domain->domain;
      domains.insert_or_assign(std::move(key), std::move(*domain));
    } else if (auto* new_protocol = std::get_if<Protocol>(&action)) {
      protocol = std::make_shared<Protocol>(std::move(*new_protocol));
    } else if (auto* new_metadata = std::get_if<Metadata>(&action)) {
      metadata = std::make_shared<Metadata>(std::move(*new_metadata));
    }
    return Status::Ok();  // change files, sidecars and checkpoint metadata are no part of the state
  }

  // True when these commits had the last word on the file.
  bool Decides(std::string_view path, const DeletionVectorDescriptor* vector) const {
    return adds.Contains(path, vector) || removes.Contains(path, vector);
  }

  FileTableBuilder adds{true};
  FileTableBuilder removes{true};
  std::shared_ptr<const Protocol> protocol;
  std::shared_ptr<const Metadata> metadata;
  Snapshot::Parts::Transactions transactions;
  Snapshot::Parts::DomainMap domains;
  std::optional<CommitInfo> last_info;  // of the last commit replayed
};

// A checkpoint, read past the commits behind it.
class CheckpointReplay final : public CheckpointSink {
 public:
  CheckpointReplay(CommitReplay* newer, AddFilter* wanted)
      : newer_(*newer), wanted_(wanted), filter_(!newer->adds.empty() || !newer->removes.empty()) {}

  Status OnAdd(const AddView& add) override {
    if (wanted_ && !wanted_->Keep(add)) return Status::Ok();
    if (!filter_ || !newer_.Decides(add.path, add.deletion_vector)) files.Append(add);
    return Status::Ok();
  }

  Status OnAction(Action action) override {
    if (auto* remove = std::get_if<RemoveFile>(&action)) {
      if (!filter_ || !newer_.Decides(remove->path, VectorOf(*remove))) tombstones.Append(*remove);
    } else if (auto* sidecar = std::get_if<Sidecar>(&action)) {
      sidecars.push_back(std::move(*sidecar));
    } else if (auto* txn = std::get_if<SetTransaction>(&action)) {
      std::string key = txn->app_id;
      newer_.transactions.try_emplace(std::move(key), std::move(*txn));
    } else if (auto* domain = std::get_if<DomainMetadata>(&action)) {
      std::string key = domain->domain;
      newer_.domains.try_emplace(std::move(key), std::move(*domain));
    } else if (auto* protocol = std::get_if<Protocol>(&action)) {
      has_protocol = true;
      if (!newer_.protocol) newer_.protocol = std::make_shared<Protocol>(std::move(*protocol));
    } else if (auto* metadata = std::get_if<Metadata>(&action)) {
      has_metadata = true;
      if (!newer_.metadata) newer_.metadata = std::make_shared<Metadata>(std::move(*metadata));
    }
    return Status::Ok();
  }

  FileTableBuilder files{false};
  FileTableBuilder tombstones{false};
  std::vector<Sidecar> sidecars;
  bool has_protocol = false;
  bool has_metadata = false;

 private:
  CommitReplay& newer_;
  AddFilter* wanted_;
  bool filter_;
};

std::string TableName(const std::string& root) {
  return "table '" + (root.empty() ? "." : root) + "'";
}

std::string ReverseLines(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  for (size_t end = text.size(); end > 0;) {
    const size_t newline = text.rfind('\n', end - 1);
    const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    out.append(text, begin, end - begin);
    out.push_back('\n');
    end = begin == 0 ? 0 : begin - 1;
  }
  return out;
}

// A failure that another checkpoint (or the commits alone) may get around.
bool MayFallBack(const Status& status) {
  return status.code() == StatusCode::kCorruption || status.code() == StatusCode::kNotFound;
}

constexpr size_t kCommitsAtOnce = 16;

// How much of a version is wanted.
struct LoadScope {
  std::optional<uint64_t> defer_bytes;   // leave out the files of checkpoints this large
  const Snapshot* definition = nullptr;  // known already: only the files are wanted
  AddFilter* filter = nullptr;           // and of them only these
};

class Loader {
 public:
  Loader(const ReplaySource& source, std::optional<Version> version, LoadScope scope = {})
      : source_(source), store_(*source.store), wanted_(version), scope_(scope) {}

  Result<SnapshotPtr> Load() {
    TARN_RETURN_IF_ERROR(ListFromHint());
    auto loaded = TryCheckpoints();
    // A list from the hint on may have hidden what is needed, and files may have gone since it was
    // made (log clean-up by another writer): look again, at everything, as long as what is there
    // changes. What fails twice with the same files in sight is damaged for good.
    for (int looks = 0; looks < kMaxLooks; ++looks) {
      if (loaded.ok() || !MayFallBack(loaded.status()) || final_) break;
      const bool all_listed = listing_.from.value() == 0;
      const auto seen = Sight();
      TARN_RETURN_IF_ERROR(ListAll());
      if (all_listed && Sight() == seen) break;
      loaded = TryCheckpoints();
    }
    return loaded;
  }

 private:
  static constexpr int kMaxLooks = 10;  // a clean-up that outruns us ten times will not end

  // What tells two listings of one log apart: files come at the end and go at the beginning.
  std::array<int64_t, 6> Sight() const {
    const auto& commits = listing_.commits;
    const auto& checkpoints = listing_.checkpoints;
    return {commits.empty() ? -1 : commits.begin()->first.value(),
            static_cast<int64_t>(commits.size()),
            checkpoints.empty() ? -1 : checkpoints.front().version.value(),
            checkpoints.empty() ? -1 : checkpoints.back().version.value(),
            static_cast<int64_t>(checkpoints.size()),
            static_cast<int64_t>(listing_.compacted.size())};
  }

  Status ListFromHint() {
    const std::optional<Version> hint = ReadCheckpointHint(store_, source_.root);
    if (hint && hint->value() > 0 && (!wanted_ || *hint <= *wanted_)) {
      TARN_ASSIGN_OR_RETURN(listing_, ListLog(store_, source_.root, *hint));
      if (!listing_.checkpoints.empty()) return Status::Ok();
    }
    return ListAll();
  }

  Status ListAll() {
    TARN_ASSIGN_OR_RETURN(listing_, ListLog(store_, source_.root));
    if (!listing_.empty()) return Status::Ok();
    // A list that lags may hide a table that was just made: its first commit is asked for by name.
    const std::string name = CommitName(Version{0});
    const auto first = store_.Head(LogFolder(source_.root) + name);
    if (first.ok()) {
      listing_.commits[Version{0}] = {Version{0},        Version{0}, name, first->modified_micros,
                                      first->size_bytes, first->tag};
    } else if (first.status().code() != StatusCode::kNotFound) {
      return first.status();
    }
    return Status::Ok();
  }

  Result<Version> Target() {
    if (listing_.empty()) {
      final_ = listing_.from.value() == 0;
      return Status::NotFound("no Delta table at '" + (source_.root.empty() ? "." : source_.root) +
                              "' in " + store_.Describe() +
                              "; check the path, or create the table");
    }
    const Version last = listing_.LastVersion();
    if (!wanted_) return last;
    if (*wanted_ > last || wanted_->value() < 0) return Unavailable();
    return *wanted_;
  }

  Status Unavailable() {
    final_ = listing_.from.value() == 0;
    const std::optional<Version> oldest = OldestVersion(listing_);
    std::string message =
        "version " + wanted_->ToString() + " of " + TableName(source_.root) + " is not available";
    if (oldest) {
      message +=
          "; versions " + oldest->ToString() + " to " + listing_.LastVersion().ToString() + " are";
    }
    return Status::NotFound(std::move(message));
  }

  // Newest complete checkpoint first, then the older ones, then the commits alone.
  Result<SnapshotPtr> TryCheckpoints() {
    TARN_ASSIGN_OR_RETURN(const Version target, Target());
    Status first = Status::Ok();
    for (size_t i = listing_.checkpoints.size(); i-- > 0;) {
      const CheckpointFiles& files = listing_.checkpoints[i];
      if (files.version > target) continue;
      auto built = Build(target, &files);
      if (built.ok() || !MayFallBack(built.status())) return built;
      if (first.ok()) first = built.status();
    }
    if (listing_.from.value() > 0) return first.ok() ? Status::NotFound("no checkpoint") : first;
    auto built = Build(target, nullptr);
    if (built.ok() || first.ok()) {
      if (!built.ok() && wanted_ && listing_.checkpoints.size() + listing_.incomplete.size() > 0 &&
          OldestVersion(listing_) > *wanted_) {
        return Unavailable();
      }
      if (!built.ok() && !listing_.incomplete.empty()) {
        return Status::Corruption(built.status().message() + " (" + listing_.incomplete.back() +
                                  ")");
      }
      return built;
    }
    if (!MayFallBack(built.status())) return built;
    if (first.message() == built.status().message()) return first;
    return Status(first.code(), first.message() + "; the table cannot be rebuilt without it: " +
                                    built.status().message());
  }

  Result<SnapshotPtr> Build(Version target, const CheckpointFiles* checkpoint) {
    auto segment = PlanSegment(listing_, source_.root, target, checkpoint, true);
    if (!segment.ok()) return segment.status();
    auto built = BuildSegment(*segment);
    const bool has_compacted = std::any_of(segment->commits.begin(), segment->commits.end(),
                                           [](const CommitFile& f) { return f.first != f.last; });
    if (built.ok() || !has_compacted || !MayFallBack(built.status())) return built;
    auto plain = PlanSegment(listing_, source_.root, target, checkpoint, false);
    return plain.ok() ? BuildSegment(*plain) : built;
  }

  Result<SnapshotPtr> BuildSegment(const LogSegment& segment) {
    CommitReplay replay;
    std::vector<Result<std::string>> fetched;  // of the window at hand
    for (size_t i = 0; i < segment.commits.size(); ++i) {
      const CommitFile& file = segment.commits[i];
      replay.last_info.reset();
      const std::string key = LogFolder(source_.root) + file.name;
      if (i % kCommitsAtOnce == 0) fetched = FetchCommits(segment, i);
      TARN_RETURN_IF_ERROR(fetched[i % kCommitsAtOnce].status());
      std::string bytes = std::move(*fetched[i % kCommitsAtOnce]);
      if (bytes.size() != file.size_bytes)
        return Status::NotFound(key + " is no longer the file that was listed");
      // Reconciled, a compacted file names each file once. Writers that only concatenate put the
      // newest action first: read backwards, the last word is right in both.
      if (file.first != file.last) bytes = ReverseLines(bytes);
      TARN_RETURN_IF_ERROR(ReadActions(std::move(bytes), key, &replay));
    }
    CheckpointReplay base(&replay, scope_.filter);
    if (scope_.definition) {
      replay.protocol = PartsOf(*scope_.definition).protocol;
      replay.metadata = PartsOf(*scope_.definition).metadata;
    }
    deferred_ = segment.checkpoint && scope_.defer_bytes &&
                segment.checkpoint->size_bytes >= *scope_.defer_bytes;
    if (segment.checkpoint) TARN_RETURN_IF_ERROR(ReadCheckpoint(*segment.checkpoint, &base));
    return Assemble(segment, &replay, &base);
  }

  // The next commits of the segment, asked for together: a store far away answers them at once.
  std::vector<Result<std::string>> FetchCommits(const LogSegment& segment, size_t first) {
    std::vector<std::string> keys;
    const size_t end = std::min(first + kCommitsAtOnce, segment.commits.size());
    for (size_t i = first; i < end; ++i) {
      keys.push_back(LogFolder(source_.root) + segment.commits[i].name);
    }
    return store_.GetMany(keys);
  }

  Status ReadCheckpoint(const CheckpointFiles& files, CheckpointReplay* base) {
    const std::string folder = LogFolder(source_.root);
    for (const std::string& name : files.names) {
      const std::string key = folder + name;
      if (files.json) {
        TARN_ASSIGN_OR_RETURN(std::string bytes, store_.Get(key));
        TARN_RETURN_IF_ERROR(ReadActions(std::move(bytes), key, base));
      } else {
        TARN_RETURN_IF_ERROR(ReadParquet(key, base));
      }
    }
    if (!scope_.definition && (!base->has_metadata || !base->has_protocol)) {
      return Status::Corruption("checkpoint " + folder + files.names[0] + " has no " +
                                (base->has_metadata ? "protocol" : "metaData") +
                                "; delete it, it is not usable");
    }
    for (const Sidecar& sidecar : base->sidecars) {
      if (deferred_) break;
      TARN_ASSIGN_OR_RETURN(const std::string key, SidecarKey(sidecar));
      TARN_RETURN_IF_ERROR(ReadParquet(key, base));
    }
    return Status::Ok();
  }

  Result<std::string> SidecarKey(const Sidecar& sidecar) {
    const std::string path = UriDecode(sidecar.path);
    if (!IsAbsolutePath(path)) return LogFolder(source_.root) + "_sidecars/" + path;
    // An absolute sidecar path names the same folder; only its last part matters here.
    const std::string name = path.substr(path.rfind('/') + 1);
    return LogFolder(source_.root) + "_sidecars/" + name;
  }

  Status ReadParquet(const std::string& key, CheckpointReplay* base) {
    if (!source_.checkpoint_format) {
      return Status::NotFound("checkpoint " + key +
                              " is Parquet and this process has no Parquet reader");
    }
    CheckpointReadOptions options;
    options.adds = !deferred_;
    options.removes = !deferred_ && scope_.filter == nullptr;
    options.other_actions = scope_.definition == nullptr;
    options.filter = scope_.filter;
    options.stats = scope_.filter == nullptr || scope_.filter->NeedsStats();
    Status status = source_.checkpoint_format->Read(store_, key, options, base);
    const std::string named = "checkpoint " + key;
    const bool is_named = status.message().rfind(named, 0) == 0;
    return is_named ? status : status.WithContext(named);
  }

  Result<SnapshotPtr> Assemble(const LogSegment& segment, CommitReplay* replay,
                               CheckpointReplay* base);
  Result<int64_t> Timestamp(const LogSegment& segment, const CommitReplay& replay,
                            std::optional<CommitStamp>* stamp);

  std::optional<int64_t> KnownFiles(const LogSegment& segment, const CommitReplay& replay);

  const ReplaySource& source_;
  store::ObjectStore& store_;
  std::optional<Version> wanted_;
  LoadScope scope_;
  bool deferred_ = false;  // the files of the segment at hand are left out
  LogListing listing_;
  bool final_ = false;  // the answer cannot change by listing more
};

bool InCommitTimestamps(const Metadata& metadata) {
  const auto found = metadata.configuration.find("delta.enableInCommitTimestamps");
  return found != metadata.configuration.end() && found->second == "true";
}

ColumnMappingMode MappingOf(const Protocol& protocol, const Metadata& metadata) {
  const auto found = metadata.configuration.find("delta.columnMapping.mode");
  if (found == metadata.configuration.end() || !ProtocolSupports(protocol, "columnMapping")) {
    return ColumnMappingMode::kNone;
  }
  if (found->second == "name") return ColumnMappingMode::kName;
  return found->second == "id" ? ColumnMappingMode::kId : ColumnMappingMode::kNone;
}

// Checks what was read and fills what follows from protocol and metadata.
Status TakeTableDefinition(Snapshot::Parts* parts) {
  TARN_RETURN_IF_ERROR(
      CheckReadable(*parts->protocol, *parts->metadata).WithContext(TableName(parts->root)));
  auto schema = ParseSchema(parts->metadata->schema_string);
  if (!schema.ok()) return schema.status().WithContext(TableName(parts->root));
  parts->schema = std::make_shared<const Schema>(std::move(*schema));
  parts->mapping = MappingOf(*parts->protocol, *parts->metadata);
  for (const std::string& column : parts->metadata->partition_columns) {
    if (!parts->schema->Find(column)) {
      return Status::Corruption(TableName(parts->root) + ": partition column '" + column +
                                "' is not in the schema; restore the log from a copy");
    }
  }
  return Status::Ok();
}

void DropRemovedDomains(Snapshot::Parts::DomainMap* domains) {
  std::erase_if(*domains, [](const auto& entry) { return entry.second.removed; });
}

// First commitInfo of a commit file, if it can be read.
std::optional<CommitInfo> ReadCommitInfo(store::ObjectStore& store, const std::string& key) {
  auto bytes = store.Get(key);
  if (!bytes.ok()) return std::nullopt;
  auto actions = ParseActions(std::move(*bytes), key);
  if (!actions.ok()) return std::nullopt;
  for (Action& action : *actions) {
    if (auto* info = std::get_if<CommitInfo>(&action)) return std::move(*info);
  }
  return std::nullopt;
}

Result<int64_t> Loader::Timestamp(const LogSegment& segment, const CommitReplay& replay,
                                  std::optional<CommitStamp>* stamp) {
  const auto commit = listing_.commits.find(segment.version);
  int64_t timestamp = segment.checkpoint ? segment.checkpoint->modified_micros / 1000 : 0;
  if (commit != listing_.commits.end()) {
    timestamp = commit->second.modified_micros / 1000;
    *stamp =
        CommitStamp{commit->second.modified_micros, commit->second.size_bytes, commit->second.tag};
  }
  if (!InCommitTimestamps(*replay.metadata)) return timestamp;
  std::optional<CommitInfo> info = replay.last_info;
  if (!info && commit != listing_.commits.end()) {
    info = ReadCommitInfo(store_, LogFolder(source_.root) + commit->second.name);
  }
  return info && info->in_commit_timestamp_ms ? *info->in_commit_timestamp_ms : timestamp;
}

// The commit's checksum knows; else the hint, when nothing was removed since its checkpoint (what
// was added since is then new).
std::optional<int64_t> Loader::KnownFiles(const LogSegment& segment, const CommitReplay& replay) {
  const auto bytes = store_.Get(LogFolder(source_.root) + ChecksumName(segment.version));
  if (bytes.ok()) {
    const auto checksum = ParseChecksum(*bytes, ChecksumName(segment.version));
    if (checksum.ok()) return checksum->num_files;
  }
  const auto hint = ReadLastCheckpoint(store_, source_.root);
  if (!hint || !hint->adds || hint->version != segment.checkpoint->version) return std::nullopt;
  if (!replay.removes.empty()) return std::nullopt;
  return *hint->adds + replay.adds.live();
}

Result<SnapshotPtr> Loader::Assemble(const LogSegment& segment, CommitReplay* replay,
                                     CheckpointReplay* base) {
  if (!replay->protocol || !replay->metadata) {
    return Status::Corruption(TableName(source_.root) + " has no " +
                              (replay->protocol ? "metaData" : "protocol") +
                              " action up to version " + segment.version.ToString() +
                              "; its first commit is damaged or was not written by a Delta writer");
  }
  auto parts = std::make_unique<Snapshot::Parts>();
  parts->root = source_.root;
  parts->version = segment.version;
  parts->protocol = replay->protocol;
  parts->metadata = replay->metadata;
  TARN_RETURN_IF_ERROR(TakeTableDefinition(parts.get()));
  TARN_ASSIGN_OR_RETURN(parts->timestamp_ms, Timestamp(segment, *replay, &parts->stamp));
  if (!parts->stamp && segment.checkpoint) {
    parts->checkpoint_micros = segment.checkpoint->modified_micros;
  }
  parts->without_files = deferred_;
  if (deferred_) parts->known_files = KnownFiles(segment, *replay);
  FileTableEditor files(base->files.Finish());
  files.Concatenate(replay->adds.Finish());
  parts->files = files.Finish();
  FileTableEditor tombstones(base->tombstones.Finish());
  tombstones.Concatenate(replay->removes.Finish());
  parts->tombstones = tombstones.Finish();
  DropRemovedDomains(&replay->domains);
  parts->transactions =
      std::make_shared<const Snapshot::Parts::Transactions>(std::move(replay->transactions));
  parts->domains = std::make_shared<const Snapshot::Parts::DomainMap>(std::move(replay->domains));
  return SnapshotPtr(std::make_shared<const Snapshot>(std::move(parts)));
}

// `base` without the files on which the replay has the last word.
FileTableEditor WithoutDecided(const FileTable& base, const CommitReplay& replay) {
  FileTableEditor editor(base);
  if (base.size() == 0) return editor;
  const auto erase = [&](std::string_view path, const DeletionVectorDescriptor* vector) {
    editor.Erase(path, vector);
  };
  replay.adds.ForEach(erase);
  replay.removes.ForEach(erase);
  return editor;
}

// Transactions and domains of `base` with the replay's newer ones.
void MergeKeyed(CommitReplay* replay, Snapshot::Parts* parts) {
  if (!replay->transactions.empty()) {
    auto merged = std::make_shared<Snapshot::Parts::Transactions>(*parts->transactions);
    for (auto& [id, txn] : replay->transactions) merged->insert_or_assign(id, std::move(txn));
    parts->transactions = std::move(merged);
  }
  if (!replay->domains.empty()) {
    auto merged = std::make_shared<Snapshot::Parts::DomainMap>(*parts->domains);
    for (auto& [name, domain] : replay->domains) merged->insert_or_assign(name, std::move(domain));
    DropRemovedDomains(merged.get());
    parts->domains = std::move(merged);
  }
}

}  // namespace

Result<SnapshotPtr> LoadSnapshot(const ReplaySource& source, std::optional<Version> version) {
  return Loader(source, version).Load();
}

Result<SnapshotPtr> LoadDefinition(const ReplaySource& source, std::optional<Version> version,
                                   uint64_t bytes) {
  LoadScope scope;
  scope.defer_bytes = bytes;
  return Loader(source, version, scope).Load();
}

Result<SnapshotPtr> LoadMatching(const ReplaySource& source, const Snapshot& definition,
                                 const Predicate& predicate) {
  PredicateAddFilter filter(definition.schema(), definition.metadata().partition_columns,
                            definition.column_mapping() != ColumnMappingMode::kNone, predicate);
  LoadScope scope;
  scope.definition = &definition;
  scope.filter = &filter;
  return Loader(source, definition.version(), scope).Load();
}

Result<SnapshotPtr> AdvanceSnapshot(const ReplaySource& source, const SnapshotPtr& base,
                                    std::vector<FetchedCommit> commits) {
  TARN_CHECK(!commits.empty());
  CommitReplay replay;
  for (FetchedCommit& commit : commits) {
    replay.last_info.reset();
    const std::string key = LogFolder(source.root) + CommitName(commit.version);
    TARN_RETURN_IF_ERROR(ReadActions(std::move(commit.bytes), key, &replay));
  }
  auto parts = std::make_unique<Snapshot::Parts>(PartsOf(*base));
  parts->version = commits.back().version;
  parts->stamp = commits.back().stamp;
  if (replay.protocol) parts->protocol = replay.protocol;
  if (replay.metadata) parts->metadata = replay.metadata;
  if (replay.protocol || replay.metadata) TARN_RETURN_IF_ERROR(TakeTableDefinition(parts.get()));
  parts->timestamp_ms = parts->stamp->modified_micros / 1000;
  if (InCommitTimestamps(*parts->metadata) && replay.last_info &&
      replay.last_info->in_commit_timestamp_ms) {
    parts->timestamp_ms = *replay.last_info->in_commit_timestamp_ms;
  }
  MergeKeyed(&replay, parts.get());
  FileTableEditor files = WithoutDecided(parts->files, replay);
  FileTableEditor tombstones = WithoutDecided(parts->tombstones, replay);
  files.Concatenate(replay.adds.Finish());
  tombstones.Concatenate(replay.removes.Finish());
  parts->files = files.Finish();
  parts->tombstones = tombstones.Finish();
  return SnapshotPtr(std::make_shared<const Snapshot>(std::move(parts)));
}

}  // namespace tarn::delta
