#include <cstring>
#include <fstream>
#include <iterator>

#include "jinja/error.h"
#include "jinja/module_object.h"
#include "jinja/modules.h"
#include "jinja/session.h"
#include "jinja/time_values.h"

namespace tarn::jinja {
namespace {

int64_t BigEndian(const std::string& b, size_t at, size_t bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; ++i) v = (v << 8) | static_cast<unsigned char>(b[at + i]);
  if (bytes == 4) return static_cast<int32_t>(v);
  return static_cast<int64_t>(v);
}

bool SafeName(std::string_view name) {
  if (name.empty() || name.size() > 60 || name[0] == '/' ||
      name.find("..") != std::string_view::npos)
    return false;
  for (char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && std::strchr("_+-/", c) == nullptr)
      return false;
  }
  return true;
}

}  // namespace

TzInfo::TzInfo(std::string name, int64_t offset_s, std::string abbreviation, Ref<Zone> zone)
    : name_(std::move(name)),
      offset_s_(offset_s),
      abbreviation_(std::move(abbreviation)),
      zone_(std::move(zone)) {}

std::string TzInfo::Repr() const {
  if (name_ == "UTC") return "<UTC>";
  if (!zone_) return "datetime.timezone(" + TimeDelta(offset_s_ * 1'000'000).Repr() + ")";
  return "<DstTzInfo '" + name_ + "' " + abbreviation_ + TimeDelta(offset_s_ * 1'000'000).Str() +
         ">";
}

bool TzInfo::Equals(const Value& other) const {
  auto* tz = other.As<TzInfo>();
  return tz && tz->offset_s_ == offset_s_ && tz->name_ == name_;
}

Result<std::optional<Value>> TzInfo::GetAttr(Session&, std::string_view name) {
  using Item = std::optional<Value>;
  if (name == "zone") return Item(Value(name_));
  Ref<TzInfo> self(this);
  if (name == "localize" || name == "normalize" || name == "fromutc") {
    bool local = name == "localize", from_utc = name == "fromutc";
    return Item(
        MakeFunction(std::string(name), [self, local, from_utc](CallArgs& a) -> Result<Value> {
          TARN_RETURN_IF_ERROR(a.Check("localize", {"dt", "is_dst"}, 1));
          auto* m = a.positional.empty() ? nullptr : a.positional[0].As<Moment>();
          if (!m || m->kind() != Moment::Kind::kDatetime)
            return TypeError("localize() takes a datetime");
          if (local) {
            if (m->tz()) return ValueError("Not naive datetime (tzinfo is already set)");
            return MakeDatetime(m->days(), m->micros(),
                                self->zone_ ? self->zone_->AtLocal(m->local_s()) : self);
          }
          if (!m->tz() && !from_utc) return ValueError("Naive time - no tzinfo set");
          int64_t utc = m->local_s() - (m->tz() && !from_utc ? m->tz()->offset_s() : 0);
          Ref<TzInfo> tz = self->zone_ ? self->zone_->AtUtc(utc) : self;
          return MakeDatetime(0, (utc + tz->offset_s()) * 1'000'000 + m->micros() % 1'000'000, tz);
        }));
  }
  if (name == "utcoffset" || name == "tzname") {
    bool offset = name == "utcoffset";
    return Item(MakeFunction(std::string(name), [self, offset](CallArgs&) -> Result<Value> {
      if (!offset) return Value(self->abbreviation_);
      return Value(Ref<Object>(new TimeDelta(self->offset_s_ * 1'000'000)));
    }));
  }
  return Item();
}

Ref<TzInfo> UtcZone() { return MakeRef<TzInfo>("UTC", 0, "UTC"); }

Result<Ref<Zone>> Zone::Load(std::string_view name) {
  Status unknown = MakeError("UnknownTimeZoneError", StringRepr(name));
  if (!SafeName(name)) return unknown;
  std::ifstream in("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  auto zone = MakeRef<Zone>();
  zone->name_ = name;
  if (!zone->Parse(bytes)) return unknown;
  return zone;
}

// TZif: a block with 32-bit times, then (version 2) one with 64-bit times.
bool Zone::Parse(const std::string& b) {
  constexpr size_t kHeader = 44;
  if (b.size() < kHeader || b.compare(0, 4, "TZif") != 0) return false;
  size_t begin = 0, width = 4;
  auto count = [&](size_t i) { return static_cast<size_t>(BigEndian(b, begin + 20 + 4 * i, 4)); };
  if (b[4] >= '2') {
    // isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt
    size_t skip =
        kHeader + count(3) * 5 + count(4) * 6 + count(5) + count(2) * 8 + count(1) + count(0);
    if (b.size() < skip + kHeader) return false;
    begin = skip;
    width = 8;
  }
  size_t times = count(3), types = count(4), chars = count(5), at = begin + kHeader;
  if (types == 0 || b.size() < at + times * (width + 1) + types * 6 + chars) return false;
  for (size_t i = 0; i < times; ++i) at_.push_back(BigEndian(b, at + i * width, width));
  at += times * width;
  for (size_t i = 0; i < times; ++i) index_.push_back(static_cast<uint8_t>(b[at + i]));
  at += times;
  const char* names = b.data() + at + types * 6;
  for (size_t i = 0; i < types; ++i) {
    auto name = static_cast<unsigned char>(b[at + i * 6 + 5]);
    if (name >= chars) return false;
    types_.push_back({static_cast<int32_t>(BigEndian(b, at + i * 6, 4)), b[at + i * 6 + 4] != 0,
                      std::string(names + name, strnlen(names + name, chars - name))});
  }
  for (uint8_t i : index_) {
    if (i >= types_.size()) return false;
  }
  return true;
}

const Zone::Type& Zone::TypeAt(int64_t utc_s) const {
  size_t low = 0, high = at_.size();
  while (low < high) {
    size_t middle = (low + high) / 2;
    (at_[middle] <= utc_s ? low : high) = at_[middle] <= utc_s ? middle + 1 : middle;
  }
  return types_[low == 0 ? 0 : index_[low - 1]];
}

Ref<TzInfo> Zone::Info(const Type& type) {
  return MakeRef<TzInfo>(name_, type.offset, type.abbreviation, Ref<Zone>(this));
}

Ref<TzInfo> Zone::AtUtc(int64_t utc_s) { return Info(TypeAt(utc_s)); }

Ref<TzInfo> Zone::AtLocal(int64_t local_s) {
  // pytz without is_dst: of two possible moments the one in standard time.
  const Type& early = TypeAt(local_s - 86400);
  const Type& late = TypeAt(local_s + 86400);
  const Type* fits = nullptr;
  for (const Type* t : {&early, &late}) {
    if (TypeAt(local_s - t->offset).offset != t->offset) continue;
    if (!fits || (fits->dst && !t->dst)) fits = t;
  }
  return Info(fits ? *fits : (early.dst ? late : early));
}

Value MakePytzModule() {
  auto pytz = MakeRef<ModuleNamespace>("pytz");
  pytz->AddFunction("timezone", [](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("timezone", {"zone"}, 1));
    std::string name = a.Get(0, "zone").Str();
    if (name == "UTC" || name == "utc") return Value(Ref<Object>(UtcZone()));
    TARN_ASSIGN_OR_RETURN(Ref<Zone> zone, Zone::Load(name));
    return Value(
        Ref<Object>(zone->AtUtc(-(int64_t{1} << 40))));  // pytz shows the first rule of a zone
  });
  pytz->Add("utc", Value(Ref<Object>(UtcZone())));
  pytz->Add("UTC", Value(Ref<Object>(UtcZone())));
  return Value(pytz);
}

}  // namespace tarn::jinja
