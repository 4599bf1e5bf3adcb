#include "operate/lease.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace tarn::operate {
namespace {

constexpr const char* kClaim = "claim";
constexpr const char* kBeat = "beat";

std::string TextOf(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Lease::Lease(std::shared_ptr<store::ObjectStore> store, LeaseOptions options, Clock& clock)
    : store_(std::move(store)), options_(std::move(options)), clock_(clock) {}

std::string Lease::Key(int64_t epoch, const char* kind) const {
  char number[32];
  std::snprintf(number, sizeof(number), "%012lld", static_cast<long long>(epoch));
  return options_.folder + "/" + options_.name + "/" + number + "." + kind;
}

Result<int64_t> Lease::NewestEpoch() {
  TARN_ASSIGN_OR_RETURN(const auto listing,
                        store_->ListFolder(options_.folder + "/" + options_.name));
  int64_t newest = 0;
  for (const std::string& name : listing.objects) {
    if (!name.ends_with(".claim")) continue;
    newest = std::max<int64_t>(newest, std::strtoll(name.c_str(), nullptr, 10));
  }
  return newest;
}

Status Lease::WriteBeat(bool released) {
  const nlohmann::json beat = {
      {"holder", options_.holder}, {"beat", ++beats_}, {"released", released}};
  return store_->Put(Key(epoch_, kBeat), TextOf(beat), store::PutMode::kOverwrite);
}

Result<bool> Lease::TryAcquire() {
  if (held_ && LeftMicros() > 0) return true;
  held_ = false;
  TARN_ASSIGN_OR_RETURN(const int64_t newest, NewestEpoch());
  const int64_t now = clock_.MonotonicMicros();
  if (newest > 0) {
    const auto beat = store_->Get(Key(newest, kBeat));
    if (!beat.ok() && beat.status().code() != StatusCode::kNotFound) return beat.status();
    const std::string text = beat.ok() ? *beat : "";
    if (newest != seen_epoch_ || text != seen_beat_) {
      seen_epoch_ = newest;
      seen_beat_ = text;
      seen_since_micros_ = now;
    }
    const auto json = nlohmann::json::parse(text, nullptr, false);
    const bool released = json.is_object() && json.value("released", false);
    seen_holder_ = released || !json.is_object() ? "" : json.value("holder", "");
    if (!released && now - seen_since_micros_ < options_.ttl_micros) return false;
  }
  const nlohmann::json claim = {{"holder", options_.holder}, {"at", clock_.NowMicros()}};
  const Status claimed =
      store_->Put(Key(newest + 1, kClaim), TextOf(claim), store::PutMode::kCreateOnly);
  if (!claimed.ok()) {
    if (claimed.code() == StatusCode::kAlreadyExists) return false;
    if (claimed.retry() != RetryClass::kOutcomeUnknown) return claimed;
    // Ours if it says so: the reply was lost, not the claim.
    const auto there = store_->Get(Key(newest + 1, kClaim));
    if (!there.ok() || *there != TextOf(claim)) return false;
  }
  epoch_ = newest + 1;
  beats_ = 0;
  held_ = true;
  seen_holder_ = options_.holder;
  trusted_until_micros_ = now + options_.ttl_micros * 3 / 4;
  const Status beaten = WriteBeat(false);
  if (!beaten.ok()) return beaten;
  RemoveOld();
  return true;
}

void Lease::RemoveOld() {
  for (int64_t epoch = std::max<int64_t>(epoch_ - 3, 1); epoch < epoch_; ++epoch) {
    (void)store_->Delete(Key(epoch, kBeat));
    (void)store_->Delete(Key(epoch, kClaim));
  }
}

Result<bool> Lease::Renew() {
  const int64_t now = clock_.MonotonicMicros();
  if (LeftMicros() <= 0) held_ = false;  // somebody else may be claiming it at this very moment
  if (!held_) return false;
  TARN_ASSIGN_OR_RETURN(const int64_t newest, NewestEpoch());
  if (newest != epoch_) {
    held_ = false;
    return false;
  }
  TARN_RETURN_IF_ERROR(WriteBeat(false));
  // A heartbeat that took until after the old trust ended may have been waited for in vain.
  if (LeftMicros() <= 0) {
    held_ = false;
    return false;
  }
  trusted_until_micros_ = now + options_.ttl_micros * 3 / 4;
  return true;
}

int64_t Lease::LeftMicros() const {
  return held_ ? trusted_until_micros_ - clock_.MonotonicMicros() : 0;
}

Status Lease::Release() {
  if (!held_) return Status::Ok();
  held_ = false;
  seen_holder_.clear();
  TARN_ASSIGN_OR_RETURN(const int64_t newest, NewestEpoch());
  return newest == epoch_ ? WriteBeat(true) : Status::Ok();
}

}  // namespace tarn::operate
