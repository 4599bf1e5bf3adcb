#include "engine/stream_query.h"

#include <map>

#include "delta/appended_files.h"
#include "duck/delta_table_entry.h"
#include "duck/stream_slice.h"
#include "duckdb/catalog/catalog.hpp"
#include "duckdb/planner/operator/logical_cte.hpp"
#include "duckdb/planner/operator/logical_cteref.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/planner/operator/logical_join.hpp"
#include "duckdb/planner/operator/logical_set_operation.hpp"
#include "duckdb/planner/planner.hpp"
#include "engine/session.h"

namespace tarn::engine {
namespace {

using duckdb::JoinType;
using duckdb::LogicalOperator;
using duckdb::LogicalOperatorType;

DuckSession& Of(Session& session) { return static_cast<DuckSession&>(session); }

duck::DeltaTableEntry* TableOf(LogicalOperator& op) {
  auto entry = op.Cast<duckdb::LogicalGet>().GetTable();
  return entry ? dynamic_cast<duck::DeltaTableEntry*>(entry.get()) : nullptr;
}

void CollectTables(LogicalOperator& op, std::set<std::string>* tables) {
  if (op.type == LogicalOperatorType::LOGICAL_GET) {
    if (auto* table = TableOf(op)) tables->insert(table->QualifiedName());
  }
  for (const auto& child : op.children) CollectTables(*child, tables);
}

// Which parts of a plan grow with the streams, and whether each grows by what is added alone.
class Judge {
 public:
  explicit Judge(const std::set<std::string>& streams) : streams_(streams) {}

  // True: the operator's rows come from a stream.
  bool Visit(LogicalOperator& op) {
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_GET: return VisitGet(op);
      case LogicalOperatorType::LOGICAL_CTE_REF:
        return growing_ctes_[op.Cast<duckdb::LogicalCTERef>().cte_index];
      case LogicalOperatorType::LOGICAL_MATERIALIZED_CTE: {
        const auto& cte = op.Cast<duckdb::LogicalCTE>();
        growing_ctes_[cte.table_index] = Visit(*op.children[0]);
        return Visit(*op.children[1]);
      }
      case LogicalOperatorType::LOGICAL_UNION: return VisitUnion(op);
      case LogicalOperatorType::LOGICAL_JOIN:
      case LogicalOperatorType::LOGICAL_DELIM_JOIN:
      case LogicalOperatorType::LOGICAL_COMPARISON_JOIN:
      case LogicalOperatorType::LOGICAL_ANY_JOIN:
      case LogicalOperatorType::LOGICAL_ASOF_JOIN:
      case LogicalOperatorType::LOGICAL_DEPENDENT_JOIN:
        return VisitJoin(op, op.Cast<duckdb::LogicalJoin>().join_type);
      case LogicalOperatorType::LOGICAL_CROSS_PRODUCT: return VisitJoin(op, JoinType::INNER);
      case LogicalOperatorType::LOGICAL_PROJECTION:
      case LogicalOperatorType::LOGICAL_FILTER:
      case LogicalOperatorType::LOGICAL_UNNEST:
      case LogicalOperatorType::LOGICAL_ORDER_BY: return VisitChildren(op);
      default: break;
    }
    const bool grows = VisitChildren(op);
    if (grows) Refuse(op);
    return grows;
  }

  std::string problem;

 private:
  bool VisitGet(LogicalOperator& op) {
    if (VisitChildren(op)) return true;  // a function over rows of a stream
    auto* table = TableOf(op);
    return table != nullptr && streams_.contains(table->QualifiedName());
  }

  bool VisitChildren(LogicalOperator& op) {
    bool grows = false;
    for (const auto& child : op.children) grows |= Visit(*child);
    return grows;
  }

  bool VisitUnion(LogicalOperator& op) {
    size_t growing = 0;
    for (const auto& child : op.children) growing += Visit(*child) ? 1 : 0;
    if (growing == 0) return false;
    if (!op.Cast<duckdb::LogicalSetOperation>().setop_all) {
      Say("it removes duplicates (UNION without ALL): use UNION ALL and unique_key");
    }
    if (growing < op.children.size()) {
      Say("a UNION ALL adds the rows of a table that is not streamed to every batch: stream it "
          "too, or leave it out");
    }
    return true;
  }

  bool VisitJoin(LogicalOperator& op, JoinType type) {
    const bool left = Visit(*op.children[0]), right = Visit(*op.children[1]);
    if (left && right) {
      Say("it joins streamed rows with streamed rows, whose partners may come in different "
          "batches: name one side only in `stream`");
    } else if (left && (type == JoinType::RIGHT || type == JoinType::OUTER)) {
      Say("an outer join keeps rows of the table that is not streamed, in every batch anew: "
          "write a LEFT or INNER JOIN from the stream");
    } else if (right && type != JoinType::INNER && type != JoinType::RIGHT) {
      Say(type == JoinType::LEFT || type == JoinType::OUTER
              ? "an outer join keeps rows of the table that is not streamed, in every batch anew: "
                "write a LEFT or INNER JOIN from the stream"
              : "a subquery asks streamed rows for a match (IN, EXISTS or a single value), of "
                "which a batch knows only the new ones");
    }
    return left || right;
  }

  void Refuse(const LogicalOperator& op) {
    switch (op.type) {
      case LogicalOperatorType::LOGICAL_AGGREGATE_AND_GROUP_BY:
        return Say(
            "it aggregates (GROUP BY, DISTINCT or an aggregate function), and a batch knows only "
            "the new rows: aggregate in a table or incremental model that reads this one");
      case LogicalOperatorType::LOGICAL_WINDOW:
        return Say(
            "it has a window function, whose partitions do not end with a batch: to keep one row "
            "per key set unique_key; else compute it in a model that reads this one");
      case LogicalOperatorType::LOGICAL_DISTINCT:
        return Say(
            "it removes duplicates (DISTINCT, or UNION without ALL): set unique_key, and "
            "write UNION ALL");
      case LogicalOperatorType::LOGICAL_LIMIT:
      case LogicalOperatorType::LOGICAL_TOP_N:
        return Say("it has a LIMIT, which would apply to every batch anew: leave it out");
      case LogicalOperatorType::LOGICAL_SAMPLE:
        return Say("it takes a sample, of every batch anew: leave it out");
      case LogicalOperatorType::LOGICAL_EXCEPT:
      case LogicalOperatorType::LOGICAL_INTERSECT:
        return Say(
            "it has EXCEPT or INTERSECT, which compare all rows: use a LEFT, SEMI or ANTI "
            "JOIN with a table that is not streamed");
      case LogicalOperatorType::LOGICAL_RECURSIVE_CTE:
        return Say("it has a recursive WITH over streamed rows");
      default: return Say("it has " + op.GetName() + " over streamed rows");
    }
  }

  void Say(std::string text) {
    if (problem.empty()) problem = std::move(text);
  }

  const std::set<std::string>& streams_;
  std::map<duckdb::idx_t, bool> growing_ctes_;
};

// Binds the query and shows its plan, as written.
Status WithPlan(Session& session, const std::string& sql, const std::string& place,
                const std::function<void(LogicalOperator&)>& look) {
  DuckSession& duck = Of(session);
  TARN_ASSIGN_OR_RETURN(auto statement, duck.Parse(sql, place));
  return duck.RunInTransaction([&](duckdb::ClientContext& context) {
    duckdb::Planner planner(context);
    planner.CreatePlan(std::move(statement));
    look(*planner.plan);
    return Status::Ok();
  });
}

}  // namespace

Result<StreamSlice> NextSlice(Session& session, const std::string& table,
                              const std::optional<StreamPoint>& from, const std::string& table_id,
                              const SliceLimits& limits) {
  const size_t dot = table.find('.');
  if (dot == std::string::npos) {
    return Status::InvalidArgument("'" + table + "' is not a table name; write schema.table");
  }
  std::shared_ptr<delta::Table> handle;
  TARN_RETURN_IF_ERROR(Of(session).RunInTransaction([&](duckdb::ClientContext& context) {
    auto entry = duckdb::Catalog::GetEntry<duckdb::TableCatalogEntry>(
        context, "lake", table.substr(0, dot), table.substr(dot + 1),
        duckdb::OnEntryNotFound::RETURN_NULL);
    auto* found = entry ? dynamic_cast<duck::DeltaTableEntry*>(entry.get()) : nullptr;
    if (found == nullptr) return Status::NotFound("table " + table + " does not exist");
    handle = found->table();
    return Status::Ok();
  }));
  std::optional<delta::StreamPoint> point;
  if (from) point = delta::StreamPoint{delta::Version(from->version), from->file, from->whole};
  auto read = delta::ReadAppended(*handle, point, table_id,
                                  {limits.max_bytes, limits.max_files, limits.max_commits},
                                  limits.skip_removals);
  if (!read.ok()) return read.status().WithContext("table " + table);
  auto content = std::make_shared<const delta::AppendedFiles>(std::move(*read));
  StreamSlice slice;
  slice.table = table;
  slice.table_id = content->last->metadata().id;
  slice.next = {content->next.version.value(), content->next.file, content->next.whole};
  slice.files = content->files.size();
  slice.bytes = content->bytes;
  slice.rows = content->rows;
  slice.more = content->more;
  slice.newest_version = content->last->version().value();
  slice.commit_ms = content->commit_ms;
  const auto note = [](const delta::RowRemoval& removal) {
    return RemovalNote{removal.version.value(), removal.operation};
  };
  if (content->removal) slice.removal = note(*content->removal);
  for (const auto& removal : content->passed_over) slice.passed_over.push_back(note(removal));
  slice.content = std::move(content);
  return slice;
}

void ReadSlices(Session& session, const std::vector<const StreamSlice*>& slices) {
  const auto state = duck::StreamSlices::Get(Of(session).context());
  state->Clear();
  for (const StreamSlice* slice : slices) state->Set(slice->table, slice->content);
}

Result<std::vector<std::string>> TablesOfQuery(Session& session, const std::string& sql,
                                               const std::string& place) {
  std::set<std::string> tables;
  TARN_RETURN_IF_ERROR(
      WithPlan(session, sql, place, [&](LogicalOperator& plan) { CollectTables(plan, &tables); }));
  return std::vector<std::string>(tables.begin(), tables.end());
}

Result<std::string> JudgeStreamQuery(Session& session, const std::string& sql,
                                     const std::string& place,
                                     const std::set<std::string>& streams) {
  Judge judge(streams);
  bool grows = false;
  TARN_RETURN_IF_ERROR(
      WithPlan(session, sql, place, [&](LogicalOperator& plan) { grows = judge.Visit(plan); }));
  if (!grows) return std::string("its rows do not come from a streamed table");
  return judge.problem;
}

}  // namespace tarn::engine
