#include "delta/conflict.h"

#include <algorithm>

#include "delta/path_key.h"
#include "delta/properties.h"
#include "delta/vacuum_mark.h"

namespace tarn::delta {
namespace {

std::string Canonical(const std::string& path) {
  std::string scratch;
  return std::string(CanonicalPath(path, &scratch));
}

std::vector<std::string> FeaturesOf(const Protocol& protocol) {
  std::vector<std::string> out = protocol.writer_features.value_or(std::vector<std::string>());
  for (const FeatureInfo& info : KnownFeatures()) {
    if (protocol.min_writer_version < 7 && ProtocolSupports(protocol, info.name))
      out.push_back(info.name);
  }
  return out;
}

// Features whose arrival asks nothing of a commit that was prepared without them.
bool IsHarmlessWhenAdded(const std::string& feature) {
  static const std::set<std::string> kHarmless = {
      "appendOnly",   "changeDataFeed",   "columnMapping",  "deletionVectors",
      "timestampNtz", "v2Checkpoint",     "domainMetadata", "vacuumProtocolCheck",
      "typeWidening", "inCommitTimestamp"};
  return kHarmless.count(feature) != 0;
}

// Changes of properties that a commit prepared before them may adopt.
bool IsAdoptable(const std::string& key, const std::string& value, const Protocol& protocol) {
  if (key == "delta.enableDeletionVectors") {
    return value == "true" && ProtocolSupports(protocol, "deletionVectors");
  }
  if (key == "delta.checkpointPolicy")
    return value == "v2" && ProtocolSupports(protocol, "v2Checkpoint");
  if (key == "delta.enableInCommitTimestamps") {
    return value == "true" && ProtocolSupports(protocol, "inCommitTimestamp");
  }
  return key == "delta.inCommitTimestampEnablementVersion" ||
         key == "delta.inCommitTimestampEnablementTimestamp";
}

bool CanAdopt(const Metadata& ours, const Metadata& theirs, const Protocol& protocol) {
  Metadata rest = theirs;
  rest.configuration = ours.configuration;
  if (!(rest == ours)) return false;
  for (const auto& [key, value] : ours.configuration) {
    if (theirs.configuration.count(key) == 0) return false;
  }
  for (const auto& [key, value] : theirs.configuration) {
    const auto before = ours.configuration.find(key);
    const bool same = before != ours.configuration.end() && before->second == value;
    if (!same && !IsAdoptable(key, value, protocol)) return false;
  }
  return true;
}

template <typename T>
const T* FirstOf(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

template <typename T>
std::vector<const T*> AllOf(const std::vector<Action>& actions) {
  std::vector<const T*> out;
  for (const Action& action : actions) {
    if (const T* found = std::get_if<T>(&action)) out.push_back(found);
  }
  return out;
}

}  // namespace

const char* ConflictKindName(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kProtocolChanged: return "protocol changed";
    case ConflictKind::kMetadataChanged: return "metadata changed";
    case ConflictKind::kConcurrentTransaction: return "concurrent transaction";
    case ConflictKind::kConcurrentAppend: return "concurrent append";
    case ConflictKind::kConcurrentDeleteRead: return "concurrent delete of rows read";
    case ConflictKind::kConcurrentDeleteDelete: return "concurrent delete of the same rows";
  }
  return "?";
}

ConflictChecker::ConflictChecker(Footprint footprint) : footprint_(std::move(footprint)) {
  TARN_CHECK(footprint_.base != nullptr);
  metadata_ = footprint_.base->metadata();
  protocol_ = footprint_.base->protocol();
  for (const Predicate& predicate : footprint_.read_predicates) {
    readers_.push_back(std::make_unique<Pruner>(
        footprint_.base->schema(), metadata_.partition_columns,
        footprint_.base->column_mapping() != ColumnMappingMode::kNone, predicate));
  }
}

bool ConflictChecker::WasRead(const AddFile& file) const {
  return footprint_.read_whole_table ||
         std::any_of(readers_.begin(), readers_.end(),
                     [&](const auto& reader) { return reader->Judge(file) != Verdict::kNone; });
}

Result<std::optional<Conflict>> ConflictChecker::CheckProtocol(const std::string& who,
                                                               const Protocol& protocol) {
  TARN_RETURN_IF_ERROR(CheckWritable(protocol, metadata_).WithContext(who));
  const auto conflict = [&](const std::string& what) {
    return std::optional(Conflict{ConflictKind::kProtocolChanged, who + " " + what});
  };
  if (footprint_.changes_protocol)
    return conflict("changed the protocol, and so does this transaction");
  const std::vector<std::string> before = FeaturesOf(protocol_);
  const std::vector<std::string> after = FeaturesOf(protocol);
  for (const std::string& name : before) {
    if (std::find(after.begin(), after.end(), name) == after.end()) {
      return conflict("dropped table feature " + name);
    }
  }
  for (const std::string& name : after) {
    const bool is_new = std::find(before.begin(), before.end(), name) == before.end();
    if (is_new && !IsHarmlessWhenAdded(name)) return conflict("added table feature " + name);
  }
  protocol_ = protocol;
  return std::optional<Conflict>();
}

std::optional<Conflict> ConflictChecker::CheckMetadata(const std::string& who,
                                                       const Metadata& metadata) {
  if (footprint_.changes_metadata || !CanAdopt(metadata_, metadata, protocol_)) {
    return Conflict{ConflictKind::kMetadataChanged,
                    who + " changed the table's schema or properties"};
  }
  metadata_ = metadata;
  return std::nullopt;
}

std::optional<Conflict> ConflictChecker::CheckAdded(const std::string& who, const AddFile& file,
                                                    bool blind) const {
  if (footprint_.blind_append || footprint_.isolation == IsolationLevel::kSnapshot)
    return std::nullopt;
  const bool tolerates_appends =
      footprint_.isolation == IsolationLevel::kWriteSerializable && !footprint_.changes_metadata;
  if ((blind && tolerates_appends) || !WasRead(file)) return std::nullopt;
  return Conflict{ConflictKind::kConcurrentAppend,
                  who + " added " + file.path + ", whose rows this transaction should have read"};
}

std::optional<Conflict> ConflictChecker::CheckRead(const std::string& who,
                                                   const RemoveFile& file) const {
  bool read = footprint_.read_whole_table || footprint_.read_paths.count(Canonical(file.path)) != 0;
  if (!read && !readers_.empty()) {
    const auto index = footprint_.base->FindFile(file.path);
    read = index && WasRead(footprint_.base->File(*index));
  }
  if (!read) return std::nullopt;
  return Conflict{ConflictKind::kConcurrentDeleteRead,
                  who + " changed " + file.path + ", which this transaction read"};
}

std::optional<Conflict> ConflictChecker::CheckRemoved(const std::string& who,
                                                      const RemoveFile& file) const {
  if (footprint_.removed_paths.count(Canonical(file.path)) == 0) return std::nullopt;
  return Conflict{ConflictKind::kConcurrentDeleteDelete,
                  who + " changed " + file.path + ", which this transaction changes too"};
}

Result<std::optional<Conflict>> ConflictChecker::Check(Version version,
                                                       const std::vector<Action>& actions) {
  const CommitInfo* info = FirstOf<CommitInfo>(actions);
  const bool blind = info != nullptr && info->is_blind_append.value_or(false);
  std::string who = "version " + version.ToString();
  if (info != nullptr && !info->operation.empty()) who += " (" + info->operation + ")";
  if (footprint_.brings_files_back && info != nullptr && info->operation == kVacuumStart) {
    return std::optional(Conflict{ConflictKind::kConcurrentDeleteRead,
                                  who + " is about to delete files that are brought back"});
  }

  if (const auto* protocol = FirstOf<Protocol>(actions)) {
    TARN_ASSIGN_OR_RETURN(auto conflict, CheckProtocol(who, *protocol));
    if (conflict) return conflict;
  }
  if (const auto* metadata = FirstOf<Metadata>(actions)) {
    if (auto conflict = CheckMetadata(who, *metadata)) return conflict;
  }
  for (const Action& action : actions) {
    std::optional<Conflict> conflict;
    if (const auto* domain = std::get_if<DomainMetadata>(&action)) {
      if (footprint_.domains.count(domain->domain) != 0) {
        conflict = Conflict{ConflictKind::kConcurrentTransaction,
                            who + " changed metadata domain " + domain->domain};
      }
    } else if (const auto* transaction = std::get_if<SetTransaction>(&action)) {
      if (footprint_.app_ids.count(transaction->app_id) != 0) {
        conflict = Conflict{ConflictKind::kConcurrentTransaction,
                            who + " advanced application " + transaction->app_id + " to " +
                                std::to_string(transaction->version)};
      }
    }
    if (conflict) return conflict;
  }
  for (const AddFile* file : AllOf<AddFile>(actions)) {
    if (auto conflict = CheckAdded(who, *file, blind)) return conflict;
  }
  const auto removed = AllOf<RemoveFile>(actions);
  for (const RemoveFile* file : removed) {
    if (footprint_.refuses_removals && file->data_change) {
      return std::optional(Conflict{ConflictKind::kConcurrentDeleteRead,
                                    who + " took rows away, which this append builds on"});
    }
    if (auto conflict = CheckRead(who, *file)) return conflict;
  }
  for (const RemoveFile* file : removed) {
    if (auto conflict = CheckRemoved(who, *file)) return conflict;
  }
  return std::optional<Conflict>();
}

}  // namespace tarn::delta
