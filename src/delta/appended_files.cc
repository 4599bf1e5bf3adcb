#include "delta/appended_files.h"

#include <algorithm>
#include <tuple>

#include "delta/file_table.h"
#include "delta/stats.h"

namespace tarn::delta {
namespace {

// What one commit means to a reader of appended rows.
struct CommitContent {
  std::vector<AddFile> added;  // with new rows
  bool removes = false;
  std::string operation;
  std::optional<std::string> table_id;  // when it says metadata
  int64_t timestamp_ms = 0;
};

CommitContent ContentOf(std::vector<Action> actions) {
  CommitContent content;
  for (Action& action : actions) {
    if (auto* add = std::get_if<AddFile>(&action)) {
      if (add->data_change) content.added.push_back(std::move(*add));
    } else if (const auto* remove = std::get_if<RemoveFile>(&action)) {
      content.removes |= remove->data_change;
    } else if (const auto* metadata = std::get_if<Metadata>(&action)) {
      content.table_id = metadata->id;
    } else if (const auto* info = std::get_if<CommitInfo>(&action)) {
      content.operation = info->operation;
      content.timestamp_ms = info->in_commit_timestamp_ms.value_or(info->timestamp_ms.value_or(0));
    }
  }
  return content;
}

class Reader {
 public:
  Reader(Table& table, const AppendedLimits& limits, bool skip_removals)
      : table_(table), limits_(limits), skip_removals_(skip_removals) {
    out.rows = 0;
  }

  Status ReadState(StreamPoint point);
  Status ReadCommits(StreamPoint point, const std::string& table_id);

  AppendedFiles out;

 private:
  // False: the piece is full, and the file was not taken.
  bool Take(AddFile file, std::optional<int64_t> rows) {
    const auto size = static_cast<uint64_t>(std::max<int64_t>(file.size_bytes, 0));
    if (!out.files.empty() &&
        (out.files.size() >= limits_.max_files || out.bytes + size > limits_.max_bytes)) {
      out.more = true;
      return false;
    }
    out.bytes += size;
    if (rows && out.rows) {
      *out.rows += *rows;
    } else {
      out.rows.reset();
    }
    out.files.push_back(std::move(file));
    return true;
  }
  bool TakeCommit(CommitContent content, StreamPoint* point);
  // False: under this name is another table now.
  Result<bool> IsSameTable(StreamPoint point, const std::string& table_id);

  Table& table_;
  AppendedLimits limits_;
  bool skip_removals_;
};

Status Reader::ReadState(StreamPoint point) {
  SnapshotPtr state = out.last;
  if (state->version() != point.version) {
    auto then = table_.At(point.version);
    if (!then.ok()) {
      return then.status().WithContext("the first reading of the table, as it was at version " +
                                       point.version.ToString() + ", was not finished in time");
    }
    state = std::move(*then);
  }
  const FileTable& files = state->files();
  std::vector<FileIndex> order;
  order.reserve(files.size());
  for (uint32_t i = 0; i < files.size(); ++i) order.emplace_back(i);
  std::sort(order.begin(), order.end(), [&](FileIndex a, FileIndex b) {
    return std::tuple(files.ModificationTimeMs(a), files.Path(a)) <
           std::tuple(files.ModificationTimeMs(b), files.Path(b));
  });
  out.next = point;
  for (; out.next.file < order.size(); ++out.next.file) {
    const FileIndex index = order[out.next.file];
    auto rows = files.NumRecords(index);
    const DeletionVectorDescriptor* vector = files.DeletionVector(index);
    if (rows && vector != nullptr) *rows -= vector->cardinality;
    if (!Take(state->File(index), rows)) return Status::Ok();
  }
  if (!out.files.empty()) out.commit_ms = state->timestamp_ms();
  out.next = {point.version.Next(), 0, false};
  out.more = out.last->version() > point.version;
  return Status::Ok();
}

bool Reader::TakeCommit(CommitContent content, StreamPoint* point) {
  for (; point->file < content.added.size(); ++point->file) {
    AddFile& file = content.added[point->file];
    auto rows = NumRecordsOf(file.stats);
    if (rows && file.deletion_vector) *rows -= file.deletion_vector->cardinality;
    if (!Take(std::move(file), rows)) return false;
    out.commit_ms = std::max(out.commit_ms, content.timestamp_ms);
  }
  *point = {point->version.Next(), 0, false};
  return true;
}

Result<bool> Reader::IsSameTable(StreamPoint point, const std::string& table_id) {
  const Version newest = out.last->version();
  if (newest.Next() < point.version) return false;
  const std::string& id = out.last->metadata().id;
  if (table_id.empty() || table_id == id) return true;
  // Some writers give a table they replace another id; that commit is in the same log.
  for (Version version = point.version; version <= newest; version = version.Next()) {
    auto actions = table_.ReadCommit(version);
    if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) continue;
    if (!actions.ok()) return actions.status();
    if (ContentOf(std::move(*actions)).table_id == id) return version.value() > 0;
  }
  return false;
}

Status Reader::ReadCommits(StreamPoint point, const std::string& table_id) {
  int64_t taken = 0;
  out.next = point;
  const Version newest = out.last->version();
  TARN_ASSIGN_OR_RETURN(const bool same, IsSameTable(point, table_id));
  if (!same) {
    out.removal = RowRemoval{newest, ""};
    return Status::Ok();
  }
  while (out.next.version <= newest) {
    auto actions = table_.ReadCommit(out.next.version);
    if (!actions.ok() && actions.status().code() == StatusCode::kNotFound) {
      return Status::NotFound("version " + out.next.version.ToString() +
                              ", which was not read yet, was cleaned up from the log");
    }
    if (!actions.ok()) return actions.status();
    CommitContent content = ContentOf(std::move(*actions));
    if (content.removes) {
      const RowRemoval removal{out.next.version, content.operation};
      if (!skip_removals_) {
        // What came before it is read first.
        out.more = !out.files.empty();
        if (out.files.empty()) out.removal = removal;
        return Status::Ok();
      }
      out.passed_over.push_back(removal);
      out.next = {out.next.version.Next(), 0, false};
      continue;
    }
    const bool gives = content.added.size() > out.next.file;
    if (gives && taken == limits_.max_commits) {
      out.more = true;
      return Status::Ok();
    }
    if (!TakeCommit(std::move(content), &out.next)) return Status::Ok();
    taken += gives ? 1 : 0;
  }
  return Status::Ok();
}

}  // namespace

Result<AppendedFiles> ReadAppended(Table& table, const std::optional<StreamPoint>& from,
                                   const std::string& table_id, const AppendedLimits& limits,
                                   bool skip_removals) {
  Reader reader(table, limits, skip_removals);
  TARN_ASSIGN_OR_RETURN(reader.out.last, table.Latest());
  const StreamPoint point =
      from ? *from : StreamPoint{reader.out.last->version(), 0, /*whole=*/true};
  if (point.whole && !table_id.empty() && table_id != reader.out.last->metadata().id) {
    reader.out.next = point;
    reader.out.removal = RowRemoval{reader.out.last->version(), ""};
    return std::move(reader.out);
  }
  TARN_RETURN_IF_ERROR(point.whole ? reader.ReadState(point) : reader.ReadCommits(point, table_id));
  return std::move(reader.out);
}

}  // namespace tarn::delta
