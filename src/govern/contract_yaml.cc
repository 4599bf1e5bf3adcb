#include "govern/contract_yaml.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "govern/contract_forms.h"

namespace tarn::govern {
namespace {

Status YamlFault(const std::string& file, const YAML::Exception& fault) {
  std::string place = file;
  if (!fault.mark.is_null()) {
    place +=
        ":" + std::to_string(fault.mark.line + 1) + ":" + std::to_string(fault.mark.column + 1);
  }
  return Status::InvalidArgument(place + ": not YAML: " + fault.msg);
}

}  // namespace

// yaml-cpp reports faults by exceptions; none of them leaves this function.
Result<std::vector<Contract>> ParseContracts(const std::string& yaml, const std::string& file) {
  YamlReader reader(file);
  std::vector<Contract> contracts;
  try {
    const YAML::Node document = YAML::Load(yaml);
    if (!document.IsMap()) {
      return Status::InvalidArgument(file +
                                     ": a contract starts with 'contract:' or 'apiVersion:'");
    }
    if (document["apiVersion"].IsDefined() || document["kind"].IsDefined()) {
      contracts = ReadOdcs(reader, document);
    } else if (reader.Map(document, "the file", {"contract"})) {
      contracts.push_back(ReadShortForm(reader, document["contract"]));
    }
  } catch (const YAML::Exception& fault) {
    return YamlFault(file, fault);
  }
  TARN_RETURN_IF_ERROR(reader.status());
  if (contracts.empty()) return Status::InvalidArgument(file + ": holds no contract");
  return contracts;
}

Result<std::vector<Contract>> LoadContracts(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> files;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".yml" || extension == ".yaml") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
  } else if (fs::exists(path, error)) {
    files.push_back(path);
  } else {
    return Status::NotFound("no contract at " + path);
  }
  std::vector<Contract> all;
  std::set<std::string> names;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) return Status::Io("cannot read " + file);
    TARN_ASSIGN_OR_RETURN(auto contracts, ParseContracts(text.str(), file));
    for (Contract& contract : contracts) {
      if (!names.insert(contract.name).second) {
        return Status::InvalidArgument(
            file + ": contract '" + contract.name +
            "' is defined twice; keep one, or give each version a file of its own folder");
      }
      all.push_back(std::move(contract));
    }
  }
  return all;
}

std::vector<std::string> LintContract(const Contract& contract) {
  std::vector<std::string> out;
  if (contract.owner.empty()) out.push_back("contract: no owner, nobody to ask when it breaks");
  if (contract.streams.empty())
    out.push_back("contract: no streams, so no table is judged by it unless a source names it");
  if (!contract.sla.max_delay_seconds)
    out.push_back("sla: no max_delay_seconds, late data goes unnoticed");
  if (!contract.sla.min_daily_volume)
    out.push_back("sla: no min_daily_volume, a silent producer goes unnoticed");
  if (contract.policy.approval_required_from.empty()) {
    out.push_back("breaking_change_policy: no approval_required_from, anybody may break it");
  }
  bool key = false;
  static const std::vector<std::string> kPersonal = {"email", "phone", "name", "address",
                                                     "ip",    "ssn",   "birth"};
  for (const auto& [path, field] : AllFields(contract)) {
    key = key || field->unique || field->primary_key;
    if (field->type == FieldType::kAny) out.push_back(path + ": no type, any value passes");
    if (!field->allowed_values.empty() && field->nullable) {
      out.push_back(path + ": allowed_values but nullable, null passes too");
    }
    if (!field->pii.empty() || field->type != FieldType::kString) continue;
    for (const std::string& word : kPersonal) {
      const size_t at = path.find(word);
      if (at == std::string::npos || path.find("hashed") != std::string::npos) continue;
      // "name" in "event_name" is no person's; a word of its own, or at the end of full_name, may
      // be one.
      const bool whole = (at == 0 || path[at - 1] == '_' || path[at - 1] == '.') &&
                         (at + word.size() == path.size() || path[at + word.size()] == '_');
      if (!whole ||
          (word == "name" && path != "name" && path.find("full_name") == std::string::npos &&
           path.find("last_name") == std::string::npos &&
           path.find("first_name") == std::string::npos)) {
        continue;
      }
      out.push_back(path +
                    ": looks personal but has no pii class; Silver will not be asked to mask it");
      break;
    }
  }
  if (!key) out.push_back("schema: no unique field, copies cannot be told from new records");
  return out;
}

}  // namespace tarn::govern
