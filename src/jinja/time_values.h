// Dates, times, spans and time zones as Python's datetime and pytz have them.
//
// Time zones come from the system's zoneinfo folder. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/object.h"

namespace tarn::jinja {

// The calendar (proleptic Gregorian). Days count from 1970-01-01.
int64_t DaysOf(int64_t year, int64_t month, int64_t day);
void CivilOf(int64_t days, int64_t* year, int64_t* month, int64_t* day);
int64_t DaysInMonth(int64_t year, int64_t month);

class Zone;

// A fixed offset with a name: what an aware datetime carries. Of a Zone when it came from one.
class TzInfo : public Object {
 public:
  TzInfo(std::string name, int64_t offset_s, std::string abbreviation, Ref<Zone> zone = {});
  std::string_view TypeName() const override { return "tzinfo"; }
  std::string Str() const override { return name_; }
  std::string Repr() const override;
  Result<std::optional<Value>> GetAttr(Session& session, std::string_view name) override;
  bool Equals(const Value& other) const override;

  int64_t offset_s() const { return offset_s_; }
  const std::string& abbreviation() const { return abbreviation_; }
  const std::string& name() const { return name_; }
  const Ref<Zone>& zone() const { return zone_; }

 private:
  std::string name_;
  int64_t offset_s_;
  std::string abbreviation_;
  Ref<Zone> zone_;
};

// The rules of a place.
class Zone : public Shared {
 public:
  // UnknownTimeZoneError when there is none of that name.
  static Result<Ref<Zone>> Load(std::string_view name);
  // The offset at a moment, and for a wall clock (the later of two when it is ambiguous is not
  // taken).
  Ref<TzInfo> AtUtc(int64_t utc_s);
  Ref<TzInfo> AtLocal(int64_t local_s);
  const std::string& name() const { return name_; }

 private:
  struct Type {
    int32_t offset;
    bool dst;
    std::string abbreviation;
  };
  Ref<TzInfo> Info(const Type& type);
  const Type& TypeAt(int64_t utc_s) const;
  bool Parse(const std::string& bytes);
  std::string name_;
  std::vector<int64_t> at_;
  std::vector<uint8_t> index_;
  std::vector<Type> types_;
};

// timezone.utc and pytz.utc.
Ref<TzInfo> UtcZone();

class TimeDelta : public Object {
 public:
  explicit TimeDelta(int64_t micros) : micros_(micros) {}
  std::string_view TypeName() const override { return "datetime.timedelta"; }
  Result<std::optional<Value>> GetAttr(Session& session, std::string_view name) override;
  std::string Str() const override;
  std::string Repr() const override;
  bool Truthy() const override { return micros_ != 0; }
  bool Equals(const Value& other) const override;
  Result<uint64_t> HashOf() const override { return static_cast<uint64_t>(micros_); }
  Result<std::optional<bool>> LessThan(const Value& other) const override;
  Result<std::optional<Value>> Arithmetic(std::string_view op, const Value& other,
                                          bool reflected) const override;
  int64_t micros() const { return micros_; }

 private:
  int64_t micros_;
};

// A date, a time of day, or both.
class Moment : public Object {
 public:
  enum class Kind : uint8_t { kDate, kTime, kDatetime };
  Moment(Kind kind, int64_t days, int64_t micros, Ref<TzInfo> tz = {})
      : kind_(kind), days_(days), micros_(micros), tz_(std::move(tz)) {}
  std::string_view TypeName() const override;
  Result<std::optional<Value>> GetAttr(Session& session, std::string_view name) override;
  std::string Str() const override { return IsoFormat(" "); }
  std::string Repr() const override;
  bool Equals(const Value& other) const override;
  Result<uint64_t> HashOf() const override;
  Result<std::optional<bool>> LessThan(const Value& other) const override;
  Result<std::optional<Value>> Arithmetic(std::string_view op, const Value& other,
                                          bool reflected) const override;
  std::string IsoFormat(std::string_view separator, std::string_view timespec = "auto") const;
  std::string Format(std::string_view format) const;  // strftime

  Kind kind() const { return kind_; }
  int64_t days() const { return days_; }
  int64_t micros() const { return micros_; }  // of the day
  const Ref<TzInfo>& tz() const { return tz_; }
  int64_t local_s() const { return days_ * 86400 + micros_ / 1'000'000; }

 private:
  int64_t utc_micros() const;
  Kind kind_;
  int64_t days_;
  int64_t micros_;
  Ref<TzInfo> tz_;
};

// OverflowError ("date value out of range") beyond the years 1 to 9999.
Result<Value> MakeDatetime(int64_t days, int64_t micros, Ref<TzInfo> tz);
Result<Value> ParseIso(std::string_view text, Moment::Kind kind);
// datetime.strptime. ValueError as Python says it.
Result<Value> ParseTime(std::string_view text, std::string_view format);

}  // namespace tarn::jinja
