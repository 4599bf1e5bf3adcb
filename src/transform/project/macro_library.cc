#include "transform/project/macro_library.h"

#include <algorithm>

namespace tarn::transform {
namespace {

using jinja::CallArgs;
using jinja::Value;

class MacroObject final : public jinja::Object {
 public:
  explicit MacroObject(const Macro* macro) : macro_(macro) {}
  std::string_view TypeName() const override { return "MacroGenerator"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return MacroLibrary::Call(*macro_, args); }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    if (name == "name") return std::optional<Value>(Value(macro_->info.name));
    return std::optional<Value>();
  }
  std::string Repr() const override { return "<macro " + macro_->info.unique_id + ">"; }

 private:
  const Macro* macro_;
};

// `dbt_utils` in a template: its macros as attributes.
class PackageObject final : public jinja::Object {
 public:
  PackageObject(const MacroLibrary* library, std::string package)
      : library_(library), package_(std::move(package)) {}
  std::string_view TypeName() const override { return "dict"; }
  Result<std::optional<Value>> GetAttr(jinja::Session&, std::string_view name) override {
    const Macro* macro = library_->Find(package_, name);
    if (macro == nullptr) return std::optional<Value>();
    return std::optional<Value>(macro->callable);
  }
  Result<std::optional<Value>> GetItem(jinja::Session& session, const Value& key) override {
    return key.is_string() ? GetAttr(session, key.str()) : std::optional<Value>();
  }
  Result<std::optional<bool>> Contains(jinja::Session&, const Value& item) override {
    return std::optional<bool>(item.is_string() && library_->Find(package_, item.str()) != nullptr);
  }

 private:
  const MacroLibrary* library_;
  std::string package_;
};

std::string Describe(const std::vector<std::string>& attempts) {
  std::string text;
  for (const std::string& attempt : attempts) text += (text.empty() ? "'" : ", '") + attempt + "'";
  return text;
}

}  // namespace

MacroLibrary::MacroLibrary(std::string root_package, std::vector<std::string> prefixes)
    : root_(std::move(root_package)), prefixes_(std::move(prefixes)) {}

Status MacroLibrary::AddFile(const std::string& package, const std::string& path,
                             const std::string& original_file_path,
                             std::shared_ptr<const jinja::Template> text, bool tests_only) {
  for (const jinja::Block& block : text->blocks()) {
    if (block.kind == jinja::BlockKind::kDocs || block.kind == jinja::BlockKind::kSnapshot)
      continue;
    if (tests_only && block.kind != jinja::BlockKind::kTest &&
        block.kind != jinja::BlockKind::kMacro) {
      continue;
    }
    auto macro = std::make_unique<Macro>();
    macro->text = text;
    macro->unique = block.unique;
    macro->kind = block.kind;
    macro->adapter = block.adapter;
    macro->parameters = block.parameters;
    macro->info.name = block.unique;
    macro->info.package_name = package;
    macro->info.unique_id = "macro." + package + "." + block.unique;
    macro->info.path = path;
    macro->info.original_file_path = original_file_path;
    macro->info.line = static_cast<size_t>(block.line);
    macro->info.supported_languages = block.supported_languages;
    macro->info.macro_sql = text->text().substr(block.begin, block.end - block.begin);
    auto& names = by_package_[package];
    if (const auto it = names.find(block.unique); it != names.end()) {
      return Status::InvalidArgument(
          "dbt found two macros named \"" + block.unique + "\" in the project \"" + package +
          "\": " + it->second->info.original_file_path + ":" +
          std::to_string(it->second->info.line) + " and " + original_file_path + ":" +
          std::to_string(block.line) + "; rename or remove one of them");
    }
    names[block.unique] = macro.get();
    macros_.push_back(std::move(macro));
  }
  return Status::Ok();
}

void MacroLibrary::SetDispatch(const Project* root, std::vector<std::string> packages) {
  root_project_ = root;
  packages_ = std::move(packages);
}

void MacroLibrary::Freeze() {
  for (const auto& macro : macros_) {
    macro->callable = Value(jinja::MakeRef<MacroObject>(macro.get()));
  }
  for (const auto& [package, names] : by_package_) {
    namespaces_[package] = Value(jinja::MakeRef<PackageObject>(this, package));
  }
  // A file's calls are found once for all of its macros, which stand side by side.
  const jinja::Template* text = nullptr;
  std::vector<jinja::CallSite> sites;
  for (const auto& macro : macros_) {
    if (macro->text.get() != text) {
      text = macro->text.get();
      sites = text->calls();
    }
    NoteCalls(*macro, sites);
  }
}

void MacroLibrary::NoteCalls(Macro& macro, const std::vector<jinja::CallSite>& sites) const {
  const auto add = [&](const Macro* called) {
    if (called == nullptr || called == &macro) return;
    auto& list = macro.info.depends_on_macros;
    if (std::find(list.begin(), list.end(), called->info.unique_id) == list.end()) {
      list.push_back(called->info.unique_id);
    }
  };
  for (const jinja::CallSite& site : sites) {
    if (site.in_block != macro.unique) continue;
    if (site.callee == "adapter.dispatch") {
      if (site.positional.empty() || !site.positional[0] || !site.positional[0]->is_string())
        continue;
      std::string name_space;
      if (site.positional.size() > 1 && site.positional[1] && site.positional[1]->is_string()) {
        name_space = site.positional[1]->str();
      }
      for (const auto& [key, value] : site.named) {
        if (key == "macro_namespace" && value && value->is_string()) name_space = value->str();
      }
      auto found = Dispatch(macro.info.package_name, site.positional[0]->str(), name_space);
      if (found.ok()) add(*found);
      continue;
    }
    const size_t dot = site.callee.find('.');
    if (dot == std::string_view::npos) {
      add(Resolve(macro.info.package_name, site.callee));
    } else {
      add(Find(std::string(site.callee.substr(0, dot)), site.callee.substr(dot + 1)));
    }
  }
}

const MacroLibrary::ByName* MacroLibrary::PackageOf(const std::string& name) const {
  const auto it = by_package_.find(name);
  return it == by_package_.end() ? nullptr : &it->second;
}

const Macro* MacroLibrary::Find(const std::string& package, std::string_view name) const {
  const ByName* names = PackageOf(package);
  if (names == nullptr) return nullptr;
  const auto it = names->find(std::string(name));
  return it == names->end() ? nullptr : it->second;
}

const Macro* MacroLibrary::Resolve(const std::string& package, std::string_view name) const {
  if (const Macro* macro = Find(package, name)) return macro;
  if (const Macro* macro = Find(root_, name)) return macro;
  return Find(kBuiltinPackage, name);
}

std::optional<Value> MacroLibrary::Lookup(const std::string& package, std::string_view name) const {
  if (const Macro* macro = Resolve(package, name)) return macro->callable;
  const auto it = namespaces_.find(std::string(name));
  if (it == namespaces_.end()) return std::nullopt;
  return it->second;
}

Result<const Macro*> MacroLibrary::Dispatch(const std::string& package, const std::string& name,
                                            const std::string& name_space) const {
  std::vector<std::string> search;
  if (!name_space.empty()) {
    if (root_project_ != nullptr) search = root_project_->DispatchOrder(name_space);
    const bool known = std::find(packages_.begin(), packages_.end(), name_space) != packages_.end();
    if (search.empty() && known) search = {root_, name_space};
  }
  if (search.empty()) search = {""};  // by plain name, as seen from the package
  std::vector<std::string> attempts;
  for (const std::string& where : search) {
    for (const std::string& prefix : prefixes_) {
      const std::string full = prefix + "__" + name;
      const Macro* macro = where.empty() ? Resolve(package, full) : Find(where, full);
      if (macro != nullptr) return macro;
      attempts.push_back(where.empty() ? full : where + "." + full);
    }
  }
  return Status::InvalidArgument(
      "CompilationError: In dispatch: No macro named '" + name + "' found within namespace: '" +
      (name_space.empty() ? "None" : name_space) + "'; searched for: " + Describe(attempts));
}

const Macro* MacroLibrary::FindMaterialization(const std::string& name,
                                               const std::string& package) const {
  std::vector<std::string> where{root_};
  if (package != root_ && package != kBuiltinPackage) where.push_back(package);
  for (const std::string& other : packages_) {
    if (other != root_ && other != package) where.push_back(other);
  }
  where.push_back(kBuiltinPackage);
  for (const std::string& prefix : prefixes_) {
    for (const std::string& owner : where) {
      if (const Macro* macro = Find(owner, "materialization_" + name + "_" + prefix)) return macro;
    }
  }
  return nullptr;
}

const Macro* MacroLibrary::FindGenerator(const std::string& name,
                                         const std::string& package) const {
  if (package != root_) {
    if (const Macro* macro = Find(package, name)) return macro;
  }
  if (const Macro* macro = Find(root_, name)) return macro;
  return Find(kBuiltinPackage, name);
}

bool MacroLibrary::IsOverridden(std::string_view name) const {
  return std::any_of(by_package_.begin(), by_package_.end(), [&](const auto& entry) {
    return entry.first != kBuiltinPackage && entry.second.contains(std::string(name));
  });
}

std::vector<const Macro*> MacroLibrary::All() const {
  std::vector<const Macro*> all;
  for (const auto& macro : macros_) all.push_back(macro.get());
  return all;
}

Result<Value> MacroLibrary::Call(const Macro& macro, CallArgs& args) {
  RenderScope& scope = RenderScope::Of(args.session);
  scope.NoteMacro(macro.info);
  ++scope.macro_depth;
  auto result = args.session.CallMacro(macro.text, macro.unique, nullptr, args, macro.info.name);
  --scope.macro_depth;
  return result;
}

}  // namespace tarn::transform
