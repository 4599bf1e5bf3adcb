// Source: the one interface through which rows come in: files today; Kafka, change capture, HTTP,
// APIs alike.
//
// What it is: a stream of records with a position. A source is opened at a position (or at its
// beginning), gives batches, and each batch carries the position just behind it. The position is
// opaque to everybody else: `ingest` commits it together with the rows and hands it back after a
// crash.
//
// What it does not do: no writing, no retries of the target, no remembering of positions. A source
// tells upstream that something is safe (Acknowledge) only when told so, which is after the commit.
//
// Contract of replay: opened at the same position, a source gives the same records in the same
// order, though perhaps cut into other batches. Within one partition offsets grow strictly. Exactly
// once rests on these two.
//
// Threads: one user at a time. Lifetime: a batch owns its bytes and may outlive the source.
//
// Errors: Poll and Open fail only for what concerns the whole stream; one bad record is a BadRecord
// in the batch and never a failure. RetryClass says what helps: kBackoff (connection lost), kNo
// (damaged, gone).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tarn::sources {

// Where a stream stands: everything the source needs to go on, as JSON text. Empty means the
// beginning.
struct Position {
  std::string json;
};

// Bytes of a batch, in blocks that never move, so that views into them stay valid when the batch
// moves.
class ByteArena {
 public:
  ByteArena() = default;
  ByteArena(ByteArena&&) = default;
  ByteArena& operator=(ByteArena&&) = default;
  // A view of a copy of `bytes` that lives as long as the arena.
  std::string_view Copy(std::string_view bytes);
  uint64_t size_bytes() const { return size_bytes_; }

 private:
  static constexpr size_t kFirstBlockBytes = 4 << 10;  // blocks double up to kBlockBytes
  static constexpr size_t kBlockBytes = 1 << 20;
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t block_bytes_ = 0;
  size_t block_left_ = 0;
  char* block_next_ = nullptr;
  uint64_t size_bytes_ = 0;
};

// All views point into the arena of the record's batch.
struct Record {
  using Header = std::pair<std::string_view, std::optional<std::string_view>>;
  std::string_view payload;             // the exact bytes received
  bool is_tombstone = false;            // there is no payload at all (null, not empty)
  std::optional<std::string_view> key;  // UTF-8; other keys are rendered as \x hex by the source
  std::vector<Header> headers;          // in order, names may repeat, a value may be null
  std::optional<int64_t> event_time_micros;  // since the epoch, UTC; when it happened at the source
  std::string_view schema_id;                // empty: unknown
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;
};

// What arrived but is no record, with everything needed to find it again.
struct BadRecord {
  std::string_view payload;    // its first bytes, at most kMaxBadPayloadBytes
  uint64_t payload_bytes = 0;  // its full size
  std::string_view topic;
  int32_t partition = 0;
  int64_t offset = 0;           // in the order of Record::offset of the partition
  std::optional<int64_t> line;  // from 1; text files only
  // As of a Record, where they are known; the row has them when the record is taken after all.
  std::optional<std::string_view> key;
  std::vector<Record::Header> headers;
  std::optional<int64_t> event_time_micros;
  std::string_view schema_id;
  std::optional<int64_t> byte_offset;
  std::string rule;    // stable short name, "csv.field_count"
  std::string reason;  // one line for a person
};
inline constexpr uint64_t kMaxBadPayloadBytes = 1 << 20;

struct Batch {
  ByteArena arena;
  std::vector<Record> records;
  std::vector<BadRecord> bad;
  Position position;  // behind the last record; what to open at to go on
  bool end = false;   // nothing will ever follow (a file's end); a live stream never sets it
  // Facts to commit beside the position, by name ("csv.header.<schema id>" -> JSON): what a reader
  // of the payloads needs and the payloads do not say.
  std::map<std::string, std::string> facts;

  bool empty() const { return records.empty() && bad.empty(); }
};

// When to close a batch: whichever comes first. A single record may exceed max_bytes.
struct BatchLimits {
  uint64_t max_bytes = 64ull << 20;
  uint64_t max_records = 500'000;
  int64_t max_wait_micros = 1'000'000;  // for live streams: return what there is, maybe nothing
};

class Source {
 public:
  virtual ~Source() = default;

  // Names the stream within its target for ever: "files/bronze.retail/<sha256>-<size>". Two sources
  // with one id have the same content.
  virtual const std::string& stream_id() const = 0;

  // Changes when the same position would mean other records (other delimiter, other record limit).
  // Part of the committed position: a stream half read one way must not be finished another way.
  virtual std::string reading() const { return ""; }

  // Stands at `position` (empty: the beginning). May be called again to go back after a lost race.
  // Errors: kInvalidArgument for a position that this source did not make.
  virtual Status Open(const Position& position) = 0;

  // The next batch; may be empty. After `end` every further call gives an empty batch with `end`
  // set.
  virtual Result<Batch> Poll(const BatchLimits& limits) = 0;

  // Everything up to `position` is durable in the target. Default: upstream need not know.
  virtual Status Acknowledge(const Position& position) { return Status::Ok(); }

  // How much of the stream has been read, in bytes of the upstream; for progress only.
  virtual uint64_t bytes_read() const = 0;
};

}  // namespace tarn::sources
