#include "transform/run/streaming_state.h"

namespace tarn::transform {
namespace {

// RESTORE to a version that was made by a RESTORE, and so on.
constexpr int kMaxRestoreDepth = 64;

struct Restore {
  int64_t version = 0;
  std::optional<int64_t> to;
};

std::optional<int64_t> RestoredVersion(const engine::CommitSummary& commit) {
  const auto to = commit.parameters.find("version");
  if (to == commit.parameters.end()) return std::nullopt;
  // A number or, from some writers, a number in quotes; null when a time was asked for.
  Json json = Json::parse(to->second, nullptr, false);
  if (json.is_string()) json = Json::parse(json.get<std::string>(), nullptr, false);
  if (!json.is_number_integer()) return std::nullopt;
  return json.get<int64_t>();
}

Result<std::optional<Restore>> LastRestore(engine::Session& session, const std::string& table,
                                           int64_t after, int64_t until) {
  TARN_ASSIGN_OR_RETURN(const auto commits, session.CommitsAfter(table, after));
  std::optional<Restore> last;
  for (const engine::CommitSummary& commit : commits) {
    if (commit.version > until || commit.operation != "RESTORE") continue;
    last = Restore{commit.version, RestoredVersion(commit)};
  }
  return last;
}

Result<std::pair<int64_t, StreamingState>> StateAt(engine::Session& session,
                                                   const std::string& table,
                                                   const std::string& unique_id,
                                                   std::optional<int64_t> version) {
  const std::string domain = StateDomain(unique_id);
  TARN_ASSIGN_OR_RETURN(const auto domains, session.Domains(table, {domain}, version));
  const auto found = domains.texts.find(domain);
  if (found == domains.texts.end()) return std::pair(domains.version, StreamingState{});
  TARN_ASSIGN_OR_RETURN(StreamingState state, StreamingState::FromText(found->second, table));
  return std::pair(domains.version, std::move(state));
}

}  // namespace

std::string StateDomain(const std::string& unique_id) { return "tarn.stream." + unique_id; }
std::string StateAppId(const std::string& unique_id) { return "tarn/" + unique_id; }

std::string StreamingState::ToText() const {
  Json json = {{"format", 1}, {"epoch", epoch}, {"writer", writer}, {"examined", examined}};
  Json tables = Json::object();
  for (const auto& [table, position] : upstreams) {
    tables[table] = {{"table_id", position.table_id},
                     {"version", position.next.version},
                     {"file", position.next.file},
                     {"whole", position.next.whole}};
  }
  json["upstreams"] = std::move(tables);
  if (max_event_micros) json["max_event_micros"] = *max_event_micros;
  return json.dump();
}

Result<StreamingState> StreamingState::FromText(const std::string& text, const std::string& table) {
  const Json json = Json::parse(text, nullptr, false);
  const auto broken = [&] {
    return Status::Corruption("the streaming position in table " + table +
                              " cannot be read; --full-refresh builds the table anew");
  };
  try {
    if (!json.is_object() || json.value("format", 0) != 1) return broken();
    StreamingState state;
    state.epoch = json.at("epoch").get<int64_t>();
    state.writer = json.at("writer").get<std::string>();
    state.examined = json.at("examined").get<int64_t>();
    for (const auto& [name, position] : json.at("upstreams").items()) {
      state.upstreams[name] = {
          position.at("table_id").get<std::string>(),
          {position.at("version").get<int64_t>(), position.at("file").get<uint64_t>(),
           position.at("whole").get<bool>()}};
    }
    if (json.contains("max_event_micros")) {
      state.max_event_micros = json["max_event_micros"].get<int64_t>();
    }
    return state;
  } catch (const Json::exception&) {
    return broken();
  }
}

Result<TargetState> ReadTargetState(engine::Session& session, const std::string& table,
                                    const std::string& unique_id, OnTargetRestore on_restore) {
  TargetState out;
  TARN_ASSIGN_OR_RETURN(const auto kind, session.RelationKind(table));
  if (kind != "table") return out;
  out.exists = true;
  TARN_ASSIGN_OR_RETURN(const auto newest, StateAt(session, table, unique_id, std::nullopt));
  out.version = newest.first;
  out.state = newest.second;
  out.has_state = out.state.epoch > 0;
  if (!out.has_state || on_restore == OnTargetRestore::kKeep) return out;
  const int64_t epoch = out.state.epoch;
  int64_t examined = out.state.examined, until = out.version;
  for (int depth = 0; depth < kMaxRestoreDepth; ++depth) {
    TARN_ASSIGN_OR_RETURN(const auto restore, LastRestore(session, table, examined, until));
    if (!restore) return out;
    const std::string what = "table " + table + " was restored to " +
                             (restore->to ? "version " + std::to_string(*restore->to) : "a time") +
                             " by its version " + std::to_string(restore->version);
    if (on_restore == OnTargetRestore::kFail) {
      return Status::Constraint(what +
                                "; set on_restore: rewind to read again what went, or keep to go "
                                "on without it");
    }
    if (!restore->to) {
      return Status::Constraint(what +
                                ", and which rows that leaves is not known; restore it to a "
                                "version, or set on_restore: keep");
    }
    TARN_ASSIGN_OR_RETURN(const auto then, StateAt(session, table, unique_id, restore->to));
    out.note = what + "; what went is read again";
    out.state = then.second;
    out.state.epoch = epoch;  // who has not seen the RESTORE cannot commit
    if (then.second.epoch == 0) return out;
    examined = then.second.examined;
    until = *restore->to;
  }
  return Status::Corruption("table " + table + " was restored too often to follow");
}

}  // namespace tarn::transform
