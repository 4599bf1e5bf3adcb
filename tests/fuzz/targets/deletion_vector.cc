// A deletion vector inline in the log (Z85) and as bytes of a file. What is read and written again
// holds the same rows.
#include "delta/deletion_vector.h"

#include "delta/z85.h"
#include "fuzz.h"

namespace {

void CheckRows(const tarn::Result<tarn::delta::RowSet>& rows) {
  using tarn::fuzz::Require;
  if (!rows.ok()) return;
  const auto again = tarn::delta::RowSet::Deserialize(rows->Serialize());
  Require(again.ok(), "what was written can be read: " + again.status().ToString());
  Require(again->Cardinality() == rows->Cardinality(), "no row is lost");
  uint64_t visited = 0;
  uint64_t last = 0;
  if (rows->Cardinality() > 100'000) return;
  rows->ForEach([&](uint64_t row) {
    Require(visited == 0 || row > last, "rows ascend");
    Require(again->Contains(row), "rows survive");
    last = row;
    ++visited;
  });
  Require(visited == rows->Cardinality(), "the cardinality is right");
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tarn;
  const std::string_view text = fuzz::TextOf(data, size);
  CheckRows(delta::RowSet::Deserialize(text));
  const auto decoded = delta::DecodeZ85(text);
  if (decoded) fuzz::Require(delta::EncodeZ85(*decoded) == text, "Z85 is one to one");
  auto store = store::MakeMemoryStore();
  delta::DeletionVectorDescriptor inline_vector;
  inline_vector.storage_type = 'i';
  inline_vector.path_or_inline = std::string(text);
  inline_vector.size_bytes = static_cast<int32_t>(size * 4 / 5);
  inline_vector.cardinality = size == 0 ? 0 : data[0];
  (void)delta::ReadDeletionVector(*store, "t", inline_vector).ok();
  // A file of vectors: the input is the file, its first bytes choose where the vector lies.
  if (size < 4 || !store->Put("t/dv.bin", text, store::PutMode::kOverwrite).ok()) return 0;
  delta::DeletionVectorDescriptor in_file;
  in_file.storage_type = 'p';
  in_file.path_or_inline = "dv.bin";
  in_file.offset = data[0] % 8;
  in_file.size_bytes = static_cast<int32_t>(data[1] | data[2] << 8);
  in_file.cardinality = data[3];
  (void)delta::ReadDeletionVector(*store, "t", in_file).ok();
  return 0;
}
