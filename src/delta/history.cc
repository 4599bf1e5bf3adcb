#include "delta/history.h"

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "delta/json.h"

namespace tarn::delta {
namespace {

// Commit files are read from the front in this much: commitInfo is the first line of nearly all of
// them.
constexpr uint64_t kHeadBytes = 64 * 1024;

// From which version on commits carry an in-commit timestamp that counts.
struct InCommitTimes {
  bool enabled = false;
  Version from{0};
  int64_t from_timestamp_ms = std::numeric_limits<int64_t>::min();
};

std::optional<int64_t> NumberProperty(const Metadata& metadata, const char* key) {
  const auto found = metadata.configuration.find(key);
  if (found == metadata.configuration.end()) return std::nullopt;
  int64_t number;
  const std::string& text = found->second;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

InCommitTimes InCommitTimesOf(const Metadata& metadata) {
  InCommitTimes times;
  const auto enabled = metadata.configuration.find("delta.enableInCommitTimestamps");
  times.enabled = enabled != metadata.configuration.end() && enabled->second == "true";
  if (!times.enabled) return times;
  times.from =
      Version(NumberProperty(metadata, "delta.inCommitTimestampEnablementVersion").value_or(0));
  times.from_timestamp_ms = NumberProperty(metadata, "delta.inCommitTimestampEnablementTimestamp")
                                .value_or(times.from_timestamp_ms);
  return times;
}

class InfoFinder final : public CheckpointSink {
 public:
  Status OnAdd(const AddView&) override { return Status::Ok(); }
  Status OnAction(Action action) override {
    auto* found = std::get_if<CommitInfo>(&action);
    if (found && !info) info = std::move(*found);
    return Status::Ok();
  }
  std::optional<CommitInfo> info;
};

// Last version in [first, last] whose in-commit timestamp is <= `limit_ms`; nullopt when none.
Result<std::optional<Version>> SearchInCommit(store::ObjectStore& store, const std::string& root,
                                              const LogListing& listing, Version first,
                                              Version last, int64_t limit_ms) {
  std::optional<Version> best;
  int64_t low = first.value(), high = last.value();
  while (low <= high) {
    const int64_t middle = low + (high - low) / 2;
    const CommitFile& file = listing.commits.at(Version(middle));
    const std::string key = LogFolder(root) + file.name;
    TARN_ASSIGN_OR_RETURN(auto info, ReadCommitInfo(store, key, file.size_bytes));
    if (!info || !info->in_commit_timestamp_ms) {
      return Status::Corruption(key +
                                " has no inCommitTimestamp although the table requires it; use "
                                "VERSION AS OF instead of a timestamp");
    }
    if (*info->in_commit_timestamp_ms <= limit_ms) {
      best = Version(middle);
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return best;
}

std::string Millis(int64_t ms) { return FormatTimestampUtc(ms * 1000); }

}  // namespace

std::vector<CommitTime> FileTimes(const LogListing& listing) {
  std::vector<CommitTime> times;
  times.reserve(listing.commits.size());
  for (const auto& [version, file] : listing.commits) {
    int64_t ms = file.modified_micros / 1000;
    if (!times.empty()) ms = std::max(ms, times.back().timestamp_ms + 1);
    times.push_back({version, ms});
  }
  return times;
}

Result<std::optional<CommitInfo>> ReadCommitInfo(store::ObjectStore& store, const std::string& key,
                                                 uint64_t size_bytes) {
  InfoFinder finder;
  if (size_bytes > kHeadBytes) {
    TARN_ASSIGN_OR_RETURN(std::string head, store.GetRange(key, 0, kHeadBytes));
    const size_t end = head.rfind('\n');
    if (end != std::string::npos) {
      head.resize(end);
      TARN_RETURN_IF_ERROR(ReadActions(std::move(head), key, &finder));
      if (finder.info) return std::move(finder.info);
    }
  }
  TARN_ASSIGN_OR_RETURN(std::string bytes, store.Get(key));
  TARN_RETURN_IF_ERROR(ReadActions(std::move(bytes), key, &finder));
  return std::move(finder.info);
}

Result<Version> VersionAt(store::ObjectStore& store, const std::string& root,
                          const LogListing& listing, const Snapshot& latest, int64_t micros,
                          bool allow_after_last) {
  const std::string name = "table '" + root + "'";
  const std::string wanted = FormatTimestampUtc(micros);
  const std::optional<Version> oldest = OldestVersion(listing);
  if (!oldest || listing.commits.empty()) {
    return Status::NotFound(name + " has no commits left to travel to; use VERSION AS OF " +
                            latest.version().ToString());
  }
  const int64_t limit_ms = micros >= 0 ? micros / 1000 : (micros - 999) / 1000;
  const Version last = listing.commits.rbegin()->first;
  if (!allow_after_last && latest.version() == last && limit_ms > latest.timestamp_ms()) {
    return Status::InvalidArgument("timestamp " + wanted + " is after the last commit of " + name +
                                   " (version " + last.ToString() + " at " +
                                   Millis(latest.timestamp_ms()) +
                                   "); use that time or an earlier one");
  }
  std::vector<CommitTime> times = FileTimes(listing);
  std::erase_if(times, [&](const CommitTime& time) { return time.version < *oldest; });
  const InCommitTimes in_commit = InCommitTimesOf(latest.metadata());
  if (in_commit.enabled && limit_ms >= in_commit.from_timestamp_ms && !times.empty()) {
    const Version first = std::max(in_commit.from, times.front().version);
    TARN_ASSIGN_OR_RETURN(auto found, SearchInCommit(store, root, listing, first, last, limit_ms));
    if (found) return *found;
  }
  std::optional<Version> best;
  for (const CommitTime& time : times) {
    if (in_commit.enabled && time.version >= in_commit.from) break;
    if (time.timestamp_ms <= limit_ms) best = time.version;
  }
  if (best) return *best;
  std::string message = "timestamp " + wanted + " is before the first available version of " + name;
  if (!times.empty() && !in_commit.enabled) {
    message += " (version " + times.front().version.ToString() + " at " +
               Millis(times.front().timestamp_ms) + ")";
  }
  return Status::NotFound(message + "; use a later time");
}

Result<std::vector<HistoryEntry>> ReadHistory(store::ObjectStore& store, const std::string& root,
                                              const LogListing& listing, const Metadata* metadata,
                                              size_t limit) {
  const std::vector<CommitTime> times = FileTimes(listing);
  const InCommitTimes in_commit = metadata ? InCommitTimesOf(*metadata) : InCommitTimes{};
  std::vector<HistoryEntry> entries;
  for (size_t i = times.size(); i-- > 0 && (limit == 0 || entries.size() < limit);) {
    const CommitFile& file = listing.commits.at(times[i].version);
    HistoryEntry entry;
    entry.version = times[i].version;
    entry.timestamp_ms = times[i].timestamp_ms;
    auto info = ReadCommitInfo(store, LogFolder(root) + file.name, file.size_bytes);
    // Cleaned up since the listing: the history simply ends here.
    if (!info.ok() && info.status().code() == StatusCode::kNotFound) break;
    if (!info.ok()) return info.status();
    if (*info) entry.info = std::move(**info);
    if (in_commit.enabled && entry.version >= in_commit.from && entry.info.in_commit_timestamp_ms) {
      entry.timestamp_ms = *entry.info.in_commit_timestamp_ms;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace tarn::delta
