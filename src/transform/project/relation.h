// Relation and Column: what templates get from ref(), source(), this and adapter methods.
//
// What it is: dbt's api.Relation and api.Column with the attributes and methods projects use. A
// Relation prints as its quoted name, in the target's dialect.
//
// What it does not do: it asks no catalog; run/adapter.h does.
//
// Threads: immutable.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jinja/object.h"
#include "jinja/session.h"
#include "transform/project/node.h"

namespace tarn::transform {

class Relation final : public jinja::Object {
 public:
  struct Parts {
    std::string database, schema, identifier;
    std::string type;  // "table", "view", "cte", "external"; empty: unknown
    bool include_database = true, include_schema = true, include_identifier = true;
    bool quote_database = true, quote_schema = true, quote_identifier = true;
    char quote = '"';
    // Instead of a name: an ephemeral model's CTE, a source's external location.
    std::string verbatim;
    int64_t limit = -1;        // --empty: 0, else no limit
    std::string event_filter;  // microbatch, --sample: a condition
    bool require_alias = true;
    Json meta;  // of a source
  };
  explicit Relation(Parts parts) : parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }
  // Name with quotes: "db"."schema"."name".
  std::string Render() const;
  // schema.name, unquoted, for the lake.
  std::string LakeName() const { return parts_.schema + "." + parts_.identifier; }
  jinja::Ref<Relation> With(const Parts& parts) const { return jinja::MakeRef<Relation>(parts); }

  std::string_view TypeName() const override { return "Relation"; }
  Result<std::optional<jinja::Value>> GetAttr(jinja::Session& session,
                                              std::string_view name) override;
  std::string Str() const override;
  std::string Repr() const override { return "<Relation " + Render() + ">"; }
  bool Equals(const jinja::Value& other) const override;
  Result<uint64_t> HashOf() const override;
  // dbt's relations are mappings, which is how packages tell them from text.
  std::optional<std::vector<std::pair<jinja::Value, jinja::Value>>> Items() const override;

 private:
  Parts parts_;
};

class ColumnObject final : public jinja::Object {
 public:
  ColumnObject(std::string name, std::string type, char quote)
      : name_(std::move(name)), type_(std::move(type)), quote_(quote) {}
  const std::string& name() const { return name_; }
  const std::string& type() const { return type_; }

  std::string_view TypeName() const override { return "Column"; }
  Result<std::optional<jinja::Value>> GetAttr(jinja::Session& session,
                                              std::string_view name) override;
  std::string Str() const override { return Repr(); }
  std::string Repr() const override { return "<Column " + name_ + " (" + type_ + ")>"; }
  bool Equals(const jinja::Value& other) const override;

 private:
  std::string name_, type_;
  char quote_;
};

std::string QuoteName(std::string_view name, char quote);
char QuoteCharacter(std::string_view dialect);

// The relation of a node: its database, schema, alias (identifier for sources) and quoting.
Relation::Parts RelationOf(const Node& node, char quote);

// `api`: Relation and Column, with their create methods.
jinja::Value MakeApi(char quote);

}  // namespace tarn::transform
