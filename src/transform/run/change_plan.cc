#include "transform/run/change_plan.h"

#include <algorithm>

#include "transform/run/lineage_book.h"
#include "transform/run/materialize.h"
#include "transform/run/node_runner.h"

namespace tarn::transform {
namespace {

std::string Quoted(const std::string& name) { return QuoteName(name, '"'); }

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Result<TableSize> SizeOf(Warehouse& warehouse, const Relation::Parts& parts) {
  const std::string name = Quoted(parts.schema) + "." + Quoted(parts.identifier);
  std::string literal = "'";
  for (const char c : name) literal += c == '\'' ? "''" : std::string(1, c);
  literal += "'";
  // Both come from the log; nothing of the table itself is read.
  TARN_ASSIGN_OR_RETURN(const auto rows,
                        warehouse.session().QueryDuckdb(
                            "SELECT (SELECT count(*) FROM lake." + name +
                            "), sizeInBytes, numFiles FROM delta_detail(" + literal + ")"));
  const auto number = [&](size_t at) {
    return std::strtoll(rows.rows[0][at].value_or("0").c_str(), nullptr, 10);
  };
  if (rows.rows.empty()) return TableSize{};
  return TableSize{number(0), number(1), number(2)};
}

class Planner {
 public:
  explicit Planner(RunContext& context) : context_(context) {}

  Result<ChangePlan> Run(const std::vector<Node*>& nodes) {
    TARN_ASSIGN_OR_RETURN(warehouse_, Warehouse::Open(context_.engine, context_.session_setup));
    for (Node* node : nodes) {
      if (!node->IsRefable() || node->IsEphemeral()) continue;
      TARN_ASSIGN_OR_RETURN(PlannedChange change, Change(*node));
      made_.insert(change.table);
      plan_.changes.push_back(std::move(change));
    }
    for (const PlannedChange& change : plan_.changes) {
      for (const std::string& table : change.reads) {
        if (!made_.contains(table)) TARN_RETURN_IF_ERROR(Input(table));
      }
    }
    for (const PlannedChange& change : plan_.changes) Touch(*change.node, true);
    return std::move(plan_);
  }

 private:
  Result<PlannedChange> Change(Node& node) {
    PlannedChange change;
    change.node = &node;
    const Relation::Parts parts = RelationOf(node, '"');
    change.table = parts.schema + "." + parts.identifier;
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse_->KindOf(parts));
    const std::string how = node.Materialized();
    change.becomes = how == "view" ? "view" : "table";
    if (kind && *kind != change.becomes) change.drops = *kind;
    if (kind == "table") {
      TARN_ASSIGN_OR_RETURN(change.now, SizeOf(*warehouse_, parts));
    }
    change.action = ActionOf(node, kind && !change.drops);
    std::set<std::string> seen;
    Reads(node, change.reads, seen);
    if (node.type == ResourceType::kSeed) return change;
    const NodeResult compiled = NodeRunner(context_, *warehouse_).Compile(node);
    if (compiled.IsBad()) {
      change.problem = compiled.message;
    } else if (kind == "table" && !change.drops) {
      TARN_RETURN_IF_ERROR(Columns(node, change));
    }
    return change;
  }

  std::string ActionOf(const Node& node, bool there) const {
    const std::string how = node.Materialized();
    if (!there) return "create";
    if (how == "view") return "replace";
    if (how == "snapshot") return "merge";
    const bool refresh = BoolMember(node.config, "full_refresh", context_.options.full_refresh);
    if (how != "incremental" || refresh) return "rewrite";
    std::string strategy = TextMember(node.config, "incremental_strategy");
    if (strategy.empty() || strategy == "default") {
      strategy = TextList(Member(node.config, "unique_key")).empty() ? "append" : "merge";
    }
    return strategy;
  }

  void Reads(const Node& node, std::vector<std::string>& reads, std::set<std::string>& seen) {
    for (const std::string& id : node.depends_on_nodes) {
      const Node* parent = context_.project.manifest.Find(id);
      if (parent == nullptr || !seen.insert(id).second) continue;
      if (parent->IsEphemeral()) {
        Reads(*parent, reads, seen);
      } else if (parent->type == ResourceType::kSource || parent->IsRefable()) {
        const Relation::Parts parts = RelationOf(*parent, '"');
        reads.push_back(parts.schema + "." + parts.identifier);
        parts_[reads.back()] = parts;
      }
    }
  }

  Status Input(const std::string& table) {
    if (plan_.inputs.contains(table)) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const auto kind, warehouse_->KindOf(parts_[table]));
    if (kind != "table") return Status::Ok();
    TARN_ASSIGN_OR_RETURN(plan_.inputs[table], SizeOf(*warehouse_, parts_[table]));
    return Status::Ok();
  }

  // The traced columns against those that are there.
  Status Columns(const Node& node, PlannedChange& change) {
    if (!context_.lineage) return Status::Ok();
    const govern::QueryLineage* lineage = nullptr;
    const auto entries = context_.lineage->Entries();
    for (const auto& entry : entries) {
      if (entry.node == &node) lineage = entry.lineage;
    }
    if (lineage == nullptr) return Status::Ok();
    TARN_ASSIGN_OR_RETURN(const auto there, warehouse_->ColumnsOf(Relation(RelationOf(node, '"'))));
    const auto find = [](const auto& columns, const std::string& name) {
      return std::find_if(columns.begin(), columns.end(),
                          [&](const auto& column) { return Lower(column.name) == Lower(name); });
    };
    for (const auto& column : lineage->columns) {
      const auto old = find(there, column.name);
      if (old == there.end()) {
        change.added.push_back(column.name + " " + column.type);
      } else if (old->type != column.type) {
        change.retyped.push_back(column.name + " " + old->type + " to " + column.type);
      }
    }
    for (const auto& column : there) {
      if (find(lineage->columns, column.name) == lineage->columns.end()) {
        change.removed.push_back(column.name + " " + column.type);
      }
    }
    return Status::Ok();
  }

  void Own(const Node& node) {
    for (const Json* place : {&node.meta, &Member(node.config, "meta")}) {
      const std::string owner = TextMember(*place, "owner");
      if (!owner.empty()) plan_.owners.insert(owner);
    }
    const Json& owner = Member(node.extra, "owner");
    const std::string name = TextMember(owner, "name"), email = TextMember(owner, "email");
    if (!name.empty() || !email.empty()) {
      plan_.owners.insert(email.empty() ? name : name.empty() ? email : name + " <" + email + ">");
    }
    if (node.group.empty()) return;
    for (const Node& group : context_.project.manifest.nodes) {
      if (group.type == ResourceType::kGroup && group.name == node.group) Own(group);
    }
  }

  void Touch(const Node& node, bool planned) {
    if (!touched_.insert(&node).second) return;
    Own(node);
    if (!planned && node.IsRefable()) {
      const bool changes = std::any_of(plan_.changes.begin(), plan_.changes.end(),
                                       [&](const auto& change) { return change.node == &node; });
      if (!changes) plan_.models.push_back(&node);
    }
    if (node.type == ResourceType::kExposure) plan_.exposures.push_back(&node);
    for (const Node* child : context_.project.manifest.Children(node)) {
      if (child->type == ResourceType::kExposure || child->IsRefable()) Touch(*child, false);
    }
  }

  RunContext& context_;
  std::unique_ptr<Warehouse> warehouse_;
  ChangePlan plan_;
  std::set<std::string> made_;
  std::map<std::string, Relation::Parts> parts_;
  std::set<const Node*> touched_;
};

std::string Grouped(int64_t number) {
  std::string text = std::to_string(number);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

std::string Bytes(int64_t bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

std::string SizeText(const TableSize& size) {
  return Grouped(size.rows) + (size.rows == 1 ? " row, " : " rows, ") + Bytes(size.bytes) + " in " +
         Grouped(size.files) + (size.files == 1 ? " file" : " files");
}

Json SizeJson(const TableSize& size) {
  return {{"rows", size.rows}, {"bytes", size.bytes}, {"files", size.files}};
}

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string Names(const std::vector<const Node*>& nodes) {
  std::string text;
  for (const Node* node : nodes) text += (text.empty() ? "" : ", ") + node->name;
  return text;
}

}  // namespace

bool ChangePlan::HasProblems() const {
  return std::any_of(changes.begin(), changes.end(),
                     [](const PlannedChange& change) { return !change.problem.empty(); });
}

Result<ChangePlan> PlanChanges(RunContext& context, const std::vector<Node*>& nodes) {
  return Planner(context).Run(nodes);
}

Json ChangePlanJson(const ChangePlan& plan) {
  Json changes = Json::array(), inputs = Json::object(), models = Json::array(),
       exposures = Json::array();
  for (const PlannedChange& change : plan.changes) {
    changes.push_back(
        {{"unique_id", change.node->unique_id},
         {"path", change.node->original_file_path},
         {"table", change.table},
         {"action", change.action},
         {"becomes", change.becomes},
         {"drops", change.drops ? Json(*change.drops) : Json(nullptr)},
         {"now", change.now ? SizeJson(*change.now) : Json(nullptr)},
         {"reads", change.reads},
         {"columns",
          {{"added", change.added}, {"removed", change.removed}, {"retyped", change.retyped}}},
         {"problem", change.problem.empty() ? Json(nullptr) : Json(change.problem)}});
  }
  for (const auto& [table, size] : plan.inputs) inputs[table] = SizeJson(size);
  for (const Node* node : plan.models) models.push_back(node->unique_id);
  for (const Node* node : plan.exposures) {
    exposures.push_back({{"unique_id", node->unique_id},
                         {"type", Member(node->extra, "type")},
                         {"owner", Member(node->extra, "owner")},
                         {"url", Member(node->extra, "url")}});
  }
  return {{"changes", std::move(changes)},
          {"inputs", std::move(inputs)},
          {"touched",
           {{"models", std::move(models)},
            {"exposures", std::move(exposures)},
            {"owners", plan.owners}}}};
}

std::string ChangePlanText(const ChangePlan& plan) {
  std::string text = "Nothing has run. A run would change " + std::to_string(plan.changes.size()) +
                     (plan.changes.size() == 1 ? " relation:\n" : " relations:\n");
  size_t widest = 0;
  for (const PlannedChange& change : plan.changes) widest = std::max(widest, change.table.size());
  for (const PlannedChange& change : plan.changes) {
    text += "  " + Padded(change.action, 16) + Padded(change.becomes, 7) +
            Padded(change.table, widest + 2) + change.node->original_file_path + "\n";
    if (change.now && change.action != "create")
      text += "      now " + SizeText(*change.now) + "\n";
    if (change.drops) {
      text += "      drops the " + *change.drops + " of that name" +
              (change.now ? ": " + SizeText(*change.now) : "") + "\n";
    }
    for (const std::string& column : change.added) text += "      + " + column + "\n";
    for (const std::string& column : change.removed) text += "      - " + column + "\n";
    for (const std::string& column : change.retyped) text += "      ~ " + column + "\n";
    if (!change.problem.empty()) text += "      does not compile: " + change.problem + "\n";
  }
  TableSize read;
  for (const auto& [table, size] : plan.inputs) {
    read.rows += size.rows;
    read.bytes += size.bytes;
    read.files += size.files;
  }
  text += "It reads " + std::to_string(plan.inputs.size()) +
          (plan.inputs.size() == 1 ? " table" : " tables") + " beside its own: " + SizeText(read) +
          "\n";
  if (!plan.models.empty()) text += "Models on top, not part of it: " + Names(plan.models) + "\n";
  if (!plan.exposures.empty()) text += "Exposures: " + Names(plan.exposures) + "\n";
  std::string owners;
  for (const std::string& owner : plan.owners) owners += (owners.empty() ? "" : ", ") + owner;
  if (!owners.empty()) text += "Owners: " + owners + "\n";
  return text;
}

}  // namespace tarn::transform
