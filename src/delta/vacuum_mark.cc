#include "delta/vacuum_mark.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "delta/history.h"
#include "delta/log.h"

namespace tarn::delta {
namespace {

constexpr char kFolder[] = "_tarn_vacuum/";
constexpr int64_t kMarkCountsMs = 2 * kLongestDeletingMs;

bool Counts(const Table& table, const store::ObjectInfo& mark) {
  const int64_t age_ms = table.environment().clock->NowMillis() - mark.modified_micros / 1000;
  return age_ms < kMarkCountsMs;
}

// When a mark cannot be read, everything is about to go.
int64_t CutoffOf(const Result<std::string>& bytes) {
  const auto json = nlohmann::json::parse(bytes.ok() ? *bytes : "", nullptr, false);
  const bool known =
      json.is_object() && json.contains("cutoffMs") && json["cutoffMs"].is_number_integer();
  return known ? json["cutoffMs"].get<int64_t>() : INT64_MAX;
}

}  // namespace

Result<std::string> MarkVacuum(Table& table, int64_t cutoff_ms) {
  const std::string key = table.LogKey(kFolder + MakeUuid(*table.environment().random) + ".json");
  nlohmann::json json;
  json["cutoffMs"] = cutoff_ms;
  TARN_RETURN_IF_ERROR(
      table.environment().store->Put(key, json.dump(), store::PutMode::kOverwrite));
  return key;
}

Status UnmarkVacuum(Table& table, const std::string& key) {
  store::ObjectStore& store = *table.environment().store;
  TARN_RETURN_IF_ERROR(store.Delete(key));
  TARN_ASSIGN_OR_RETURN(const auto marks, store.List(table.LogKey(kFolder)));
  for (const auto& mark : marks) {
    if (!Counts(table, mark)) TARN_RETURN_IF_ERROR(store.Delete(mark.key));
  }
  return Status::Ok();
}

Status RefuseDuringVacuum(Table& table, Version version) {
  store::ObjectStore& store = *table.environment().store;
  TARN_ASSIGN_OR_RETURN(const auto marks, store.List(table.LogKey(kFolder)));
  for (const auto& mark : marks) {
    if (!Counts(table, mark)) continue;
    const int64_t cutoff_ms = CutoffOf(store.Get(mark.key));
    // VACUUM keeps what was the newest version at some time since its cutoff.
    TARN_ASSIGN_OR_RETURN(const LogListing listing, ListLog(store, table.root(), version));
    const auto times = FileTimes(listing);
    const bool kept = std::any_of(times.begin(), times.end(), [&](const CommitTime& time) {
      return time.version == version.Next() && time.timestamp_ms >= cutoff_ms;
    });
    if (kept || (listing.commits.size() == 1 && listing.commits.begin()->first == version)) {
      continue;
    }
    return Status::Conflict("files of version " + version.ToString() +
                            " may be deleted right now by a VACUUM under way; try again when it "
                            "has ended (if it was killed: delete " +
                            mark.key + ")");
  }
  return Status::Ok();
}

}  // namespace tarn::delta
