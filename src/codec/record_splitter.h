// RecordSplitter: a stream of bytes in chunks of any size -> records with their exact bytes and
// place.
//
// What it is: the push side of every text format. Feed() bytes, pull records with Next() until it
// says false, feed again, Finish() at the end of the input and pull the rest. How the input is cut
// into chunks never changes what comes out.
//
// What it does not do: no I/O, no decompression, no typing of values. It never drops bytes
// silently: whatever is between two records and is not a separator or a blank line comes out as a
// bad record with a rule and a reason.
//
// Memory: holds at most one record (`max_record_bytes`) plus the chunk last fed. A longer record is
// passed over: it comes out as bad, with its first `keep_bad_bytes`, its full size, and the
// splitter is in step again behind it.
//
// Threads: one user at a time. Lifetime: a SplitRecord's bytes are valid until the next call of any
// method.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::codec {

struct SplitRecord {
  std::string_view bytes;   // exact bytes, without the line end; cut at keep_bad_bytes when bad
  uint64_t size = 0;        // full size of the record in bytes
  int64_t byte_offset = 0;  // of its first byte in the (decompressed) input, from 0
  int64_t line = 1;         // physical line of its first byte, from 1
  std::string rule;         // empty: a good record; else a short stable name, "csv.field_count"
  std::string reason;       // one line for a person; empty for a good record

  bool good() const { return rule.empty(); }
};

struct SplitLimits {
  uint64_t max_record_bytes = 64ull << 20;
  uint64_t keep_bad_bytes = 1ull << 20;
};

// Where a splitter stands behind the record last returned; a new splitter given this and the input
// from `byte_offset` on goes on exactly there.
struct SplitState {
  int64_t byte_offset = 0;
  int64_t line = 1;
  std::string mode;  // the splitter's own: line ends, field count, place in an array

  bool at_start() const { return byte_offset == 0 && mode.empty(); }
};

class RecordSplitter {
 public:
  virtual ~RecordSplitter() = default;
  virtual void Feed(std::string_view chunk) = 0;
  // No more input will follow. Call once.
  virtual void Finish() = 0;
  // The next record, good or bad; false: feed more or, after Finish, the end.
  virtual bool Next(SplitRecord* record) = 0;
  virtual SplitState state() const = 0;
  // Empty lines passed over; they are no records.
  virtual uint64_t blank_lines() const { return 0; }
};

// The bytes not yet consumed, with their place in the input.
class SplitBuffer {
 public:
  explicit SplitBuffer(int64_t offset) : base_(offset) {}
  void Feed(std::string_view chunk);
  // Unconsumed bytes.
  std::string_view view() const { return std::string_view(data_).substr(head_); }
  size_t size() const { return data_.size() - head_; }
  char operator[](size_t index) const { return data_[head_ + index]; }
  int64_t offset() const { return base_ + static_cast<int64_t>(head_); }
  // The bytes stay readable through views taken before until the next Feed.
  void Consume(size_t count) { head_ += count; }

 private:
  std::string data_;
  size_t head_ = 0;
  int64_t base_;
};

// How lines end in one file; the first line end decides. In kLf and kCrLf both LF and CRLF end a
// line and a CR alone is data; in kCr a CR (with an LF behind it, if any) ends a line and an LF
// alone is data.
enum class LineEnd { kUnknown, kLf, kCrLf, kCr };
std::string_view LineEndName(LineEnd line_end);  // "unknown", "lf", "crlf", "cr"
LineEnd LineEndFromName(std::string_view name);

// A line end at `at`, `length` bytes long.
struct LineBreak {
  size_t at = 0;
  size_t length = 0;
  LineEnd kind = LineEnd::kUnknown;
};
// The first line end of `bytes` at or after `from`; nullopt when there is none or when its kind or
// length hangs on a byte not there yet (`whole`: no more bytes will follow). `*pending` then says
// where to look again.
std::optional<LineBreak> FindLineBreak(std::string_view bytes, size_t from, LineEnd known,
                                       bool whole, size_t* pending);
// Line ends within `bytes`.
int64_t CountLineBreaks(std::string_view bytes, LineEnd known);

}  // namespace tarn::codec
