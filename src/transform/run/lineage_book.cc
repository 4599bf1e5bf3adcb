#include "transform/run/lineage_book.h"

#include <algorithm>
#include <filesystem>

#include "govern/contract_yaml.h"
#include "transform/lineage/tracer.h"
#include "transform/run/compiler.h"
#include "transform/run/dq_rules.h"
#include "transform/run/seed.h"

namespace tarn::transform {
namespace {

namespace fs = std::filesystem;
using govern::LineageColumn;
using govern::QueryLineage;
using govern::SourceColumn;

constexpr const char* kPayload = "raw_payload";  // of every Bronze table
constexpr size_t kMostColumnsTold = 5;

// "address.city", "lines[].sku" below a column.
std::vector<std::string> PathOf(const std::string& dotted) {
  std::vector<std::string> path;
  std::string part;
  for (const char c : dotted + ".") {
    if (c == '[' || c == ']') continue;
    if (c != '.') {
      part += c;
    } else if (!part.empty()) {
      path.push_back(std::move(part));
      part.clear();
    }
  }
  return path;
}

LineageColumn Plain(const std::string& name, const std::string& type) {
  LineageColumn column;
  column.name = name;
  column.type = type;
  return column;
}

// What a snapshot has beside its query's columns.
void AddSnapshotColumns(const Node& node, QueryLineage& lineage) {
  const Json& names = Member(node.config, "snapshot_meta_column_names");
  LineageColumn id = Plain(TextMember(names, "dbt_scd_id", "dbt_scd_id"), "VARCHAR");
  for (const std::string& key : TextList(Member(node.config, "unique_key"))) {
    for (const LineageColumn& column : lineage.columns) {
      if (column.name != key) continue;
      for (govern::LineageEdge edge : AllEdges(column)) {
        if (IsDirect(edge.kind)) edge.kind = govern::EdgeKind::kTransformation;
        edge.whole = false;
        edge.steps.push_back("md5(" + key + " || …)");
        AddEdge(id.edges, edge);
      }
    }
  }
  lineage.columns.push_back(std::move(id));
  for (const char* key : {"dbt_updated_at", "dbt_valid_from", "dbt_valid_to"}) {
    lineage.columns.push_back(Plain(TextMember(names, key, key), "TIMESTAMP"));
  }
  if (TextMember(node.config, "hard_deletes") == "new_record") {
    lineage.columns.push_back(
        Plain(TextMember(names, "dbt_is_deleted", "dbt_is_deleted"), "VARCHAR"));
  }
}

}  // namespace

LineageBook::LineageBook(RunContext& context) : context_(context) {}
LineageBook::~LineageBook() = default;

Result<std::unique_ptr<LineageBook>> LineageBook::Open(RunContext& context) {
  std::unique_ptr<LineageBook> book(new LineageBook(context));
  TARN_ASSIGN_OR_RETURN(book->policy_, ReadLineagePolicy(context.project.root));
  // Without its key pii_token still has to be there for models to be compiled.
  const auto setup = [&context](engine::Session& session) -> Status {
    TARN_RETURN_IF_ERROR(
        session
            .QueryDuckdb("CREATE OR REPLACE TEMP MACRO pii_token(value) AS CAST(value AS VARCHAR)")
            .status());
    return context.session_setup ? context.session_setup(session) : Status::Ok();
  };
  TARN_ASSIGN_OR_RETURN(book->tracer_, LineageTracer::Open(context.engine, setup));
  book->tracer_->SetSanctioned(book->policy_.sanctioned);
  for (const Node& node : context.project.manifest.nodes) {
    if (node.type == ResourceType::kSource || node.IsRefable()) {
      book->by_table_[book->TableOf(node)] = &node;
    }
  }
  book->DeclareClasses();
  TARN_RETURN_IF_ERROR(book->DeclareContracts());
  return book;
}

std::string LineageBook::TableOf(const Node& node) const {
  const auto deferred = context_.deferred.find(node.unique_id);
  const Relation::Parts parts =
      deferred != context_.deferred.end() && !context_.selected.contains(node.unique_id)
          ? deferred->second
          : RelationOf(node, '"');
  return LineageKey(parts.schema, parts.identifier);
}

void LineageBook::DeclareClasses() {
  for (const auto& [table, node] : by_table_) {
    for (const ColumnInfo& info : node->columns) {
      const std::string pii = PiiClassOf(info);
      if (pii.empty()) continue;
      SourceColumn column{table, "", PathOf(info.name)};
      if (column.path.empty()) continue;
      column.column = column.path.front();
      column.path.erase(column.path.begin());
      if (pii == "none") {
        flow_.Clear(column);
      } else {
        flow_.Declare(column, pii);
      }
    }
  }
}

// contracts/*.yml beside the project name the classes of what is inside Bronze's payloads.
Status LineageBook::DeclareContracts() {
  const fs::path folder = fs::path(context_.project.root.root) / "contracts";
  std::error_code error;
  if (!fs::is_directory(folder, error)) return Status::Ok();
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string ending = entry.path().extension().string();
    if (ending != ".yml" && ending != ".yaml") continue;
    TARN_ASSIGN_OR_RETURN(const auto contracts, govern::LoadContracts(entry.path().string()));
    for (const govern::Contract& contract : contracts) {
      for (const auto& [name, field] : AllFields(contract)) {
        if (field->pii.empty()) continue;
        for (const std::string& stream : contract.streams) {
          const bool wrapped = contract.envelope == govern::Envelope::kDebezium;
          for (const char* side : {"after", "before"}) {
            SourceColumn column{stream, kPayload, PathOf(name)};
            if (wrapped) column.path.insert(column.path.begin(), side);
            flow_.Declare(column, field->pii);
            if (!wrapped) break;
          }
        }
      }
    }
  }
  return Status::Ok();
}

Status LineageBook::Define(const Node& node, QueryLineage lineage) {
  std::vector<engine::Column> columns;
  for (const LineageColumn& column : lineage.columns) {
    columns.push_back({column.name, column.type, false});
  }
  const std::string table = TableOf(node);
  flow_.SetLineage(table, std::move(lineage));
  return tracer_->Define(table, columns);
}

Status LineageBook::LearnSource(const Node& node, Warehouse& warehouse) {
  const Relation relation(RelationOf(node, '"'));
  if (!relation.parts().verbatim.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(relation.parts()));
  if (kind && *kind == "view") {
    // A view over other tables of the lake brings along what they hold.
    TARN_ASSIGN_OR_RETURN(QueryLineage lineage,
                          tracer_->Trace("select * from " + relation.Render(),
                                         dialect::SqlDialect::kDuckdb, node.unique_id));
    return Define(node, std::move(lineage));
  }
  if (kind || node.columns.empty()) return Status::Ok();
  QueryLineage lineage;
  for (const ColumnInfo& column : node.columns) {
    if (column.name.find('.') != std::string::npos) continue;
    lineage.columns.push_back(
        Plain(column.name, column.data_type.empty() ? "VARCHAR" : column.data_type));
  }
  return Define(node, std::move(lineage));
}

Status LineageBook::LearnSeed(const Node& node, Warehouse& warehouse) {
  TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(RelationOf(node, '"')));
  if (kind) return Status::Ok();
  size_t rows = 0;
  TARN_ASSIGN_OR_RETURN(const std::string query, SeedQuery(node, &rows));
  TARN_ASSIGN_OR_RETURN(QueryLineage lineage, tracer_->Trace(query, dialect::SqlDialect::kDuckdb,
                                                             node.original_file_path));
  for (LineageColumn& column : lineage.columns) column.edges.clear();
  return Define(node, std::move(lineage));
}

Status LineageBook::LearnModel(Node& node, Warehouse& warehouse) {
  if (node.language == "python") {
    return Status::Unsupported("it is written in Python, whose columns nobody can follow");
  }
  if (!node.compiled) {
    RunScope scope(context_, node, warehouse);
    TARN_RETURN_IF_ERROR(CompileNode(scope));
  }
  TARN_ASSIGN_OR_RETURN(const auto rules, ReadDqRules(node));
  const std::string query =
      rules.empty() ? node.compiled_code : JudgedQuery(node.compiled_code, rules, false);
  TARN_ASSIGN_OR_RETURN(QueryLineage lineage,
                        tracer_->Trace(query, context_.DialectOf(node), "compiled"));
  if (node.type == ResourceType::kSnapshot) AddSnapshotColumns(node, lineage);
  TARN_RETURN_IF_ERROR(Define(node, std::move(lineage)));
  traced_.insert(node.unique_id);
  return Status::Ok();
}

// A model that is no part of this command: its table's columns say enough for its children's edges.
Status LineageBook::LearnStanding(const Node& node, Warehouse& warehouse) {
  const Relation relation(RelationOf(node, '"'));
  TARN_ASSIGN_OR_RETURN(const auto kind, warehouse.KindOf(relation.parts()));
  if (!kind) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(const auto columns, warehouse.ColumnsOf(relation));
  return tracer_->Define(TableOf(node), columns);
}

Status LineageBook::LearnParents(Node& node, Warehouse& warehouse) {
  for (const std::string& id : node.depends_on_nodes) {
    Node* parent = context_.project.manifest.Find(id);
    if (parent == nullptr || parent == &node) continue;
    const bool relation = parent->type == ResourceType::kSource || parent->IsRefable();
    if (!relation) continue;
    // An ephemeral model is part of its child's text; its parents are the child's.
    if (parent->IsEphemeral()) {
      TARN_RETURN_IF_ERROR(LearnParents(*parent, warehouse));
      continue;
    }
    const bool model =
        parent->type == ResourceType::kModel || parent->type == ResourceType::kSnapshot;
    if (model && !flow_.HasClasses() && !context_.selected.contains(id)) {
      if (known_.insert(id).second) (void)LearnStanding(*parent, warehouse);
      continue;
    }
    TARN_RETURN_IF_ERROR(Learn(*parent, warehouse));
  }
  return Status::Ok();
}

Status LineageBook::Learn(Node& node, Warehouse& warehouse) {
  if (!known_.insert(node.unique_id).second) return Status::Ok();
  TARN_RETURN_IF_ERROR(LearnParents(node, warehouse));
  const Status learned = node.type == ResourceType::kSource ? LearnSource(node, warehouse)
                         : node.type == ResourceType::kSeed ? LearnSeed(node, warehouse)
                                                            : LearnModel(node, warehouse);
  if (learned.code() == StatusCode::kCancelled || learned.code() == StatusCode::kIo) return learned;
  if (!learned.ok()) untraced_[node.unique_id] = learned.message();
  return Status::Ok();
}

Status LineageBook::Enter(Node& node, Warehouse& warehouse) {
  if (node.type != ResourceType::kModel && node.type != ResourceType::kSnapshot) {
    return Status::Ok();
  }
  if (node.IsEphemeral() || (!policy_.trace && !flow_.HasClasses())) return Status::Ok();
  const std::lock_guard<std::mutex> guard(mutex_);
  const dialect::SqlDialect before = warehouse.dialect();
  // Known from an earlier child of this run: now it has been compiled for itself.
  known_.erase(node.unique_id);
  untraced_.erase(node.unique_id);
  traced_.erase(node.unique_id);
  const Status learned = Learn(node, warehouse);
  warehouse.SetDialect(before);
  TARN_RETURN_IF_ERROR(learned);
  return Judge(node);
}

bool LineageBook::StandsOnPii(const Node& node) {
  for (const std::string& id : node.depends_on_nodes) {
    const Node* parent = context_.project.manifest.Find(id);
    if (parent == nullptr || parent == &node) continue;
    if (parent->IsEphemeral() || untraced_.contains(id)) {
      if (StandsOnPii(*parent)) return true;
      continue;
    }
    const std::string table = TableOf(*parent);
    if (!flow_.TrailsInto(table).empty()) return true;
    for (const ColumnInfo& column : parent->columns) {
      const std::string pii = PiiClassOf(column);
      if (!pii.empty() && pii != "none") return true;
    }
    if (!flow_.TrailsTo({table, kPayload, {}}).empty()) return true;
  }
  return false;
}

Status LineageBook::Judge(const Node& node) {
  if (!flow_.HasClasses()) return Status::Ok();
  const std::string layer = LayerOf(node, policy_.layers);
  if (layer.empty()) return Status::Ok();
  std::string message;
  if (const auto untraced = untraced_.find(node.unique_id); untraced != untraced_.end()) {
    if (!StandsOnPii(node)) return Status::Ok();
    message = node.name + " (" + node.original_file_path + ") is in " + layer +
              ", reads personal data and cannot be traced, so nobody can say what it lets "
              "through: " +
              untraced->second;
  } else {
    const auto columns = flow_.TrailsInto(TableOf(node));
    if (columns.empty()) return Status::Ok();
    message = Explain(node, layer, columns);
  }
  if (policy_.pii_is_error) return Status::InvalidArgument(message);
  context_.log.Warn(message);
  return Status::Ok();
}

std::string LineageBook::Explain(
    const Node& node, const std::string& layer,
    const std::map<std::string, std::vector<govern::PiiTrail>>& columns) const {
  std::string text = node.name + " (" + node.original_file_path +
                     ") would hold raw personal data in " + layer + ":";
  std::string hash;
  size_t told = 0;
  for (const auto& [name, trails] : columns) {
    if (++told > kMostColumnsTold) {
      text += "\n  and " + std::to_string(columns.size() - kMostColumnsTold) + " more columns";
      break;
    }
    for (const govern::PiiTrail& trail : trails) {
      text += "\n  column " + name + " shows " + trail.pii_class + ":";
      for (const govern::PiiStep& step : trail.steps) {
        text +=
            "\n    " + std::string(&step == &trail.steps.front() ? "" : "-> ") + step.column.Text();
        for (const std::string& expression : step.expressions) {
          text += (&expression == &step.expressions.front() ? " = " : ", then ") + expression;
          if (hash.empty()) hash = govern::UnkeyedHashIn(expression);
        }
        const auto made = by_table_.find(step.column.table);
        if (made != by_table_.end() && !made->second->patch_path.empty() &&
            &step == &trail.steps.front()) {
          text += " (" + made->second->patch_path + ")";
        } else if (made != by_table_.end()) {
          text += " (" + made->second->original_file_path + ")";
        }
      }
    }
  }
  std::string functions;
  for (const std::string& function : policy_.sanctioned) {
    functions += (functions.empty() ? "" : ", ") + function;
  }
  if (!hash.empty()) {
    text += "\n  " + hash + " is an unkeyed hash: who has a list of values can hash it and compare";
  }
  return text + "\n  leave the column out or pass it through a sanctioned function: " + functions;
}

std::vector<LineageBook::Entry> LineageBook::Entries() {
  const std::lock_guard<std::mutex> guard(mutex_);
  std::vector<Entry> entries;
  for (const Node& node : context_.project.manifest.nodes) {
    if (node.type != ResourceType::kModel && node.type != ResourceType::kSnapshot) continue;
    if (!traced_.contains(node.unique_id)) continue;
    Entry entry;
    entry.node = &node;
    entry.table = TableOf(node);
    entry.lineage = flow_.LineageOf(entry.table);
    if (entry.lineage == nullptr) continue;
    for (const auto& [column, trails] : flow_.TrailsInto(entry.table)) {
      for (const auto& trail : trails) entry.pii[column].push_back(trail.pii_class);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::map<std::string, std::string> LineageBook::Untraced() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return untraced_;
}

void LineageBook::Annotate() {
  std::map<std::string, Json> notes;
  for (const Entry& entry : Entries()) {
    Json columns = Json::object();
    for (const LineageColumn& column : entry.lineage->columns) {
      Json edges = Json::array();
      for (const govern::LineageEdge& edge : AllEdges(column)) {
        Json one = {{"table", edge.from.table},
                    {"column", edge.from.ColumnText()},
                    {"kind", EdgeKindName(edge.kind)}};
        if (edge.masked) one["masked"] = true;
        edges.push_back(std::move(one));
      }
      Json& told = columns[column.name] = {{"type", column.type}, {"from", std::move(edges)}};
      const auto pii = entry.pii.find(column.name);
      if (pii != entry.pii.end()) told["pii"] = pii->second;
    }
    Json rows = Json::array();
    for (const govern::LineageEdge& edge : entry.lineage->rows) {
      rows.push_back({{"table", edge.from.table},
                      {"column", edge.from.ColumnText()},
                      {"kind", EdgeKindName(edge.kind)}});
    }
    notes[entry.node->unique_id] = {{"column_lineage", std::move(columns)},
                                    {"row_lineage", std::move(rows)}};
  }
  for (auto& [id, note] : notes) context_.project.manifest.Find(id)->meta["tarn"] = std::move(note);
}

}  // namespace tarn::transform
