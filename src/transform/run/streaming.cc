#include "transform/run/streaming.h"

#include <algorithm>

#include "base/clock.h"
#include "base/random.h"

namespace tarn::transform {
namespace {

// A step that lost a race this often in a row is starved by something a person should look at.
constexpr int kMaxLostRaces = 50;

bool SameName(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Status Bad(const Node& node, const std::string& text) {
  return Status::InvalidArgument("streaming model " + node.unique_id + " (" +
                                 node.original_file_path + ") cannot be streamed: " + text);
}

std::string Join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string Describe(const std::string& table, const engine::RemovalNote& removal) {
  if (removal.operation.empty()) return "table " + table + " was dropped and made anew";
  return "table " + table + " lost rows by its version " + std::to_string(removal.version) + " (" +
         removal.operation + ")";
}

bool LostRace(const Status& status) {
  return status.code() == StatusCode::kConflict || status.retry() == RetryClass::kAfterRefresh ||
         status.code() == StatusCode::kOutcomeUnknown;
}

// Lakes with streaming models have the view system.freshness.
Status ShowFreshness(engine::Session& session) {
  TARN_ASSIGN_OR_RETURN(const auto kind, session.RelationKind("system.freshness"));
  if (kind) return Status::Ok();
  return session
      .QueryDuckdb("CREATE OR REPLACE VIEW lake.system.freshness AS SELECT * FROM tarn_freshness()")
      .status();
}

}  // namespace

StreamingModel::StreamingModel(RunScope& scope, StreamingConfig config)
    : scope_(&scope),
      config_(std::move(config)),
      table_(scope.node.schema + "." + scope.node.alias),
      writer_(MakeUuid(Random::System())) {}

Result<StreamingModel> StreamingModel::Open(RunScope& scope) {
  TARN_ASSIGN_OR_RETURN(StreamingConfig config, ReadStreamingConfig(scope.node));
  StreamingModel model(scope, std::move(config));
  scope.warehouse.SetDialect(scope.context.DialectOf(scope.node));
  engine::Session& session = scope.warehouse.session();
  const std::string sql = "select * from (\n" + scope.node.compiled_code + "\n) as model";
  TARN_ASSIGN_OR_RETURN(const auto tables, engine::TablesOfQuery(session, sql, kCompiledPlace));
  TARN_RETURN_IF_ERROR(model.ChooseStreams(tables));
  TARN_ASSIGN_OR_RETURN(const std::string problem,
                        engine::JudgeStreamQuery(session, sql, kCompiledPlace,
                                                 {model.streams_.begin(), model.streams_.end()}));
  if (!problem.empty()) return Bad(scope.node, problem);
  TARN_RETURN_IF_ERROR(ShowFreshness(session));
  return model;
}

Status StreamingModel::ChooseStreams(const std::vector<std::string>& tables) {
  std::vector<std::string> others;
  for (const std::string& table : tables) {
    if (!SameName(table, table_)) others.push_back(table);
  }
  if (config_.streams.empty()) {
    if (others.size() == 1) {
      streams_ = others;
      return Status::Ok();
    }
    return Bad(scope_->node, others.empty()
                                 ? "it reads no table of the lake"
                                 : "it reads " + Join(others) +
                                       "; say which is followed, e.g. stream='" + others[0] +
                                       "' (the others are joined as they are when a batch runs)");
  }
  for (const std::string& name : config_.streams) {
    std::string wanted = name;
    for (const std::string& id : scope_->node.depends_on_nodes) {
      const Node* node = scope_->context.project.manifest.Find(id);
      if (node == nullptr) continue;
      const std::string leaf = node->type == ResourceType::kSource ? node->identifier : node->alias;
      if (SameName(node->name, name) || SameName(node->source_name + "." + node->name, name)) {
        wanted = node->schema + "." + (leaf.empty() ? node->name : leaf);
      }
    }
    const auto found = std::find_if(others.begin(), others.end(), [&](const std::string& table) {
      return SameName(table, wanted) || SameName(table.substr(table.find('.') + 1), wanted);
    });
    if (found == others.end()) {
      return Bad(scope_->node, "stream '" + name + "' is no table that it reads; it reads " +
                                   Join(others) +
                                   " (of a view or an ephemeral model, name the table below it)");
    }
    streams_.push_back(*found);
  }
  return Status::Ok();
}

Result<std::vector<engine::StreamSlice>> StreamingModel::ReadUpstreams(bool from_start,
                                                                       StreamingStep* step) {
  std::vector<engine::StreamSlice> slices;
  for (const std::string& table : streams_) {
    engine::SliceLimits limits;
    limits.skip_removals = config_.on_upstream_removal == OnUpstreamRemoval::kSkip;
    if (!from_start) {
      limits.max_bytes = config_.max_bytes;
      limits.max_commits = config_.max_commits;
    }
    std::optional<engine::StreamPoint> from;
    std::string table_id;
    const auto known = state_.upstreams.find(table);
    if (!from_start && known != state_.upstreams.end()) {
      from = known->second.next;
      table_id = known->second.table_id;
      const auto ahead = ahead_.find(table);
      if (ahead_of_epoch_ == state_.epoch && ahead != ahead_.end()) from = ahead->second.next;
    }
    TARN_ASSIGN_OR_RETURN(
        auto slice, engine::NextSlice(scope_->warehouse.session(), table, from, table_id, limits));
    step->newest[table] = slice.newest_version;
    step->more = step->more || slice.more;
    step->bytes += slice.bytes;
    step->upstream_commit_ms = std::max(step->upstream_commit_ms, slice.commit_ms);
    for (const engine::RemovalNote& removal : slice.passed_over) {
      step->notes.push_back(Describe(table, removal) + "; passed over, as on_upstream_change says");
    }
    slices.push_back(std::move(slice));
  }
  return slices;
}

Result<StreamingStep> StreamingModel::Step() {
  engine::Session& session = scope_->warehouse.session();
  for (int attempt = 0; attempt < kMaxLostRaces; ++attempt) {
    TARN_ASSIGN_OR_RETURN(
        const TargetState target,
        ReadTargetState(session, table_, scope_->node.unique_id, config_.on_restore));
    if (target.exists && !target.has_state) {
      return Status::InvalidArgument(
          "table " + table_ + " is there already and was not made by streaming model " +
          scope_->node.unique_id +
          "; drop it, or run with --full-refresh to replace it by the model");
    }
    state_ = target.state;
    StreamingStep step;
    if (!target.note.empty()) step.notes.push_back(target.note);
    TARN_ASSIGN_OR_RETURN(const auto slices, ReadUpstreams(false, &step));
    bool any = !target.exists;
    for (const engine::StreamSlice& slice : slices) {
      any = any || slice.files > 0;
      if (!slice.removal) continue;
      const std::string what = Describe(slice.table, *slice.removal);
      if (config_.on_upstream_removal == OnUpstreamRemoval::kRebuild) {
        TARN_ASSIGN_OR_RETURN(StreamingStep rebuilt, Rebuild());
        rebuilt.notes.push_back(what + "; " + table_ + " was built anew");
        return rebuilt;
      }
      return Status::Constraint(
          what + ", and streaming model " + scope_->node.unique_id +
          " follows only rows that are added; run it with --full-refresh, or set "
          "on_upstream_change to rebuild (build it anew by itself) or skip (keep what was read)");
    }
    if (!any) {
      ahead_of_epoch_ = state_.epoch;
      for (const auto& slice : slices) ahead_[slice.table] = {slice.table_id, slice.next};
      step.version = target.version;
      return step;
    }
    TARN_ASSIGN_OR_RETURN(step, WriteBatch(target, slices, false, std::move(step)));
    if (step.committed) return step;
  }
  return Status::Conflict("table " + table_ + " was written by others " +
                          std::to_string(kMaxLostRaces) + " times in a row");
}

Result<StreamingStep> StreamingModel::Rebuild() {
  engine::Session& session = scope_->warehouse.session();
  for (int attempt = 0; attempt < kMaxLostRaces; ++attempt) {
    TARN_ASSIGN_OR_RETURN(
        const TargetState target,
        ReadTargetState(session, table_, scope_->node.unique_id, OnTargetRestore::kKeep));
    state_ = target.state;
    StreamingStep step;
    TARN_ASSIGN_OR_RETURN(const auto slices, ReadUpstreams(true, &step));
    TARN_ASSIGN_OR_RETURN(step, WriteBatch(target, slices, true, std::move(step)));
    if (step.committed) return step;
  }
  return Status::Conflict("table " + table_ + " was written by others " +
                          std::to_string(kMaxLostRaces) + " times in a row");
}

StreamingState StreamingModel::NextState(const TargetState& target,
                                         const std::vector<engine::StreamSlice>& slices,
                                         bool replace) const {
  StreamingState next = target.state;
  next.epoch = target.state.epoch + 1;
  next.writer = writer_;
  next.examined = target.version;
  if (replace) next.max_event_micros.reset();
  if (replace) next.upstreams.clear();
  for (const engine::StreamSlice& slice : slices) {
    next.upstreams[slice.table] = {slice.table_id, slice.next};
  }
  return next;
}

engine::CommitAnnotations StreamingModel::Annotations(const StreamingState& next,
                                                      const StreamingStep& step) const {
  const Node& node = scope_->node;
  Json text = Json::parse(scope_->context.CommitText(node));
  Json stream = {{"epoch", next.epoch},
                 {"rows_read", step.figures.rows_read},
                 {"duplicates", step.figures.duplicates},
                 {"rows", step.figures.rows},
                 {"late", step.figures.late}};
  if (step.figures.max_event_micros) {
    stream["min_event_time"] = FormatTimestampUtc(*step.figures.min_event_micros);
    stream["max_event_time"] = FormatTimestampUtc(*step.figures.max_event_micros);
  }
  if (step.upstream_commit_ms > 0) {
    stream["upstream_commit_time"] = FormatTimestampUtc(step.upstream_commit_ms * 1000);
  }
  stream["position"] = Json::parse(next.ToText())["upstreams"];
  text["stream"] = std::move(stream);
  engine::CommitAnnotations annotations;
  annotations.txn = {StateAppId(node.unique_id), next.epoch};
  annotations.domain_metadata[StateDomain(node.unique_id)] = next.ToText();
  annotations.user_metadata = text.dump();
  annotations.examined_version = next.examined;
  return annotations;
}

Result<StreamingStep> StreamingModel::WriteBatch(const TargetState& target,
                                                 const std::vector<engine::StreamSlice>& slices,
                                                 bool replace, StreamingStep step) {
  engine::Session& session = scope_->warehouse.session();
  StreamingBatch batch(*scope_, config_);
  std::vector<const engine::StreamSlice*> read;
  for (const engine::StreamSlice& slice : slices) read.push_back(&slice);
  engine::ReadSlices(session, read);
  const Status loaded = batch.Load();
  engine::ReadSlices(session, {});
  TARN_RETURN_IF_ERROR(loaded);
  const bool create = replace || !target.exists;
  scope_->warehouse.SetDialect(dialect::SqlDialect::kDuckdb);
  TARN_RETURN_IF_ERROR(batch.FindCopies(create ? "" : scope_->This()->Render()));
  StreamingState next = NextState(target, slices, replace);
  TARN_ASSIGN_OR_RETURN(step.figures, batch.Measure(next.max_event_micros));
  if (step.figures.max_event_micros) {
    // A row from the future does not make all that comes after it late.
    const int64_t newest = std::min(*step.figures.max_event_micros, Clock::System().NowMicros());
    next.max_event_micros = std::max(newest, next.max_event_micros.value_or(newest));
  }
  session.AnnotateCommits(table_, Annotations(next, step));
  bool lost = false;
  const Status written = create ? Create(batch) : Append(target, batch, &lost);
  session.AnnotateCommits(table_, std::nullopt);
  if (!written.ok() && !LostRace(written)) return written;
  if (lost) return step;
  TARN_ASSIGN_OR_RETURN(step.committed, Landed(next, &step));
  if (step.committed) state_ = std::move(next);
  return step;
}

Result<bool> StreamingModel::Landed(const StreamingState& next, StreamingStep* step) {
  TARN_ASSIGN_OR_RETURN(const TargetState now,
                        ReadTargetState(scope_->warehouse.session(), table_, scope_->node.unique_id,
                                        OnTargetRestore::kKeep));
  step->version = now.version;
  return now.state.epoch == next.epoch && now.state.writer == writer_;
}

Status StreamingModel::Create(const StreamingBatch& batch) {
  Warehouse& warehouse = scope_->warehouse;
  const auto relation = scope_->This();
  TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(relation->parts()));
  if (kind && *kind != "table") TARN_RETURN_IF_ERROR(warehouse.Drop(relation->parts()));
  const std::string sql = CreateTableSql(*scope_, *relation, batch.Select(batch.columns()));
  scope_->main_sql = sql;
  return warehouse.Execute(sql, "").status();
}

// ALTER TABLE statements for new columns, as on_schema_change says, and the columns to write.
Result<std::string> StreamingModel::ColumnChanges(const StreamingBatch& batch,
                                                  std::vector<engine::Column>* written) {
  const auto relation = scope_->This();
  TARN_ASSIGN_OR_RETURN(const auto there, scope_->warehouse.ColumnsOf(*relation));
  std::string sql, fresh;
  for (const engine::Column& column : batch.columns()) {
    const bool known = std::any_of(there.begin(), there.end(), [&](const engine::Column& other) {
      return SameName(other.name, column.name);
    });
    if (!known) {
      fresh += (fresh.empty() ? "" : ", ") + column.name;
      if (config_.on_schema_change == "ignore") continue;
      sql += "alter table " + relation->Render() + " add column " + QuoteName(column.name, '"') +
             " " + column.type + ";\n";
    }
    written->push_back(column);
  }
  if (config_.on_schema_change == "fail" && !fresh.empty()) {
    return Status::InvalidArgument(
        "streaming model " + scope_->node.unique_id + " has columns that " + table_ + " lacks: " +
        fresh + "; set on_schema_change to append_new_columns, or run with --full-refresh");
  }
  return sql;
}

Status StreamingModel::Append(const TargetState& target, const StreamingBatch& batch, bool* lost) {
  Warehouse& warehouse = scope_->warehouse;
  std::vector<engine::Column> columns;
  TARN_ASSIGN_OR_RETURN(std::string sql, ColumnChanges(batch, &columns));
  std::string names;
  for (const engine::Column& column : columns) {
    names += (names.empty() ? "" : ", ") + QuoteName(column.name, '"');
  }
  sql += "insert into " + scope_->This()->Render() + " (" + names + ") " + batch.Select(columns);
  scope_->main_sql = sql;
  engine::Session& session = warehouse.session();
  const auto write = [&]() -> Status {
    TARN_RETURN_IF_ERROR(warehouse.Execute("begin", "").status());
    // What the transaction builds on; a RESTORE since the position was read moves the position.
    TARN_ASSIGN_OR_RETURN(const auto base, session.Domains(table_, {}, std::nullopt));
    if (base.version != target.version) {
      TARN_ASSIGN_OR_RETURN(const auto since, session.CommitsAfter(table_, target.version));
      for (const engine::CommitSummary& commit : since) *lost = *lost || commit.removed_rows;
      if (*lost) return Status::Conflict("table " + table_ + " lost rows meanwhile");
    }
    TARN_RETURN_IF_ERROR(warehouse.Execute(sql, "").status());
    return warehouse.Execute("commit", "").status();
  };
  const Status status = write();
  if (!status.ok() && warehouse.InTransaction()) (void)session.QueryDuckdb("ROLLBACK");
  return status;
}

Result<MaterializeOutcome> MaterializeStreaming(RunScope& scope) {
  TARN_RETURN_IF_ERROR(CheckContract(scope));
  TARN_ASSIGN_OR_RETURN(StreamingModel model, StreamingModel::Open(scope));
  int64_t batches = 0, rows = 0, late = 0;
  const auto count = [&](const StreamingStep& step) {
    for (const std::string& note : step.notes) scope.context.log.Warn(note);
    batches += step.committed ? 1 : 0;
    rows += step.committed ? step.figures.rows : 0;
    late += step.committed ? step.figures.late : 0;
  };
  if (WantsFullRefresh(scope)) {
    TARN_ASSIGN_OR_RETURN(const StreamingStep step, model.Rebuild());
    count(step);
  } else {
    std::map<std::string, int64_t> goal;
    for (bool done = false; !done && !scope.context.stop;) {
      TARN_ASSIGN_OR_RETURN(const StreamingStep step, model.Step());
      count(step);
      // What is added while this runs is the next run's.
      if (goal.empty()) goal = step.newest;
      done = !step.more || std::all_of(goal.begin(), goal.end(), [&](const auto& upstream) {
        const auto at = model.state().upstreams.find(upstream.first);
        return at != model.state().upstreams.end() && !at->second.next.whole &&
               at->second.next.version > upstream.second;
      });
    }
  }
  MaterializeOutcome outcome;
  outcome.message = "STREAM " + std::to_string(rows) + " in " + std::to_string(batches) +
                    (batches == 1 ? " batch" : " batches");
  outcome.response = {{"_message", outcome.message},
                      {"code", "STREAM"},
                      {"rows_affected", rows},
                      {"batches", batches},
                      {"late", late}};
  return outcome;
}

}  // namespace tarn::transform
