#include "delta/change_feed.h"

#include <algorithm>
#include <map>

#include "delta/file_table.h"
#include "delta/history.h"
#include "delta/log.h"
#include "delta/path_key.h"
#include "delta/properties.h"

namespace tarn::delta {
namespace {

std::string NameOf(const Table& table) {
  return table.root().empty() ? "the table" : "table " + table.root();
}

bool HasFeed(const Metadata& metadata) {
  const auto properties = ParseProperties(metadata.configuration);
  return properties.ok() && properties->enable_change_data_feed;
}

Status NoFeed(const Table& table, Version version) {
  return Status::InvalidArgument(
      "the change data feed of " + NameOf(table) + " was not on at version " + version.ToString() +
      "; read from a later version (SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true') "
      "switches it on)");
}

AddFile AsAdd(const RemoveFile& remove) {
  AddFile file;
  file.path = remove.path;
  file.partition_values = remove.partition_values;
  file.size_bytes = remove.size_bytes.value_or(0);
  file.stats = remove.stats;
  file.deletion_vector = remove.deletion_vector;
  return file;
}

RowSet Minus(const RowSet& from, const RowSet& what) {
  RowSet out;
  from.ForEach([&](uint64_t row) {
    if (!what.Contains(row)) out.Add(row);
  });
  return out;
}

class CommitReader {
 public:
  CommitReader(Table& table, Version version, int64_t timestamp_ms, std::vector<ChangeFile>* out)
      : table_(table), version_(version), timestamp_ms_(timestamp_ms), out_(out) {}

  Status Read(const std::vector<Action>& actions) {
    for (const Action& action : actions) {
      if (const auto* info = std::get_if<CommitInfo>(&action)) {
        if (info->in_commit_timestamp_ms) timestamp_ms_ = *info->in_commit_timestamp_ms;
      }
    }
    bool has_changes = false;
    for (const Action& action : actions) {
      const auto* cdc = std::get_if<AddCdcFile>(&action);
      if (cdc == nullptr) continue;
      has_changes = true;
      AddFile file;
      file.path = cdc->path;
      file.partition_values = cdc->partition_values;
      file.size_bytes = cdc->size_bytes;
      Emit(std::move(file), std::nullopt, std::nullopt);
    }
    return has_changes ? Status::Ok() : ReadFiles(actions);
  }

 private:
  Status ReadFiles(const std::vector<Action>& actions) {
    std::string scratch;
    std::map<std::string, const RemoveFile*> removed;
    for (const Action& action : actions) {
      const auto* remove = std::get_if<RemoveFile>(&action);
      if (remove == nullptr || !remove->data_change) continue;
      removed[std::string(CanonicalPath(remove->path, &scratch))] = remove;
    }
    for (const Action& action : actions) {
      const auto* add = std::get_if<AddFile>(&action);
      if (add == nullptr || !add->data_change) continue;
      const auto pair = removed.find(std::string(CanonicalPath(add->path, &scratch)));
      if (pair == removed.end()) {
        Emit(*add, std::nullopt, "insert");
        continue;
      }
      TARN_RETURN_IF_ERROR(Compare(*pair->second, *add));
      removed.erase(pair);
    }
    for (const auto& [path, remove] : removed) {
      if (!remove->extended_file_metadata && !remove->partition_values.empty()) continue;
      Emit(AsAdd(*remove), std::nullopt, "delete");
    }
    return Status::Ok();
  }

  Result<RowSet> Vector(const std::optional<DeletionVectorDescriptor>& vector) {
    if (!vector) return RowSet();
    return ReadDeletionVector(*table_.environment().store, table_.root(), *vector);
  }

  // One file under two vectors: what the new one hides was deleted, what only the old one hid is
  // back.
  Status Compare(const RemoveFile& before, const AddFile& after) {
    TARN_ASSIGN_OR_RETURN(const RowSet old_rows, Vector(before.deletion_vector));
    TARN_ASSIGN_OR_RETURN(const RowSet new_rows, Vector(after.deletion_vector));
    RowSet deleted = Minus(new_rows, old_rows);
    RowSet back = Minus(old_rows, new_rows);
    if (deleted.Cardinality() > 0) Emit(after, std::move(deleted), "delete");
    if (back.Cardinality() > 0) Emit(after, std::move(back), "insert");
    return Status::Ok();
  }

  void Emit(AddFile file, std::optional<RowSet> only, std::optional<std::string> change) {
    if (only) file.deletion_vector.reset();
    out_->push_back({std::move(file), std::move(only), std::move(change), version_, timestamp_ms_});
  }

  Table& table_;
  Version version_;
  int64_t timestamp_ms_;
  std::vector<ChangeFile>* out_;
};

}  // namespace

Result<ChangeFeed> ReadChanges(Table& table, Version first, Version last) {
  TARN_ASSIGN_OR_RETURN(const SnapshotPtr latest, table.Latest());
  if (first.value() < 0 || first > latest->version()) {
    return Status::InvalidArgument("changes of " + NameOf(table) + " from version " +
                                   first.ToString() + ": its newest version is " +
                                   latest->version().ToString());
  }
  if (last < first) {
    return Status::InvalidArgument("changes of " + NameOf(table) + ": the end, version " +
                                   last.ToString() + ", lies before the start, version " +
                                   first.ToString());
  }
  last = std::min(last, latest->version());
  ChangeFeed feed;
  TARN_ASSIGN_OR_RETURN(feed.last, table.At(last));
  if (!HasFeed(feed.last->metadata())) return NoFeed(table, last);
  TARN_ASSIGN_OR_RETURN(const LogListing listing,
                        ListLog(*table.environment().store, table.root(), first));
  // Times are made monotone over what is listed; the first of the range is as it is.
  std::map<Version, int64_t> times;
  for (const CommitTime& time : FileTimes(listing)) times[time.version] = time.timestamp_ms;
  bool on = false;  // as far as the metadata seen in the range tells
  bool known = false;
  for (Version version = first; version <= last; version = version.Next()) {
    TARN_ASSIGN_OR_RETURN(const auto actions, table.ReadCommit(version));
    for (const Action& action : actions) {
      if (const auto* metadata = std::get_if<Metadata>(&action)) {
        on = HasFeed(*metadata);
        known = true;
      }
    }
    if (!known) {
      // Nothing in the range says so yet: the state before it does.
      const Result<SnapshotPtr> at = table.At(version);
      if (!at.ok()) return at.status();
      on = HasFeed((*at)->metadata());
      known = true;
    }
    if (!on) return NoFeed(table, version);
    CommitReader reader(table, version, times[version], &feed.files);
    TARN_RETURN_IF_ERROR(reader.Read(actions));
  }
  return feed;
}

Result<std::optional<Version>> FirstVersionAtOrAfter(Table& table, int64_t micros) {
  TARN_ASSIGN_OR_RETURN(const auto history, table.History());
  std::optional<Version> found;
  for (const HistoryEntry& entry : history) {
    if (entry.timestamp_ms * 1000 < micros) break;
    found = entry.version;
  }
  return found;
}

Result<std::optional<Version>> LastVersionAtOrBefore(Table& table, int64_t micros) {
  TARN_ASSIGN_OR_RETURN(const auto history, table.History());
  for (const HistoryEntry& entry : history) {
    // A commit is stamped in milliseconds: the whole of its millisecond counts.
    if (entry.timestamp_ms * 1000 <= micros) return std::optional(entry.version);
  }
  return std::optional<Version>();
}

}  // namespace tarn::delta
