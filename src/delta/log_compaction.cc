#include "delta/log_compaction.h"

#include <list>
#include <map>
#include <string>

#include "delta/json.h"
#include "delta/log.h"
#include "delta/path_key.h"

namespace tarn::delta {
namespace {

std::string FileKey(const std::string& path,
                    const std::optional<DeletionVectorDescriptor>& vector) {
  std::string scratch;
  return "file " + std::string(CanonicalPath(path, &scratch)) + " " +
         (vector ? vector->UniqueId() : "");
}

// What an action reconciles with others by; empty for those that compaction drops.
std::string KeyOf(const Action& action) {
  if (std::holds_alternative<Protocol>(action)) return "protocol";
  if (std::holds_alternative<Metadata>(action)) return "metaData";
  if (const auto* add = std::get_if<AddFile>(&action))
    return FileKey(add->path, add->deletion_vector);
  if (const auto* remove = std::get_if<RemoveFile>(&action)) {
    return FileKey(remove->path, remove->deletion_vector);
  }
  if (const auto* txn = std::get_if<SetTransaction>(&action)) return "txn " + txn->app_id;
  if (const auto* domain = std::get_if<DomainMetadata>(&action)) return "domain " + domain->domain;
  return "";
}

std::string CompactedName(Version first, Version last) {
  const std::string ending = ".json";
  std::string from = CommitName(first);
  std::string to = CommitName(last);
  from.resize(from.size() - ending.size());
  to.resize(to.size() - ending.size());
  return from + "." + to + ".compacted" + ending;
}

}  // namespace

std::vector<Action> Reconcile(const std::vector<std::vector<Action>>& commits) {
  std::list<const Action*> kept;
  std::map<std::string, std::list<const Action*>::iterator> newest;
  for (const auto& commit : commits) {
    for (const Action& action : commit) {
      const std::string key = KeyOf(action);
      if (key.empty()) continue;
      if (const auto found = newest.find(key); found != newest.end()) kept.erase(found->second);
      newest[key] = kept.insert(kept.end(), &action);
    }
  }
  std::vector<Action> out;
  out.reserve(kept.size());
  for (const Action* action : kept) out.push_back(*action);
  return out;
}

Status WriteCompacted(Table& table, Version first, Version last) {
  if (!(first < last)) {
    return Status::InvalidArgument("a compacted log covers at least two versions, not " +
                                   first.ToString() + " to " + last.ToString());
  }
  std::vector<std::vector<Action>> commits;
  for (Version version = first; version <= last; version = version.Next()) {
    TARN_ASSIGN_OR_RETURN(auto actions, table.ReadCommit(version));
    commits.push_back(std::move(actions));
  }
  std::string text;
  for (const Action& action : Reconcile(commits)) AppendAction(action, &text);
  const Status status = table.environment().store->Put(table.LogKey(CompactedName(first, last)),
                                                       text, store::PutMode::kCreateOnly);
  return status.code() == StatusCode::kAlreadyExists ? Status::Ok() : status;
}

}  // namespace tarn::delta
