#include "app/registry_judge.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace tarn::app {
namespace {

constexpr std::string_view kHeader = "__value_schema_id";
constexpr std::string_view kTopic = "{topic}";
constexpr int64_t kAskAgainMicros = 30'000'000;

std::optional<std::string_view> HeaderOf(const sources::Record& record) {
  for (const auto& [name, value] : record.headers) {
    if (name == kHeader && value) return *value;
  }
  return std::nullopt;
}

std::string SubjectOf(std::string pattern, const std::string& topic) {
  const size_t at = pattern.find(kTopic);
  return at == std::string::npos ? pattern : pattern.replace(at, kTopic.size(), topic);
}

}  // namespace

RegistryJudge::RegistryJudge(registry::SchemaRegistry& registry, RegistryRules rules,
                             OnSchema on_schema)
    : registry_(registry), rules_(std::move(rules)), on_schema_(std::move(on_schema)) {}

Result<RegistryJudge::Verdict> RegistryJudge::CheckSubject(const std::string& subject,
                                                           const std::string& id) {
  TARN_ASSIGN_OR_RETURN(const auto versions, registry_.VersionsOf(std::stoi(id)));
  const bool there = std::any_of(versions.begin(), versions.end(),
                                 [&](const auto& one) { return one.first == subject; });
  if (there) return Verdict{};
  return Verdict{"registry.other_subject", "schema " + id + " is not registered under " + subject};
}

Result<RegistryJudge::Verdict> RegistryJudge::JudgeSchema(const std::string& topic,
                                                          const std::string& text, bool is_guid) {
  const auto schema = is_guid ? registry_.ByGuid(text) : registry_.ById(std::stoi(text));
  if (!schema.ok()) {
    if (schema.status().code() != StatusCode::kNotFound) return schema.status();
    return Verdict{"registry.unknown_id", "the registry knows no schema " + text};
  }
  const std::string subject = SubjectOf(rules_.subject, topic);
  if (rules_.check_subject && !is_guid) {
    auto verdict = CheckSubject(subject, text);
    // A registry without that question (or the subject gone) is judged by compatibility alone.
    if (!verdict.ok() && verdict.status().code() != StatusCode::kNotFound) return verdict.status();
    if (verdict.ok() && !verdict->rule.empty()) return verdict;
  }
  if (rules_.check_compatible) {
    const auto compatible = registry_.IsCompatible(subject, *schema);
    if (!compatible.ok()) {
      if (compatible.status().code() == StatusCode::kNotFound) {
        return Verdict{"registry.other_subject", "the registry knows no subject " + subject};
      }
      return compatible.status();
    }
    if (!*compatible) {
      return Verdict{"registry.incompatible",
                     "schema " + text + " is not compatible with the latest version of " + subject};
    }
  }
  if (on_schema_) TARN_RETURN_IF_ERROR(on_schema_(text, *schema));
  return Verdict{};
}

Result<const RegistryJudge::Verdict*> RegistryJudge::VerdictOn(const sources::Record& record,
                                                               const registry::SchemaFrame& frame) {
  const std::pair key(std::string(record.topic), frame.Text());
  auto known = seen_.find(key);
  if (known == seen_.end()) {
    TARN_ASSIGN_OR_RETURN(Verdict verdict,
                          JudgeSchema(key.first, key.second, !frame.id.has_value()));
    known = seen_.emplace(key, std::move(verdict)).first;
  }
  return &known->second;
}

Status RegistryJudge::Judge(sources::Batch* batch, std::vector<ingest::Refusal>* refusals) {
  const int64_t now = Clock::System().MonotonicMicros();
  if (now - seen_since_micros_ > kAskAgainMicros) {
    seen_.clear();
    seen_since_micros_ = now;
  }
  std::erase_if(seen_, [](const auto& entry) { return !entry.second.rule.empty(); });
  // Records of one schema come in runs.
  const char* last_topic = nullptr;
  registry::SchemaFrame last;
  std::string_view last_text;
  const Verdict* verdict = nullptr;
  for (size_t i = 0; i < batch->records.size(); ++i) {
    sources::Record& record = batch->records[i];
    if (record.is_tombstone) continue;
    const auto frame = registry::ReadSchemaFrame(record.payload, HeaderOf(record));
    if (!frame.ok()) {
      refusals->push_back({i, "registry.bad_schema_id", frame.status().message(), false});
      continue;
    }
    if (!frame->has_value()) {
      if (rules_.required) {
        refusals->push_back({i, "registry.no_schema_id", "the record names no schema", false});
      }
      continue;
    }
    const registry::SchemaFrame& named = **frame;
    if (verdict == nullptr || record.topic.data() != last_topic || named.id != last.id ||
        named.guid != last.guid) {
      TARN_ASSIGN_OR_RETURN(verdict, VerdictOn(record, named));
      last_topic = record.topic.data();
      last = named;
      last_text = batch->arena.Copy(named.Text());
    }
    record.schema_id = last_text;
    if (!verdict->rule.empty()) refusals->push_back({i, verdict->rule, verdict->reason, false});
  }
  return Status::Ok();
}

}  // namespace tarn::app
