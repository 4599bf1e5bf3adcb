// What the tables say of lanes, and what a RESTORE of the table means for them.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "ingest/live_ingestor.h"

namespace tarn::ingest {
namespace {

// RESTORE to a version that was itself made by a RESTORE, and so on: more is not a history but a
// damaged one.
constexpr int kMaxRestoreDepth = 64;

}  // namespace

Result<OnRestore> ParseOnRestore(const std::string& text) {
  if (text == "rewind") return OnRestore::kRewind;
  if (text == "keep") return OnRestore::kKeep;
  if (text == "fail") return OnRestore::kFail;
  return Status::InvalidArgument("'" + text + "' is no policy; choose rewind, keep or fail");
}

Result<LiveIngestor::Lane> LiveIngestor::ParseLane(LiveBronzeWriter& writer, const std::string& id,
                                                   const StreamState& state) {
  Lane lane;
  lane.writer = &writer;
  lane.epoch = state.epoch;
  if (state.epoch == 0) return lane;
  const auto json = nlohmann::json::parse(state.json, nullptr, false);
  if (!json.is_object() || !json.contains("source")) {
    return Status::Corruption("the committed position of " + id + " cannot be read");
  }
  lane.writer_id = json.value("writer", "");
  lane.life = json.value("reading", "");
  lane.rows = json.value("rows", uint64_t{0});
  lane.dead_letters = json.value("dead_letters", uint64_t{0});
  lane.recorded = lane.examined = json.value("examined", int64_t{-1});
  lane.position.json = json["source"].dump();
  return lane;
}

Result<std::vector<sources::Position>> LiveIngestor::ReadPositions(
    const std::vector<sources::LaneName>& lanes) {
  std::map<LiveBronzeWriter*, std::vector<const sources::LaneName*>> by_writer;
  for (const sources::LaneName& lane : lanes) {
    TARN_ASSIGN_OR_RETURN(LiveBronzeWriter * writer, targets_.For(lane.topic));
    by_writer[writer].push_back(&lane);
  }
  std::map<std::string, sources::Position> positions;
  for (const auto& [writer, names] : by_writer) {
    TARN_RETURN_IF_ERROR(Retry("reading positions", [&, w = writer, &list = names] {
      return ReadLanes(*w, list, &positions);
    }));
  }
  std::vector<sources::Position> out;
  for (const sources::LaneName& lane : lanes) out.push_back(positions.at(lane.stream_id));
  return out;
}

Status LiveIngestor::ReadLanes(LiveBronzeWriter& writer,
                               const std::vector<const sources::LaneName*>& names,
                               std::map<std::string, sources::Position>* positions) {
  std::vector<std::string> ids;
  for (const auto* name : names) ids.push_back(name->stream_id);
  TARN_ASSIGN_OR_RETURN(const auto states, writer.ReadStates(ids));
  for (size_t i = 0; i < ids.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(Lane lane, ParseLane(writer, ids[i], states.states[i]));
    const uint64_t before = restored_lanes_;
    if (lane.epoch > 0 && lane.examined >= 0) {
      TARN_RETURN_IF_ERROR(FollowRestores(ids[i], states.version, &lane, 0));
    }
    lane.examined = states.version;
    (*positions)[ids[i]] = lane.position;
    if (!names[i]->opens) {
      // What is held already stays as it was opened: its records are on their way from there, and
      // a newer state in the table must make their commit fail, not look like their beginning.
      restored_lanes_ = before;
      continue;
    }
    lanes_[ids[i]] = std::move(lane);
    letters_.erase(ids[i]);
  }
  return Status::Ok();
}

// Makes restores_ cover (after, until].
Status LiveIngestor::LookForRestores(LiveBronzeWriter& writer, int64_t after, int64_t until) {
  Restores& known = restores_[&writer];
  if (known.to < 0) known.from = known.to = until;
  if (after < known.from) {
    known = Restores{after, after, {}};
  }
  if (until <= known.to) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto found, writer.RestoresAfter(known.to));
  for (const auto& restore : found) {
    known.found.push_back(restore);
    known.to = std::max(known.to, restore.version);
  }
  known.to = std::max(known.to, until);
  return Status::Ok();
}

Status LiveIngestor::FollowRestores(const std::string& id, int64_t version, Lane* lane, int depth) {
  TARN_RETURN_IF_ERROR(LookForRestores(*lane->writer, lane->examined, version));
  const auto& found = restores_[lane->writer].found;
  const auto last = std::find_if(found.rbegin(), found.rend(), [&](const auto& restore) {
    return restore.version > lane->examined && restore.version <= version;
  });
  if (last == found.rend() || options_.on_restore == OnRestore::kKeep) return Status::Ok();
  const std::string what = "the table of " + id + " was restored to " +
                           (last->to ? "version " + std::to_string(*last->to) : "a time") +
                           " by its version " + std::to_string(last->version);
  if (options_.on_restore == OnRestore::kFail) {
    return Status::Constraint(what +
                              "; set on_restore: rewind to read the rows again that went, "
                              "or keep to go on without them");
  }
  if (!last->to || depth == kMaxRestoreDepth) {
    return Status::Constraint(what +
                              ", and which rows that leaves is not known; restore it to a "
                              "version, or set on_restore: keep");
  }
  TARN_ASSIGN_OR_RETURN(const auto then, lane->writer->ReadStates({id}, *last->to));
  TARN_ASSIGN_OR_RETURN(Lane old, ParseLane(*lane->writer, id, then.states[0]));
  if (old.epoch > 0 && old.examined >= 0) {
    TARN_RETURN_IF_ERROR(FollowRestores(id, *last->to, &old, depth + 1));
  }
  // Only the place moves: the epoch goes on, so that who has not seen the RESTORE cannot commit.
  lane->position = std::move(old.position);
  lane->life = std::move(old.life);
  if (depth == 0) ++restored_lanes_;
  return Status::Ok();
}

Result<LiveIngestor::Fate> LiveIngestor::SettleCommit(const std::vector<StreamCommit>& commits,
                                                      LiveBronzeWriter& writer) {
  std::vector<std::string> ids;
  for (const StreamCommit& commit : commits) ids.push_back(commit.stream_id);
  LiveBronzeWriter::States now;
  TARN_RETURN_IF_ERROR(Retry("reading positions", [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(now, writer.ReadStates(ids));
    return Status::Ok();
  }));
  size_t ours = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    TARN_ASSIGN_OR_RETURN(const Lane lane, ParseLane(writer, ids[i], now.states[i]));
    if (lane.epoch < commits[i].epoch) continue;
    if (lane.epoch > commits[i].epoch || lane.writer_id != options_.writer_id) return Fate::kTaken;
    ++ours;
  }
  if (ours == ids.size()) return Fate::kOurs;
  if (ours > 0) return Fate::kTaken;  // cannot be: a commit lands whole
  // Not ours, nobody else's: something else changed the table. A RESTORE moves the lanes.
  const uint64_t before = restored_lanes_;
  for (const auto& [id, lane] : lanes_) {
    if (lane.writer != &writer || lane.epoch == 0) continue;
    Lane looked = lane;
    TARN_RETURN_IF_ERROR(FollowRestores(id, now.version, &looked, 0));
    if (restored_lanes_ == before) continue;
    restored_lanes_ = before;  // counted when the lanes are opened again
    return Fate::kTaken;
  }
  for (auto& [id, lane] : lanes_) {
    if (lane.writer == &writer) lane.examined = std::max(lane.examined, now.version);
  }
  return Fate::kUnchanged;
}

}  // namespace tarn::ingest
