#include "ingest/contract_record_judge.h"

#include <algorithm>

namespace tarn::ingest {
namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;

bool NamesTable(const govern::Contract& contract, std::string_view table) {
  return std::find(contract.streams.begin(), contract.streams.end(), table) !=
         contract.streams.end();
}

}  // namespace

bool HasContractFor(const std::vector<govern::Contract>& contracts, std::string_view table) {
  return std::any_of(contracts.begin(), contracts.end(),
                     [&](const auto& contract) { return NamesTable(contract, table); });
}

Result<std::unique_ptr<ContractRecordJudge>> ContractRecordJudge::Make(
    ContractJudgeOptions options) {
  std::unique_ptr<ContractRecordJudge> out(new ContractRecordJudge(std::move(options)));
  for (const govern::Contract& contract : out->options_.contracts) {
    Ruler ruler;
    TARN_ASSIGN_OR_RETURN(ruler.judge, govern::ContractJudge::Make(contract));
    if (!contract.effective_date.empty()) {
      const auto from = ParseTimestampUtc(contract.effective_date);
      if (!from.ok()) {
        return from.status().WithContext("effective_date of contract " + contract.name);
      }
      ruler.from_day = *from / kMicrosPerDay;
    }
    out->rulers_.push_back(std::move(ruler));
  }
  return out;
}

Result<ContractRecordJudge::Topic*> ContractRecordJudge::TopicOf(std::string_view name) {
  const auto known = topics_.find(name);
  if (known != topics_.end()) return &known->second;
  const std::string table = options_.table_of(name);
  Topic topic;
  for (size_t i = 0; i < rulers_.size(); ++i) {
    if (NamesTable(rulers_[i].judge->contract(), table)) topic.rulers.push_back(i);
  }
  if (!topic.rulers.empty() && options_.on_table) {
    TARN_RETURN_IF_ERROR(options_.on_table(table));
  }
  return &topics_.emplace(std::string(name), std::move(topic)).first->second;
}

void ContractRecordJudge::StartCounting(Topic* topic, int64_t now_micros) {
  topic->counted.clear();
  for (const size_t index : topic->rulers) {
    const Ruler& ruler = rulers_[index];
    if (ruler.from_day && now_micros / kMicrosPerDay < *ruler.from_day) continue;
    topic->counted.push_back({&ruler, ruler.judge->NewCounts()});
  }
}

Status ContractRecordJudge::JudgeRecord(const sources::Record& record, int64_t now_micros,
                                        Topic* topic, std::optional<Refusal>* refusal) {
  std::string_view text = record.payload;
  std::string fault;
  if (options_.payload_text) {
    TARN_RETURN_IF_ERROR(options_.payload_text(record, &scratch_, &text, &fault));
    // Bytes that their own schema cannot read are judged as what they are: no JSON.
    if (!fault.empty()) text = std::string_view();
  }
  auto worst = govern::Enforcement::kFlag;
  for (Counted& one : topic->counted) {
    govern::ContractJudge& judge = *one.ruler->judge;
    govern::Verdict verdict = judge.Judge(text, now_micros, &one.counts);
    if (!verdict.broken || verdict.action <= worst) continue;
    worst = verdict.action;
    const govern::Contract& contract = judge.contract();
    *refusal = Refusal{
        0, "contract." + judge.rules()[verdict.rule].name,
        contract.name + " " + contract.version + ": " + (fault.empty() ? verdict.reason : fault),
        verdict.action == govern::Enforcement::kStop};
  }
  return Status::Ok();
}

Status ContractRecordJudge::Judge(sources::Batch* batch, std::vector<Refusal>* refusals) {
  std::vector<Refusal> before;
  if (options_.before != nullptr) {
    TARN_RETURN_IF_ERROR(options_.before->Judge(batch, &before));
  }
  const int64_t now = options_.clock->NowMicros();
  for (auto& [name, topic] : topics_) topic.counted.clear();
  for (Ruler& ruler : rulers_) ruler.judge->BeginBatch();
  auto refused = before.begin();
  const char* last_name = nullptr;
  Topic* topic = nullptr;
  for (size_t i = 0; i < batch->records.size(); ++i) {
    if (refused != before.end() && refused->record == i) {
      refusals->push_back(std::move(*refused++));
      continue;
    }
    const sources::Record& record = batch->records[i];
    if (record.is_tombstone) continue;
    // Records of a topic come in runs and share the text of its name.
    if (topic == nullptr || record.topic.data() != last_name) {
      TARN_ASSIGN_OR_RETURN(topic, TopicOf(record.topic));
      if (topic->counted.empty()) StartCounting(topic, now);
      last_name = record.topic.data();
    }
    if (topic->counted.empty()) continue;
    std::optional<Refusal> refusal;
    TARN_RETURN_IF_ERROR(JudgeRecord(record, now, topic, &refusal));
    if (!refusal) continue;
    refusal->record = i;
    refusals->push_back(std::move(*refusal));
  }
  return Status::Ok();
}

JudgeAccount ContractRecordJudge::AccountOf(std::string_view name) const {
  JudgeAccount out;
  const auto topic = topics_.find(name);
  if (topic == topics_.end()) return out;
  for (const Counted& one : topic->second.counted) {
    const govern::ContractCounts& counts = one.counts;
    if (counts.records == 0) continue;
    const govern::ContractJudge& judge = *one.ruler->judge;
    const govern::Contract& contract = judge.contract();
    ContractAccount& account = out.contracts.emplace_back();
    account.contract = contract.name;
    account.version = contract.version;
    account.judged = counts.records;
    account.flagged = counts.flagged;
    account.dead_letters = counts.dead_letters;
    account.max_delay_micros = counts.max_delay_micros;
    for (size_t i = 0; i < counts.broken.size(); ++i) {
      if (counts.broken[i] == 0) continue;
      const govern::ContractRule& rule = judge.rules()[i];
      account.rules[rule.name] = {counts.broken[i],
                                  std::string(govern::EnforcementName(rule.enforcement))};
    }
    for (size_t i = 0; i < counts.nulls.size(); ++i) {
      if (counts.nulls[i] > 0) account.nulls[contract.schema[i].name] = counts.nulls[i];
    }
  }
  return out;
}

void ContractRecordJudge::OnCommitted() {
  if (options_.before != nullptr) options_.before->OnCommitted();
}

}  // namespace tarn::ingest
