#include "duck/view_file.h"

#include <nlohmann/json.hpp>

namespace tarn::duck {

using nlohmann::json;

std::string SerializeView(const ViewFile& view) {
  json out;
  out["name"] = view.name;
  out["dialect"] = view.dialect;
  out["sql"] = view.sql;
  if (!view.text.empty()) out["text"] = view.text;
  if (!view.columns.empty()) out["columns"] = view.columns;
  if (view.comment) out["comment"] = *view.comment;
  return out.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<ViewFile> ParseView(std::string_view text, const std::string& key) {
  const auto broken = [&](const std::string& what) {
    return Status::Corruption("view file '" + key + "' is damaged (" + what +
                              "); write it again with CREATE OR REPLACE VIEW");
  };
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return broken("not a JSON object");
  ViewFile view;
  const auto read = [&](const char* field, std::string* out) {
    const auto it = parsed.find(field);
    if (it != parsed.end() && it->is_string()) *out = it->get<std::string>();
  };
  read("name", &view.name);
  read("dialect", &view.dialect);
  read("sql", &view.sql);
  read("text", &view.text);
  if (view.sql.empty()) return broken("no field \"sql\"");
  if (const auto it = parsed.find("columns"); it != parsed.end() && it->is_array()) {
    for (const auto& column : *it) {
      if (!column.is_string()) return broken("a column name is not a string");
      view.columns.push_back(column.get<std::string>());
    }
  }
  if (const auto it = parsed.find("comment"); it != parsed.end() && it->is_string()) {
    view.comment = it->get<std::string>();
  }
  return view;
}

}  // namespace tarn::duck
