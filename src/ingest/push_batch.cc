// Which requests of a batch are new, and what the judge says of their records.
#include <algorithm>

#include "ingest/push_ingestor.h"

namespace tarn::ingest {
namespace {

using Answer = sources::push::PushAnswer;

Answer Refuse(Answer::Kind kind, std::string reason) {
  Answer answer;
  answer.kind = kind;
  answer.reason = std::move(reason);
  return answer;
}

}  // namespace

// What is known without writing: from the table, or from requests of this batch further in front.
std::optional<Answer> PushIngestor::AnswerKnown(const Pending& pending,
                                                std::map<std::string, Producer>* producers) const {
  const Request& request = *pending.request;
  Answer known;
  known.kind = Answer::Kind::kDuplicate;
  known.version = examined_;
  if (request.sequence) {
    const auto found = producers->find(request.sequence->producer);
    if (found == producers->end()) {
      if (producers->size() < options_.max_producers) return std::nullopt;
      return Refuse(Answer::Kind::kTooManyKeys,
                    "the stream follows " + std::to_string(options_.max_producers) +
                        " producers already; producers that are silent for a while are forgotten");
    }
    const Producer& last = found->second;
    if (request.sequence->number == last.number + 1) return std::nullopt;
    if (request.sequence->number > last.number) {
      return Refuse(Answer::Kind::kOutOfSequence, "producer " + request.sequence->producer +
                                                      " is at " + std::to_string(last.number) +
                                                      "; the next request has number " +
                                                      std::to_string(last.number + 1));
    }
    if (request.sequence->number == last.number) {
      known.accepted = last.accepted;
      known.dead_letters = last.dead_letters;
    }
    return known;
  }
  const PushKeys::Entry* entry = keys_.Find(pending.identity);
  if (entry == nullptr) return std::nullopt;
  if (entry->body_crc != request.body_crc) {
    return Refuse(Answer::Kind::kKeyReused,
                  "the idempotency key came before with another body; a key is for one request");
  }
  known.accepted = entry->accepted;
  known.dead_letters = entry->dead_letters;
  return known;
}

void PushIngestor::Classify(Batch* batch, PushReport* report) {
  const int64_t now = options_.clock->NowMicros();
  std::map<std::string, Producer> producers = position_.producers;
  std::erase_if(producers, [&](const auto& entry) {
    return entry.second.at_micros < now - options_.key_window_micros;
  });
  const size_t live_keys = keys_.LiveAt(now);
  size_t new_keys = 0;
  std::map<PushKeys::Hash, size_t> in_batch;
  Batch fresh;
  int64_t next = position_.next;
  for (Pending& pending : *batch) {
    const Request& request = *pending.request;
    if (!pending.has_identity && (request.sequence || !request.key.empty())) {
      pending.has_identity = true;
      pending.identity =
          PushKeys::HashOf(request.sequence ? "s\n" + std::to_string(request.sequence->number) +
                                                  "\n" + request.sequence->producer
                                            : "k\n" + request.key);
    }
    if (pending.has_identity) {
      if (const auto first = in_batch.find(pending.identity); first != in_batch.end()) {
        Pending& leader = fresh[first->second];
        if (leader.request->body_crc == request.body_crc) {
          leader.followers.push_back(std::move(pending));
        } else {
          request.answer(Refuse(Answer::Kind::kKeyReused,
                                "the idempotency key is being used for another body"));
        }
        continue;
      }
      auto known = AnswerKnown(pending, &producers);
      if (!known && !request.sequence && live_keys + ++new_keys > options_.max_keys) {
        known = Refuse(Answer::Kind::kTooManyKeys,
                       "the stream remembers " + std::to_string(options_.max_keys) +
                           " idempotency keys and no more; number the requests instead "
                           "(Tarn-Producer, Tarn-Sequence) or shorten idempotency_window");
      }
      if (known) {
        if (known->kind == Answer::Kind::kDuplicate) ++report->duplicates;
        request.answer(*known);
        for (Pending& follower : pending.followers) follower.request->answer(*known);
        continue;
      }
      if (request.sequence) {
        producers[request.sequence->producer] = {request.sequence->number, now, 0, 0};
      }
      in_batch[pending.identity] = fresh.size();
    }
    pending.base = next;
    pending.judged.clear();
    next += request.count;
    fresh.push_back(std::move(pending));
  }
  *batch = std::move(fresh);
}

void PushIngestor::BuildRecords(const Batch& batch, sources::Batch* records) const {
  for (const Pending& pending : batch) {
    const Request& request = *pending.request;
    for (size_t i = 0; i < request.records.size(); ++i) {
      sources::Record& record = records->records.emplace_back(request.records[i]);
      record.topic = options_.stream;
      record.offset = pending.base + request.indexes[i];
    }
  }
}

// False: requests were refused and answered; what is left is to be looked at again.
Result<bool> PushIngestor::JudgeBatch(Batch* batch, sources::Batch* records) {
  BuildRecords(*batch, records);
  account_ = JudgeAccount();
  if (options_.judge == nullptr || records->records.empty()) return true;
  std::vector<Refusal> refusals;
  TARN_RETURN_IF_ERROR(Retry("judging records", [&] {
    refusals.clear();
    return options_.judge->Judge(records, &refusals);
  }));
  account_ = options_.judge->AccountOf(options_.stream);
  if (refusals.empty()) return true;
  size_t at = 0;     // of the batch
  size_t first = 0;  // index into the records of its first one
  std::vector<bool> refused(batch->size());
  for (const ingest::Refusal& refusal : refusals) {
    while (refusal.record >= first + (*batch)[at].request->records.size()) {
      first += (*batch)[at++].request->records.size();
    }
    Pending& pending = (*batch)[at];
    pending.judged.push_back(
        {pending.request->indexes[refusal.record - first], refusal.rule, refusal.reason});
    refused[at] = refused[at] || refusal.stops || pending.request->all_or_none;
  }
  if (std::find(refused.begin(), refused.end(), true) != refused.end()) {
    Batch left;
    for (size_t i = 0; i < batch->size(); ++i) {
      Pending& pending = (*batch)[i];
      if (!refused[i]) {
        left.push_back(std::move(pending));
        continue;
      }
      Answer answer;
      answer.kind = Answer::Kind::kRefused;
      answer.refused = pending.judged;
      pending.request->answer(answer);
      AnswerAll(&pending.followers, answer);
    }
    *batch = std::move(left);
    return false;
  }
  size_t next = 0, kept = 0;
  for (size_t i = 0; i < records->records.size(); ++i) {
    if (next < refusals.size() && refusals[next].record == i) {
      ++next;
      continue;
    }
    if (kept != i) records->records[kept] = std::move(records->records[i]);
    ++kept;
  }
  records->records.resize(kept);
  return true;
}

}  // namespace tarn::ingest
